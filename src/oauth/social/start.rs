//! The way to a provider (OpenID Connect Core section 3.1.2.1, RFC 9700 section 2.1).

use alloc::string::String;
use alloc::vec::Vec;

use super::super::error::{PAGE_HEADERS, local_page, method_not_allowed};
use super::super::http::{HttpRequest, HttpResponse};
use super::super::params::Params;
use super::super::redirect::with_params;
use super::flow::{Context, Stop};
use super::outcome::{Failed, Outcome};
use super::provider::{Protocol, Provider, ResponseMode};
use super::transaction::{Transaction, is_ticket};
use super::{START, discovery};

/// `GET /oauth2/authorization/{provider}?ticket=…`. Nothing but the ticket is read: no URL can be handed in.
pub(super) fn request(context: &mut Context<'_>, request: &HttpRequest) -> Result<Outcome, Stop> {
    let path = request.path.strip_prefix(context.social.base_path.as_str()).unwrap_or("");
    let provider = path.strip_prefix(START).unwrap_or("");
    if context.social.provider(provider).is_none() {
        return Ok(unknown().into());
    }
    if request.method != "GET" {
        return Ok(method_not_allowed("GET").into());
    }
    let params = Params::parse(request.query.as_bytes()).map_err(|_| bad_ticket())?;
    if params.count("ticket") > 1 {
        return Ok(bad_ticket().into());
    }
    run(context, provider, params.get("ticket"))
}

pub(super) fn run(context: &mut Context<'_>, provider: &str, ticket: Option<&str>) -> Result<Outcome, Stop> {
    let social = context.social;
    let Some(provider) = social.provider(provider) else { return Ok(unknown().into()) };
    if ticket.is_some_and(|ticket| !is_ticket(ticket)) {
        return Ok(bad_ticket().into());
    }
    match redirect(context, provider, ticket) {
        Err(Stop::Fault(fault)) => {
            let headers =
                PAGE_HEADERS.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect();
            let ticket = ticket.map(String::from);
            Ok(Outcome::Failed(Failed { provider: provider.id.clone(), fault, ticket, headers }))
        }
        other => other,
    }
}

fn redirect(context: &mut Context<'_>, provider: &Provider, ticket: Option<&str>) -> Result<Outcome, Stop> {
    let social = context.social;
    let endpoints = discovery::resolve(context, provider)?.endpoints;
    let transaction = Transaction::start(context, provider, ticket).ok_or(Stop::Outage)?;
    let (state, challenge, nonce) = (transaction.state(), transaction.challenge(), transaction.nonce());
    let (redirect_uri, scope) = (social.redirect_uri(&provider.id), provider.scopes.join(" "));
    let mut params: Vec<(&str, &str)> = Vec::from([
        ("response_type", "code"),
        ("client_id", provider.client_id.as_str()),
        ("redirect_uri", redirect_uri.as_str()),
        ("scope", scope.as_str()),
        ("state", state.as_str()),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]);
    if provider.protocol == Protocol::OpenId {
        params.push(("nonce", nonce.as_str()));
    }
    if provider.response_mode == ResponseMode::FormPost {
        params.push(("response_mode", "form_post"));
    }
    params.extend(provider.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut response = HttpResponse::new(302)
        .with("location", &with_params(&endpoints.authorization, &params))
        .with("set-cookie", &transaction.cookie(social, provider.response_mode));
    for (name, value) in PAGE_HEADERS {
        response = response.with(name, value);
    }
    Ok(response.into())
}

/// There is no such provider.
pub(super) fn unknown() -> HttpResponse {
    let mut page = local_page("provider_unknown", "there is no such provider");
    page.status = 404;
    page
}

fn bad_ticket() -> HttpResponse {
    local_page("ticket_invalid", "this page is out of date; start again")
}
