//! The way back from a provider: the browser, the transaction, the parameters; then code, token, identity.

use alloc::boxed::Box;
use alloc::string::String;

use super::super::error::{local_page, method_not_allowed};
use super::super::http::{HttpRequest, HttpResponse, MAX_BODY_BYTES};
use super::super::params::Params;
use super::flow::{Context, Stop};
use super::id_token::issuer_fits;
use super::outcome::{Failed, Fault, LoggedIn, Outcome};
use super::provider::{Endpoints, Protocol, Provider, ResponseMode};
use super::transaction::{Transaction, closing_headers};
use super::{CALLBACK, discovery, exchange, id_token, profile, start};

/// The longest code, in bytes.
const MAX_CODE_BYTES: usize = 4_096;

/// Parameters that may come once.
const KNOWN: [&str; 6] = ["code", "state", "iss", "error", "error_description", "user"];

pub(super) fn run(context: &mut Context<'_>, request: &HttpRequest) -> Result<Outcome, Stop> {
    let social = context.social;
    let path = request.path.strip_prefix(social.base_path.as_str()).unwrap_or("");
    let Some(provider) = path.strip_prefix(CALLBACK).and_then(|id| social.provider(id)) else {
        return Ok(start::unknown().into());
    };
    let params = match provider.response_mode {
        ResponseMode::Query if request.method == "GET" => Params::parse(request.query.as_bytes()),
        ResponseMode::FormPost if request.method == "POST" => {
            if !request.is_form() || request.body.len() > MAX_BODY_BYTES {
                return Ok(invalid().into());
            }
            Params::parse(&request.body)
        }
        ResponseMode::Query => return Ok(method_not_allowed("GET").into()),
        ResponseMode::FormPost => return Ok(method_not_allowed("POST").into()),
    };
    let params = params.map_err(|_| invalid())?;
    if params.repeated(&KNOWN).is_some() {
        return Ok(invalid().into());
    }
    let out_of_date = || local_page("state_invalid", "this sign-in is out of date; start again");
    let transaction = Transaction::of_cookie(context, provider, request).ok_or_else(out_of_date)?;
    if !params.get("state").is_some_and(|state| transaction.has_state(state)) {
        return Ok(out_of_date().into());
    }
    let headers = closing_headers(social, provider);
    let ticket = transaction.ticket.clone();
    let fault = match identify(context, provider, &params, &transaction) {
        Ok(identity) => {
            return Ok(Outcome::LoggedIn(Box::new(LoggedIn { headers, ticket, ..identity })));
        }
        Err(Stop::Fault(fault)) => fault,
        Err(Stop::Outage) => Fault::HostUnavailable,
        Err(stop) => return Err(stop),
    };
    Ok(Outcome::Failed(Failed { provider: provider.id.clone(), fault, ticket, headers }))
}

fn identify(
    context: &mut Context<'_>,
    provider: &Provider,
    params: &Params,
    transaction: &Transaction<'_>,
) -> Result<LoggedIn, Stop> {
    if !context.put_once(|| transaction.once())? {
        return Err(Fault::Replayed.into());
    }
    if let Some(error) = params.get("error") {
        // Apple and Facebook have words of their own for a user who turns away.
        let denied = ["access_denied", "user_cancelled_authorize", "user_denied"].contains(&error);
        return Err(if denied { Fault::Denied } else { Fault::ProviderError }.into());
    }
    let resolved = discovery::resolve(context, provider)?;
    if !issuer_parameter_fits(&resolved.endpoints, params.get("iss")) {
        return Err(Fault::IssuerParameter.into());
    }
    let code = params
        .get("code")
        .filter(|code| code.len() <= MAX_CODE_BYTES && code.bytes().all(|b| matches!(b, 0x20..=0x7e)))
        .ok_or(Fault::CodeInvalid)?;
    let tokens = exchange::run(context, provider, &resolved, transaction, code)?;
    match provider.protocol {
        Protocol::OpenId => {
            let verified = id_token::verify(context, provider, &resolved, transaction, &tokens)?;
            profile::openid(context, provider, &resolved.endpoints, &verified, &tokens, params.get("user"))
        }
        Protocol::OAuth2 => profile::oauth2(context, provider, &resolved.endpoints, &tokens),
    }
}

/// `iss` where every answer has it, and one that is there in any case (RFC 9207 section 2.4).
fn issuer_parameter_fits(endpoints: &Endpoints, iss: Option<&str>) -> bool {
    match iss {
        None => !endpoints.issuer_parameter,
        Some(iss) => issuer_fits(&endpoints.issuer, iss),
    }
}

fn invalid() -> HttpResponse {
    local_page("request_invalid", "this is no answer of a provider; start again")
}

impl LoggedIn {
    /// An identity that is not yet tied to its transaction.
    pub(super) fn new(provider: &Provider, provider_sub: String) -> Self {
        Self {
            provider: provider.id.clone(),
            provider_sub,
            issuer: None,
            claims: serde_json::Map::new(),
            email: None,
            email_verified: false,
            name: None,
            ticket: None,
            headers: alloc::vec::Vec::new(),
        }
    }
}
