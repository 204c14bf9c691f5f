//! Where a provider's endpoints are: known, or published by its issuer (OpenID Connect Discovery section 4, RFC 8414).

use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::super::client::SecretMethod;
use super::answer::{self, MAX_ANSWER_BYTES};
use super::check;
use super::flow::{Context, Stop};
use super::outcome::Fault;
use super::provider::{ClientCredential, Endpoints, Issuer, Provider, Source};
use crate::jwt::json::{Object, Value};
use crate::jwt::{Algorithm, AlgorithmSet};

/// A provider's endpoints and what is used with them.
pub(super) struct Resolved {
    pub endpoints: Endpoints,
    pub method: SecretMethod,
    pub algorithms: AlgorithmSet,
}

pub(super) fn resolve(context: &mut Context<'_>, provider: &Provider) -> Result<Resolved, Stop> {
    let own = match &provider.credential {
        ClientCredential::Secret { method, .. } => *method,
        ClientCredential::Public | ClientCredential::Signed { .. } => None,
    };
    match &provider.source {
        Source::Fixed(endpoints) => Ok(Resolved {
            endpoints: endpoints.clone(),
            method: own.unwrap_or(SecretMethod::Post),
            algorithms: provider.algorithms,
        }),
        Source::Discovered { issuer } => {
            let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            let response = answer::ask(context, MAX_ANSWER_BYTES, || answer::get(&url, MAX_ANSWER_BYTES, &[]))?;
            Ok(read(&answer::object(response)?, issuer, provider, own)?)
        }
    }
}

/// Whether a list that may be absent has one of these names.
fn list_has(document: &Object<'_>, list: &str, wanted: &str) -> Option<bool> {
    match document.get(list) {
        Some(Value::Array(items)) => {
            Some(items.iter().any(|item| matches!(item, Value::String(text) if text == wanted)))
        }
        Some(_) => Some(false),
        None => None,
    }
}

fn read(
    document: &Object<'_>,
    issuer: &str,
    provider: &Provider,
    own: Option<SecretMethod>,
) -> Result<Resolved, Fault> {
    if document.string("issuer") != Some(issuer) {
        return Err(Fault::DiscoveryIssuer);
    }
    let url = |name: &str| document.string(name).map(String::from);
    let endpoints = Endpoints {
        authorization: url("authorization_endpoint").ok_or(Fault::DiscoveryInvalid)?,
        token: url("token_endpoint").ok_or(Fault::DiscoveryInvalid)?,
        jwks: Some(url("jwks_uri").ok_or(Fault::DiscoveryInvalid)?),
        userinfo: url("userinfo_endpoint"),
        emails: None,
        issuer: Issuer::Exact(vec![String::from(issuer)]),
        issuer_parameter: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
    };
    let loopback = issuer.starts_with("http://");
    let code = list_has(document, "response_types_supported", "code").unwrap_or(true);
    if !code || !check::urls(&endpoints, loopback) {
        return Err(Fault::DiscoveryInvalid);
    }
    let advertised = |name: &str| list_has(document, "token_endpoint_auth_methods_supported", name);
    let method = match own {
        Some(own) => own,
        // Basic is what an issuer that says nothing takes (OpenID Connect Discovery section 3).
        None if advertised("client_secret_basic").unwrap_or(true) => SecretMethod::Basic,
        None => SecretMethod::Post,
    };
    let algorithms = Algorithm::ALL
        .into_iter()
        .filter(|algorithm| provider.algorithms.contains(*algorithm))
        .filter(|alg| list_has(document, "id_token_signing_alg_values_supported", alg.name()).unwrap_or(true))
        .fold(AlgorithmSet::default(), AlgorithmSet::with);
    if algorithms.is_empty() {
        return Err(Fault::DiscoveryInvalid);
    }
    Ok(Resolved { endpoints, method, algorithms })
}
