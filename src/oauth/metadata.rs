//! Documents that anybody may read: server metadata (RFC 8414, OpenID Discovery), protected resources (RFC 9728), keys.

use alloc::format;

use serde_json::Value;

use super::config::Server;
use super::http::{HttpRequest, HttpResponse, object, texts};

/// The answer to a request below `/.well-known`, or `None` when there is no such document.
pub(super) fn well_known(server: &Server, request: &HttpRequest) -> Option<HttpResponse> {
    let base = server.issuer_path();
    let path = request.path.as_str();
    let document = if path == format!("/.well-known/oauth-authorization-server{base}")
        || path == format!("{base}/.well-known/openid-configuration")
        || path == format!("/.well-known/openid-configuration{base}")
    {
        metadata(server)
    } else {
        let rest = path.strip_prefix("/.well-known/oauth-protected-resource")?;
        protected_resource(server, rest)?
    };
    Some(match request.method.as_str() {
        "GET" => public(HttpResponse::json(200, &document)),
        "OPTIONS" => HttpResponse::new(204),
        _ => super::error::method_not_allowed("GET, OPTIONS"),
    })
}

/// A document that caches may keep for five minutes.
fn public(mut response: HttpResponse) -> HttpResponse {
    response.headers.retain(|(name, _)| name != "cache-control");
    response.with("cache-control", "public, max-age=300")
}

/// The JWK Set.
pub(super) fn jwks(server: &Server, request: &HttpRequest) -> HttpResponse {
    let etag = server.keys.etag();
    let known = request.header("if-none-match").is_some_and(|tags| {
        tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
    });
    let mut response = HttpResponse::new(if known { 304 } else { 200 }).with("etag", &etag);
    if !known {
        response = response.with("content-type", "application/jwk-set+json");
        response.body = server.keys.jwks().into_bytes();
    }
    public(response)
}

fn metadata(server: &Server) -> Value {
    let url = |path: &str| Value::from(server.url(path));
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    let algorithm = server.keys.active().map_or("RS256", |key| key.alg.name());
    let claims = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "azp"];
    object(&mut [
        ("issuer", server.issuer().into()),
        ("authorization_endpoint", url("/oauth2/authorize")),
        ("token_endpoint", url("/oauth2/token")),
        ("revocation_endpoint", url("/oauth2/revoke")),
        ("introspection_endpoint", url("/oauth2/introspect")),
        ("userinfo_endpoint", url("/userinfo")),
        ("jwks_uri", url("/oauth2/jwks")),
        ("response_types_supported", texts(&["code"])),
        ("response_modes_supported", texts(&["query"])),
        ("grant_types_supported", texts(&["authorization_code", "refresh_token"])),
        ("scopes_supported", texts(&server.config.scopes)),
        ("subject_types_supported", texts(&["public"])),
        ("id_token_signing_alg_values_supported", texts(&[algorithm])),
        ("token_endpoint_auth_methods_supported", texts(&methods)),
        ("revocation_endpoint_auth_methods_supported", texts(&methods)),
        ("introspection_endpoint_auth_methods_supported", texts(methods.get(1..).unwrap_or_default())),
        ("code_challenge_methods_supported", texts(&["S256"])),
        ("authorization_response_iss_parameter_supported", true.into()),
        ("prompt_values_supported", texts(&["none", "login", "consent", "select_account"])),
        ("claims_supported", texts(&claims)),
        ("claims_parameter_supported", false.into()),
        ("request_parameter_supported", false.into()),
        ("request_uri_parameter_supported", false.into()),
    ])
}

/// The document of the resource whose path this is (RFC 9728 section 3.1).
fn protected_resource(server: &Server, path: &str) -> Option<Value> {
    let resource = server.config.resources.iter().find(|resource| {
        let Some((_, rest)) = resource.uri.split_once("://") else { return false };
        let own = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("");
        own == path || own == "/" && path.is_empty()
    })?;
    Some(object(&mut [
        ("resource", resource.uri.as_str().into()),
        ("authorization_servers", texts(&[server.issuer()])),
        ("scopes_supported", texts(&resource.scopes)),
        ("bearer_methods_supported", texts(&["header"])),
    ]))
}
