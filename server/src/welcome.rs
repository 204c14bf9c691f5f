//! What a demonstration prints: a key, a token and requests to try.

use std::io::Write;

use anstyle::{AnsiColor, Style};

/// Prints it, to standard output.
pub(crate) fn welcome(
    url: &str,
    api_key: &str,
    token: &str,
    db: &str,
    loopback_is_secure: bool,
    sign_in: Option<(&str, &str)>,
) {
    let bold = Style::new().bold();
    let note = |colour: AnsiColor, text: &str| {
        let style = Style::new().fg_color(Some(colour.into()));
        format!("{style}{text}{style:#}")
    };
    let id = api_key.get(9..21).unwrap_or_default();
    let mut out = anstream::stdout();
    let lines = [
        format!("{bold}Scopegate{bold:#} serves Jobiflow on {bold}{url}{bold:#}, keys in {db}"),
        if loopback_is_secure {
            "The policy requires HTTPS. Plain HTTP counts as secure here because it stays on this machine, and only then.".into()
        } else {
            "The policy requires HTTPS, and this address is not loopback: plain HTTP is refused with 403.".into()
        },
        String::new(),
        format!("A demo key, which may read job listings:\n  {}", note(AnsiColor::Cyan, api_key)),
        format!("A bearer token of the demo user, valid for an hour:\n  {}", note(AnsiColor::Cyan, token)),
        String::new(),
        "Try:".into(),
        format!(
            "  curl -i -H 'X-API-Key: {api_key}' {url}/public/v1/job-listings   {}",
            note(AnsiColor::Green, "# 200")
        ),
        format!(
            "  curl -i -H 'X-API-Key: {api_key}' {url}/public/v1/candidates   {}",
            note(AnsiColor::Yellow, "# 403: a scope is missing")
        ),
        format!(
            "  curl -i -H 'X-API-Key: {api_key}' --path-as-is {url}/public/v1/../settings/api-keys   {}",
            note(AnsiColor::Red, "# 400: a path trick")
        ),
        format!(
            "  curl -i -X PUT -H 'X-API-Key: {api_key}' {url}/public/v1/job-listings   {}",
            note(AnsiColor::Red, "# 405")
        ),
        format!(
            "  curl -i -X DELETE -H 'Authorization: Bearer {token}' {url}/settings/api-keys/{id}; \
             curl -i -H 'X-API-Key: {api_key}' {url}/public/v1/job-listings   {}",
            note(AnsiColor::Magenta, "# 204, then 401: revoked")
        ),
        String::new(),
    ];
    let oauth = sign_in.map(|(name, password)| {
        format!(
            "Sign in as {} with the password {}; the README's section Code flow has the requests to paste.\n\
             The authorization server's metadata: {url}/.well-known/openid-configuration\n",
            note(AnsiColor::Cyan, name),
            note(AnsiColor::Cyan, password),
        )
    });
    for line in lines.into_iter().chain(oauth).chain(["Stop with Ctrl-C.".into()]) {
        let _ = writeln!(out, "{line}");
    }
}
