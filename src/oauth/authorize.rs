//! The authorization endpoint: a request is checked, the user asked, and a code issued.
//!
//! The request travels in the ticket and is checked again on every way back, so a client that was changed meanwhile is seen.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::access_token::hinted_subject;
use super::client::{Client, GrantType, Pkce};
use super::error::{PAGE_HEADERS, local_page, method_not_allowed};
use super::flow::{Context, Halt};
use super::grant::{CodeState, Grant, State};
use super::http::{HttpRequest, HttpResponse};
use super::interact::{ConsentOutcome, Login, LoginOutcome};
use super::params::{Params, scopes};
use super::redirect::{display_host, redirect_matches, with_params};
use super::step::{Ask, Interaction, Need, Reply};
use super::ticket::{self, Stage, Ticket};
use super::{code, crypto, token};
use crate::time::UnixSeconds;

const KNOWN: [&str; 17] = [
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "claims_locales",
    "display",
    "acr_values",
    "response_mode",
    "client_id",
    "redirect_uri",
];

/// How far the user has come.
pub(super) enum Progress {
    Start,
    Login(LoginOutcome),
    Consent(Login, ConsentOutcome),
}

/// Where the answer goes: trusted once client and redirect URI are checked.
struct Target {
    client: Client,
    redirect_uri: String,
    redirect_sent: bool,
    state: Option<String>,
    post: bool,
}

/// A request without fault.
struct Asked {
    scopes: Vec<String>,
    challenge: Option<String>,
    resource: Option<String>,
    prompts: Vec<String>,
    max_age: Option<i64>,
}

/// An error that is redirected.
struct Fault(&'static str, &'static str);

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
    let checked = asked(context, &target.client, params);
    // RFC 9700 section 4.11.2: a stranger's client may not use this server as an open redirector.
    let started = matches!(progress, Progress::Start);
    if let (Err(fault), true) = (&checked, target.client.trusted || !started) {
        return Ok(redirect_error(context, &target, fault));
    }
    let prompts: Vec<String> = checked.as_ref().map(|asked| asked.prompts.clone()).unwrap_or_default();
    let silent = prompts.iter().any(|prompt| prompt == "none");
    let login = match progress {
        Progress::Start => return ask_login(context, request, params, &target, &prompts, started_at, false),
        Progress::Login(LoginOutcome::Denied) => {
            return Ok(redirect_error(context, &target, &Fault("access_denied", "the user turned away")));
        }
        Progress::Login(LoginOutcome::NotLoggedIn) => {
            if !target.client.trusted {
                return Err(local_page("login_required", "sign in first").into());
            }
            return Ok(redirect_error(context, &target, &Fault("login_required", "the user is not signed in")));
        }
        Progress::Login(LoginOutcome::LoggedIn(login)) | Progress::Consent(login, _) => login,
    };
    let asked = match checked {
        Ok(asked) => asked,
        Err(fault) => return Ok(redirect_error(context, &target, &fault)),
    };
    let forced = prompts.iter().any(|prompt| prompt == "login");
    let stale = asked.max_age.is_some_and(|age| login.auth_time.saturating_add(age) < started_at)
        || (forced || asked.max_age == Some(0)) && login.auth_time < started_at;
    let hinted = match params.get("id_token_hint") {
        Some(hint) => match hinted_subject(context.server, hint, &target.client.client_id, context.now) {
            Some(sub) => sub == login.sub,
            None => return Ok(redirect_error(context, &target, &Fault("invalid_request", "id_token_hint is invalid"))),
        },
        None => true,
    };
    if stale && !silent {
        return ask_login(context, request, params, &target, &prompts, started_at, true);
    }
    if stale || !hinted {
        return Ok(redirect_error(context, &target, &Fault("login_required", "the user must sign in")));
    }
    let scopes = match progress {
        Progress::Consent(_, ConsentOutcome::Deny) => {
            return Ok(redirect_error(context, &target, &Fault("access_denied", "the user refused")));
        }
        Progress::Consent(_, ConsentOutcome::Approve { scopes }) => {
            if scopes.is_empty() || !scopes.iter().all(|scope| asked.scopes.contains(scope)) {
                return Err(local_page("scope_not_asked", "approved scopes were not asked for").into());
            }
            context.perform(|| Need::SaveConsent {
                sub: login.sub.clone(),
                client_id: target.client.client_id.clone(),
                scopes: scopes.clone(),
            })?;
            scopes.clone()
        }
        _ => {
            if needs_consent(context, &target, &asked, login)? {
                if silent {
                    return Ok(redirect_error(context, &target, &Fault("consent_required", "the user must approve")));
                }
                return ask_consent(context, request, params, &target, asked.scopes, started_at, login);
            }
            asked.scopes.clone()
        }
    };
    issue(context, &target, &asked, params, login, scopes)
}

/// Client and redirect URI. What is wrong here is shown and never redirected.
fn target(context: &mut Context<'_>, request: &HttpRequest, params: &Params) -> Result<Target, Halt> {
    let page = |text: &str| Halt::from(local_page("invalid_request", text));
    if params.repeated(&["client_id", "redirect_uri"]).is_some() {
        return Err(page("client_id or redirect_uri is repeated"));
    }
    let id = params.get("client_id").ok_or_else(|| page("client_id is missing"))?;
    let client = context.client(|| Need::Client { client_id: String::from(id) })?;
    let client = client.filter(|client| client.client_id == id).ok_or_else(|| page("the client is unknown"))?;
    let sent = params.get("redirect_uri");
    let redirect_uri = match (sent, client.redirect_uris.as_slice()) {
        (Some(uri), known) if known.iter().any(|known| redirect_matches(known, uri)) => uri.to_string(),
        (Some(_), _) => return Err(page("redirect_uri is not registered")),
        (None, [only]) if !params.get("scope").is_some_and(|scope| scope.split(' ').any(|one| one == "openid")) => {
            only.clone()
        }
        (None, _) => return Err(page("redirect_uri is missing")),
    };
    let state = if params.count("state") == 1 { params.get("state").map(ToString::to_string) } else { None };
    Ok(Target { client, redirect_uri, redirect_sent: sent.is_some(), state, post: request.method == "POST" })
}

/// Everything else a request says.
fn asked(context: &Context<'_>, client: &Client, params: &Params) -> Result<Asked, Fault> {
    for (name, code) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if params.get(name).is_some() {
            return Err(Fault(code, "the parameter is not supported"));
        }
    }
    if params.repeated(&KNOWN).is_some() {
        return Err(Fault("invalid_request", "a parameter is repeated"));
    }
    match params.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(Fault("unsupported_response_type", "the response type must be code")),
        None => return Err(Fault("invalid_request", "response_type is missing")),
    }
    if params.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Fault("invalid_request", "the response mode must be query"));
    }
    if !client.may(GrantType::AuthorizationCode) {
        return Err(Fault("unauthorized_client", "the client may not use this grant type"));
    }
    let scopes = match params.get("scope") {
        Some(text) => scopes(text),
        None => Some(client.default_scopes.clone()).filter(|scopes| !scopes.is_empty()),
    };
    let known = &context.server.config.scopes;
    let scopes = scopes
        .filter(|scopes| scopes.iter().all(|scope| client.scopes.contains(scope) && known.contains(scope)))
        .ok_or(Fault("invalid_scope", "the scope is invalid or not the client's"))?;
    let resource = resource(context, client, params)?;
    let challenge = challenge(client, params, scopes.iter().any(|scope| scope == "openid"))?;
    let prompts: Vec<String> =
        params.get("prompt").map(|text| text.split(' ').map(ToString::to_string).collect()).unwrap_or_default();
    if !prompts.iter().all(|prompt| ["none", "login", "consent", "select_account"].contains(&prompt.as_str()))
        || prompts.len() > 1 && prompts.iter().any(|prompt| prompt == "none")
    {
        return Err(Fault("invalid_request", "prompt is invalid"));
    }
    let max_age = match params.get("max_age") {
        Some(text) if text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        Some(_) => return Err(Fault("invalid_request", "max_age is no number of seconds")),
        None => None,
    };
    Ok(Asked { scopes, challenge, resource, prompts, max_age })
}

fn resource(context: &Context<'_>, client: &Client, params: &Params) -> Result<Option<String>, Fault> {
    let Some(uri) = params.get("resource") else { return Ok(None) };
    let known = context.server.config.resources.iter().any(|resource| resource.uri == uri);
    let once = params.count("resource") == 1;
    if once && known && client.resources.iter().any(|own| own == uri) {
        Ok(Some(uri.to_string()))
    } else {
        Err(Fault("invalid_target", "the resource is unknown or not the client's"))
    }
}

/// PKCE (RFC 7636), S256 alone.
fn challenge(client: &Client, params: &Params, openid: bool) -> Result<Option<String>, Fault> {
    let method = params.get("code_challenge_method");
    let Some(challenge) = params.get("code_challenge") else {
        let excused = !client.is_public()
            && client.pkce == Pkce::NonceOk
            && openid
            && params.get("nonce").is_some()
            && method.is_none();
        return if excused { Ok(None) } else { Err(Fault("invalid_request", "code_challenge is missing")) };
    };
    let shaped = (43..=128).contains(&challenge.len())
        && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
    if method == Some("S256") && shaped {
        Ok(Some(challenge.to_string()))
    } else {
        Err(Fault("invalid_request", "code_challenge must be S256"))
    }
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
