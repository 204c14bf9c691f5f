//! The authorization endpoint: a request is checked, the user asked, and a code issued.
//!
//! The request travels in the ticket and is checked again on every way back, so a client that was changed meanwhile is seen.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::access_token::hinted_subject;
use super::error::{PAGE_HEADERS, local_page, method_not_allowed};
use super::flow::{Context, Halt};
use super::grant::{CodeState, Grant, State};
use super::http::{HttpRequest, HttpResponse};
use super::interact::{ConsentOutcome, Login, LoginOutcome};
use super::params::Params;
use super::redirect::{display_host, with_params};
use super::request::{Asked, Fault, Target, asked, prompts, target};
use super::step::{Ask, Interaction, Need, Reply};
use super::ticket::{self, Stage, Ticket};
use super::{code, crypto, token};
use crate::time::UnixSeconds;

/// How far the user has come.
pub(super) enum Progress {
    Start,
    Login(LoginOutcome),
    Consent(Login, ConsentOutcome),
}

pub(super) fn run(context: &mut Context<'_>, request: &HttpRequest) -> Result<Reply, Halt> {
    let text = match request.method.as_str() {
        "GET" => request.query.as_bytes(),
        "POST" if request.is_form() && request.body.len() <= super::MAX_BODY_BYTES => &request.body,
        "POST" => return Err(local_page("invalid_request", "the form cannot be read").into()),
        _ => return Err(method_not_allowed("GET, POST").into()),
    };
    let params = Params::parse(text).map_err(|_| local_page("invalid_request", "the parameters cannot be read"))?;
    let now = context.now;
    go_on(context, request, &params, now, &Progress::Start)
}

pub(super) fn go_on(
    context: &mut Context<'_>,
    request: &HttpRequest,
    params: &Params,
    started_at: UnixSeconds,
    progress: &Progress,
) -> Result<Reply, Halt> {
    let target = target(context, request, params)?;
    // RFC 9700 section 4.11.2: a stranger's client may not use this server as an open redirector.
    let known = matches!(progress, Progress::Login(LoginOutcome::LoggedIn(_)) | Progress::Consent(..));
    let redirects = target.client.trusted || known;
    match decide(context, request, params, &target, redirects, started_at, progress) {
        Err(Halt::Outage) if redirects => {
            Ok(redirect_error(context, &target, &Fault("temporarily_unavailable", "try again")))
        }
        decided => decided,
    }
}

fn decide(
    context: &mut Context<'_>,
    request: &HttpRequest,
    params: &Params,
    target: &Target,
    redirects: bool,
    started_at: UnixSeconds,
    progress: &Progress,
) -> Result<Reply, Halt> {
    let checked = asked(context, &target.client, params);
    if let (Err(fault), true) = (&checked, redirects) {
        return Ok(redirect_error(context, target, fault));
    }
    let prompts = prompts(params);
    let silent = prompts.iter().any(|prompt| prompt == "none");
    let login = match progress {
        Progress::Start => return ask_login(context, request, params, target, &prompts, started_at, false),
        Progress::Login(_) if checked.is_err() && !redirects => {
            return Err(local_page("invalid_request", "the request is faulty").into());
        }
        Progress::Login(LoginOutcome::Denied) => {
            return Ok(redirect_error(context, target, &Fault("access_denied", "the user turned away")));
        }
        Progress::Login(LoginOutcome::NotLoggedIn) => {
            if !target.client.trusted {
                return Err(local_page("login_required", "sign in first").into());
            }
            return Ok(redirect_error(context, target, &Fault("login_required", "the user is not signed in")));
        }
        Progress::Login(LoginOutcome::LoggedIn(login)) | Progress::Consent(login, _) => login,
    };
    let asked = match checked {
        Ok(asked) => asked,
        Err(fault) => return Ok(redirect_error(context, target, &fault)),
    };
    let forced = prompts.iter().any(|prompt| prompt == "login");
    let stale = asked.max_age.is_some_and(|age| login.auth_time.saturating_add(age) < started_at)
        || (forced || asked.max_age == Some(0)) && login.auth_time < started_at;
    let hinted = match params.get("id_token_hint") {
        Some(hint) => match hinted_subject(context.server, hint, &target.client.client_id, context.now) {
            Some(sub) => sub == login.sub,
            None => return Ok(redirect_error(context, target, &Fault("invalid_request", "id_token_hint is invalid"))),
        },
        None => true,
    };
    if stale && !silent {
        return ask_login(context, request, params, target, &prompts, started_at, true);
    }
    if stale || !hinted {
        return Ok(redirect_error(context, target, &Fault("login_required", "the user must sign in")));
    }
    let scopes = match progress {
        Progress::Consent(_, ConsentOutcome::Deny) => {
            return Ok(redirect_error(context, target, &Fault("access_denied", "the user refused")));
        }
        Progress::Consent(_, ConsentOutcome::Approve { scopes }) => {
            if scopes.is_empty() || !scopes.iter().all(|scope| asked.scopes.contains(scope)) {
                return Err(local_page("scope_not_asked", "approved scopes were not asked for").into());
            }
            // As they were asked for, each once, whatever the form repeats.
            let scopes: Vec<String> = asked.scopes.iter().filter(|scope| scopes.contains(scope)).cloned().collect();
            context.perform(|| Need::SaveConsent {
                sub: login.sub.clone(),
                client_id: target.client.client_id.clone(),
                scopes: scopes.clone(),
            })?;
            scopes
        }
        _ => {
            if needs_consent(context, target, &asked, login)? {
                if silent {
                    return Ok(redirect_error(context, target, &Fault("consent_required", "the user must approve")));
                }
                return ask_consent(context, request, params, target, asked.scopes, started_at, login);
            }
            asked.scopes.clone()
        }
    };
    issue(context, target, &asked, params, login, scopes)
}

fn needs_consent(context: &mut Context<'_>, target: &Target, asked: &Asked, login: &Login) -> Result<bool, Halt> {
    if asked.prompts.iter().any(|prompt| prompt == "consent") {
        return Ok(true);
    }
    if target.client.skip_consent && target.client.trusted && !target.client.is_public() {
        return Ok(false);
    }
    let approved = context
        .consent(|| Need::Consent { sub: login.sub.clone(), client_id: target.client.client_id.clone() })?
        .unwrap_or_default();
    Ok(!asked.scopes.iter().all(|scope| approved.contains(scope)))
}

fn interaction(
    context: &Context<'_>,
    request: &HttpRequest,
    params: &Params,
    target: &Target,
    started_at: UnixSeconds,
    login: Option<&Login>,
    ask: Ask,
) -> Result<Reply, Halt> {
    let (browser, cookie) = ticket::bind(context, request);
    let ticket = Ticket {
        id: crypto::b64(&crypto::mac(context.entropy, &[b"ticket"])),
        stage: if login.is_some() { Stage::Consent } else { Stage::Login },
        query: params.to_query(),
        started_at,
        expires_at: context.now.saturating_add(context.server.config.lifetimes.ticket),
        browser,
        login: login.cloned(),
    };
    let mut headers: Vec<_> =
        PAGE_HEADERS.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect();
    headers.push((String::from("set-cookie"), cookie));
    Ok(Reply::Interact(Interaction {
        ask,
        ticket: ticket::seal(context.server, &ticket).ok_or(Halt::Outage)?,
        client_id: target.client.client_id.clone(),
        client_name: target.client.name.clone(),
        trusted: target.client.trusted,
        headers,
    }))
}

fn ask_login(
    context: &Context<'_>,
    request: &HttpRequest,
    params: &Params,
    target: &Target,
    prompts: &[String],
    started_at: UnixSeconds,
    stale: bool,
) -> Result<Reply, Halt> {
    let has = |name: &str| prompts.iter().any(|prompt| prompt == name);
    let text = |name: &str| params.get(name).map(ToString::to_string);
    let ask = Ask::Login {
        silent: has("none"),
        reauthenticate: stale || has("login") || params.get("max_age") == Some("0"),
        select_account: has("select_account"),
        login_hint: text("login_hint"),
        ui_locales: text("ui_locales"),
        acr_values: text("acr_values"),
        display: text("display"),
    };
    interaction(context, request, params, target, started_at, None, ask)
}

fn ask_consent(
    context: &Context<'_>,
    request: &HttpRequest,
    params: &Params,
    target: &Target,
    scopes: Vec<String>,
    started_at: UnixSeconds,
    login: &Login,
) -> Result<Reply, Halt> {
    let ask = Ask::Consent { scopes, redirect_host: display_host(&target.redirect_uri).to_string() };
    interaction(context, request, params, target, started_at, Some(login), ask)
}

/// Inserts the grant and sends its code.
fn issue(
    context: &mut Context<'_>,
    target: &Target,
    asked: &Asked,
    params: &Params,
    login: &Login,
    scopes: Vec<String>,
) -> Result<Reply, Halt> {
    let (now, lifetimes) = (context.now, context.server.config.lifetimes);
    let id_bytes = crypto::mac(context.entropy, &[b"grant"]);
    let id = crypto::b64(id_bytes.get(..16).unwrap_or_default());
    let code = code::write(&id, &crypto::mac(context.entropy, &[b"code"]));
    let grant = Grant {
        v: Grant::VERSION,
        client_id: target.client.client_id.clone(),
        sub: login.sub.clone(),
        scopes,
        resource: asked.resource.clone(),
        redirect_uri: target.redirect_uri.clone(),
        redirect_sent: target.redirect_sent,
        nonce: params.get("nonce").map(ToString::to_string),
        auth_time: login.auth_time,
        acr: login.acr.clone(),
        amr: login.amr.clone(),
        code: CodeState {
            hash: code::hash(&code),
            challenge: asked.challenge.clone(),
            expires_at: now.saturating_add(lifetimes.code),
        },
        state: State::Issued,
        generation: 0,
        advanced_at: now,
        prev_ok_until: None,
        created_at: now,
        idle_ttl: lifetimes.refresh_idle,
        absolute_expires_at: now.saturating_add(lifetimes.refresh_absolute),
        salt: crypto::b64(&crypto::mac(context.entropy, &[b"salt"])),
    };
    if !token::insert(context, &id, &grant)? {
        return Err(Halt::Outage);
    }
    Ok(redirect(context, target, &[("code", code.as_str())]))
}

/// Sends the browser back with `state` and `iss` (RFC 9207); never 307, which would carry a form along.
fn redirect(context: &Context<'_>, target: &Target, params: &[(&str, &str)]) -> Reply {
    let mut all = params.to_vec();
    if let Some(state) = &target.state {
        all.push(("state", state));
    }
    all.push(("iss", context.server.issuer()));
    let response = HttpResponse::new(if target.post { 303 } else { 302 })
        .with("location", &with_params(&target.redirect_uri, &all))
        .with("cache-control", "no-store")
        .with("referrer-policy", "no-referrer");
    Reply::Respond(response)
}

fn redirect_error(context: &Context<'_>, target: &Target, fault: &Fault) -> Reply {
    redirect(context, target, &[("error", fault.0), ("error_description", fault.1)])
}
