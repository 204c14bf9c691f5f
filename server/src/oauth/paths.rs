//! Which paths are the authorization server's.

use std::collections::BTreeSet;

/// The path of a URL, without a trailing slash.
pub(super) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("").trim_end_matches('/')
}

/// Every path that is answered here.
pub(super) fn paths(base: &str, issuer: &str, resources: &[String]) -> BTreeSet<String> {
    const ENDPOINTS: [&str; 10] = [
        "/oauth2/authorize",
        "/oauth2/token",
        "/oauth2/revoke",
        "/oauth2/introspect",
        "/oauth2/jwks",
        "/userinfo",
        "/.well-known/openid-configuration",
        "/login",
        "/consent",
        "/logout",
    ];
    let mut paths: BTreeSet<String> = ENDPOINTS.iter().map(|path| format!("{base}{path}")).collect();
    for document in ["oauth-authorization-server", "openid-configuration"] {
        paths.insert(format!("/.well-known/{document}{base}"));
    }
    for resource in resources.iter().map(String::as_str).chain([issuer]) {
        paths.insert(format!("/.well-known/oauth-protected-resource{}", path_of(resource)));
    }
    paths
}
