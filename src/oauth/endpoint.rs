//! Which endpoint a request is for, and what all of them share: methods and CORS.

use alloc::boxed::Box;

use super::error::{local_page, method_not_allowed, unavailable};
use super::flow::{Context, Halt};
use super::http::{HttpRequest, HttpResponse};
use super::step::Reply;
use super::{authorize, introspect, metadata, revoke, token, userinfo};

/// Who may read an answer from a browser.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cors {
    Configured,
    Anybody,
    Nobody,
}

pub(super) fn run(context: &mut Context<'_>, request: &HttpRequest) -> Result<Reply, Halt> {
    if let Some(response) = metadata::well_known(context.server, request) {
        return cors(context, request, Cors::Anybody, "GET, OPTIONS", Ok(response));
    }
    let path = request.path.strip_prefix(context.server.issuer_path()).unwrap_or("");
    let (methods, scope): (&[&str], Cors) = match path {
        "/oauth2/authorize" => return page(authorize::run(context, request)),
        "/oauth2/token" | "/oauth2/revoke" => (&["POST"], Cors::Configured),
        "/oauth2/introspect" => (&["POST"], Cors::Nobody),
        "/userinfo" => (&["GET", "POST"], Cors::Configured),
        "/oauth2/jwks" => (&["GET"], Cors::Anybody),
        _ => return Ok(Reply::Respond(HttpResponse::new(404).with("cache-control", "no-store"))),
    };
    let allow = if methods == ["GET", "POST"] {
        "GET, POST, OPTIONS"
    } else if methods == ["POST"] {
        "POST, OPTIONS"
    } else {
        "GET, OPTIONS"
    };
    if request.method == "OPTIONS" {
        return cors(context, request, scope, allow, Ok(HttpResponse::new(204).with("allow", allow)));
    }
    if !methods.contains(&request.method.as_str()) {
        return cors(context, request, scope, allow, Ok(method_not_allowed(allow)));
    }
    let result = match path {
        "/oauth2/token" => token::run(context, request),
        "/oauth2/revoke" => revoke::run(context, request),
        "/oauth2/introspect" => introspect::run(context, request),
        "/userinfo" => userinfo::run(context, request),
        _ => Ok(metadata::jwks(context.server, request)),
    };
    cors(context, request, scope, allow, result)
}

/// Shows a person a page where a program would get JSON.
pub(super) fn page(result: Result<Reply, Halt>) -> Result<Reply, Halt> {
    match result {
        Err(Halt::Outage) => {
            let mut page = local_page("temporarily_unavailable", "try again").with("retry-after", "1");
            page.status = 503;
            Ok(Reply::Respond(page))
        }
        decided => decided,
    }
}

/// Adds what a browser of another origin needs to read an answer, a refusal included.
fn cors(
    context: &Context<'_>,
    request: &HttpRequest,
    scope: Cors,
    allow: &str,
    result: Result<HttpResponse, Halt>,
) -> Result<Reply, Halt> {
    let response = match result {
        Ok(response) => response,
        Err(Halt::Outage) => unavailable(),
        Err(Halt::Reply(reply)) => match *reply {
            Reply::Respond(response) => response,
            interact @ Reply::Interact(_) => return Ok(interact),
        },
        Err(need @ Halt::Need(_)) => return Err(need),
    };
    let origins = &context.server.config.cors_origins;
    let origin = request.header("origin");
    let readable = match (scope, origin) {
        (Cors::Anybody, _) => Some("*"),
        (Cors::Configured, Some(_)) if origins.iter().any(|known| known == "*") => Some("*"),
        (Cors::Configured, Some(origin)) if origins.iter().any(|known| known == origin) => Some(origin),
        _ => None,
    };
    let Some(readable) = readable else { return Ok(Reply::Respond(response)) };
    let mut response = response
        .with("access-control-allow-origin", readable)
        .with("access-control-expose-headers", "www-authenticate, retry-after, etag");
    if readable != "*" {
        response = response.with("vary", "origin");
    }
    if request.method == "OPTIONS" {
        response = response
            .with("access-control-allow-methods", allow)
            .with("access-control-allow-headers", "authorization, content-type")
            .with("access-control-max-age", "600");
    }
    Ok(Reply::Respond(response))
}

impl From<Reply> for Halt {
    fn from(reply: Reply) -> Self {
        Self::Reply(Box::new(reply))
    }
}
