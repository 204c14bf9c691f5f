//! What a demonstration prints: a key, a token and requests to try.

use std::io::Write;

use anstyle::{AnsiColor, Style};

/// What is told.
pub(crate) struct Welcome<'w> {
    pub(crate) url: &'w str,
    /// The name of a policy that is not the built-in one.
    pub(crate) policy: Option<&'w str>,
    pub(crate) https_required: bool,
    pub(crate) api_key: Option<&'w str>,
    pub(crate) token: Option<&'w str>,
    pub(crate) db: &'w str,
    pub(crate) loopback_is_secure: bool,
    /// Name and password.
    pub(crate) sign_in: Option<(&'w str, &'w str)>,
}

/// Prints it, to standard output.
pub(crate) fn welcome(told: &Welcome<'_>) {
    let mut out = anstream::stdout();
    for line in lines(told) {
        let _ = writeln!(out, "{line}");
    }
}

fn note(colour: AnsiColor, text: &str) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

fn lines(told: &Welcome<'_>) -> Vec<String> {
    let bold = Style::new().bold();
    let Welcome { url, policy, db, .. } = told;
    let mut lines = vec![format!(
        "{bold}Scopegate{bold:#} serves {} on {bold}{url}{bold:#}, keys in {db}",
        policy.unwrap_or("Jobiflow")
    )];
    if told.https_required {
        lines.push(match told.loopback_is_secure {
            true => "The policy requires HTTPS. Plain HTTP counts as secure here because it stays on this machine, and only then.".into(),
            false => "The policy requires HTTPS, and this address is not loopback: plain HTTP is refused with 403.".into(),
        });
    }
    lines.push(String::new());
    if let Some(api_key) = told.api_key {
        let what = if policy.is_some() { "A demo key:" } else { "A demo key, which may read job listings:" };
        lines.push(format!("{what}\n  {}", note(AnsiColor::Cyan, api_key)));
    }
    if let Some(token) = told.token {
        lines.push(format!("A bearer token of the demo user, valid for an hour:\n  {}", note(AnsiColor::Cyan, token)));
    }
    if let (None, Some(api_key), Some(token)) = (policy, told.api_key, told.token) {
        lines.extend(requests(url, api_key, token));
    }
    lines.push(String::new());
    if let Some((name, password)) = told.sign_in {
        lines.push(format!(
            "Sign in as {} with the password {}; the README's section Code flow has the requests to paste.\n\
             The authorization server's metadata: {url}/.well-known/openid-configuration\n",
            note(AnsiColor::Cyan, name),
            note(AnsiColor::Cyan, password),
        ));
    }
    lines.push("Stop with Ctrl-C.".into());
    lines
}

/// Requests to try on the built-in policy.
fn requests(url: &str, api_key: &str, token: &str) -> Vec<String> {
    let id = api_key.get(9..21).unwrap_or_default();
    let with_key = |options: &str, path: &str, colour: AnsiColor, comment: &str| {
        format!("  curl -i{options} -H 'X-API-Key: {api_key}' {url}{path}   {}", note(colour, comment))
    };
    vec![
        String::new(),
        "Try:".into(),
        with_key("", "/public/v1/job-listings", AnsiColor::Green, "# 200"),
        with_key("", "/public/v1/candidates", AnsiColor::Yellow, "# 403: a scope is missing"),
        with_key(" --path-as-is", "/public/v1/../settings/api-keys", AnsiColor::Red, "# 400: a path trick"),
        with_key(" -X PUT", "/public/v1/job-listings", AnsiColor::Red, "# 405"),
        format!(
            "  curl -i -X DELETE -H 'Authorization: Bearer {token}' {url}/settings/api-keys/{id}; \
             curl -i -H 'X-API-Key: {api_key}' {url}/public/v1/job-listings   {}",
            note(AnsiColor::Magenta, "# 204, then 401: revoked")
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_policy_is_told_without_the_requests_of_the_built_in_one() {
        let told = Welcome {
            url: "http://127.0.0.1:1",
            policy: None,
            https_required: true,
            api_key: Some("jbf_live_000000000000_x"),
            token: Some("token"),
            db: "sqlite",
            loopback_is_secure: true,
            sign_in: None,
        };
        let built_in = lines(&told).join("\n");
        assert_eq!(built_in.matches("  curl ").count(), 5, "{built_in}");
        assert!(built_in.contains("/settings/api-keys/000000000000; curl"), "{built_in}");
        let other = lines(&Welcome { policy: Some("mine"), token: None, https_required: false, ..told }).join("\n");
        assert!(other.contains("serves mine on") || other.contains("mine"), "{other}");
        for part in ["curl", "HTTPS", "bearer", "job"] {
            assert!(!other.contains(part), "{other}");
        }
    }
}
