//! The pages: plain HTML that needs no script. Whatever comes from outside goes through [`Html`] and nothing else.

use std::fmt::{self, Write};
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// The style as a policy names it.
static STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| format!("'sha256-{}'", Base64::encode_string(&Sha256::digest(STYLE.as_bytes()))));

/// A text that is written so that it is nothing but text, in an element or in a quoted attribute.
struct Html<'t>(&'t str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // What turns the direction of a line could make one name look like another.
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// What a page says of the client that asks.
pub(crate) struct Asking<'p> {
    pub(crate) client_id: &'p str,
    pub(crate) client_name: &'p str,
    /// Whether the operator registered it.
    pub(crate) trusted: bool,
    /// Where forms of the page may lead in the end.
    pub(crate) form_targets: &'p [String],
}

/// Why a sign-in did not go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Name or password: which of the two is not said.
    Wrong,
    /// Too often; the next try in so many seconds.
    TooOften(u64),
}

/// The page to sign in with. `links` lead to providers: a name and a target each.
pub(crate) fn login(
    asking: &Asking<'_>,
    action: &str,
    ticket: &str,
    name: &str,
    refused: Option<Refused>,
    links: &[(String, String)],
) -> Response<Body> {
    let (status, told) = match refused {
        None => (StatusCode::OK, String::new()),
        Some(Refused::Wrong) => (StatusCode::BAD_REQUEST, "Name or password is wrong.".to_owned()),
        Some(Refused::TooOften(seconds)) => {
            (StatusCode::TOO_MANY_REQUESTS, format!("Too many tries. Wait {seconds} seconds, then try again."))
        }
    };
    let (error, tie) = if told.is_empty() {
        (String::new(), "")
    } else {
        let alert = format!("<p class=\"error\" id=\"error\" role=\"alert\">{}</p>", Html(&told));
        (alert, " aria-describedby=\"error\" aria-invalid=\"true\"")
    };
    let (name_focus, password_focus) = if name.is_empty() { (" autofocus", "") } else { ("", " autofocus") };
    let mut others = String::new();
    for (provider, target) in links {
        let _ = write!(others, "<li><a href=\"{}\">Continue with {}</a></li>", Html(target), Html(provider));
    }
    if !others.is_empty() {
        others = format!(
            "<p class=\"soft\" id=\"others\">or</p><ul class=\"others\" aria-labelledby=\"others\">{others}</ul>"
        );
    }
    let body = format!(
        "<h1>Sign in</h1><p>to go on to <strong>{client}</strong></p>{error}\
         <form method=\"post\" action=\"{action}\">\
         <input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">\
         <input type=\"hidden\" name=\"client_id\" value=\"{client_id}\">\
         <label for=\"username\">User name</label>\
         <input id=\"username\" name=\"username\" value=\"{name}\" autocomplete=\"username\" autocapitalize=\"none\" \
         spellcheck=\"false\" maxlength=\"128\" required{tie}{name_focus}>\
         <label for=\"password\">Password</label>\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" maxlength=\"1024\" \
         required{tie}{password_focus}>\
         <button type=\"submit\">Sign in</button>\
         <button type=\"submit\" class=\"second\" name=\"decision\" value=\"cancel\" formnovalidate>Cancel</button></form>{others}",
        client = Html(asking.client_name),
        action = Html(action),
        ticket = Html(ticket),
        client_id = Html(asking.client_id),
        name = Html(name),
    );
    let title = if refused.is_some() { "Error: Sign in" } else { "Sign in" };
    let mut page = page(status, title, &body, asking.form_targets);
    if let Some(Refused::TooOften(seconds)) = refused {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    page
}

/// The page that asks the user to approve scopes; each comes with what it means.
pub(crate) fn consent(
    asking: &Asking<'_>,
    action: &str,
    ticket: &str,
    redirect_host: &str,
    scopes: &[(String, String)],
) -> Response<Body> {
    let mut items = String::new();
    for (_, meaning) in scopes {
        let _ = write!(items, "<li>{}</li>", Html(meaning));
    }
    let names: Vec<&str> = scopes.iter().map(|(name, _)| name.as_str()).collect();
    let stranger = if asking.trusted {
        ""
    } else {
        "<p class=\"error\">This application registered itself: nobody here has looked at it. Approve only what you started yourself.</p>"
    };
    let body = format!(
        "<h1>{client} asks for access</h1>{stranger}<p>It would be allowed to:</p><ul>{items}</ul>\
         <p class=\"soft\">You will be sent to <strong>{host}</strong>.</p>\
         <form method=\"post\" action=\"{action}\">\
         <input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">\
         <input type=\"hidden\" name=\"client_id\" value=\"{client_id}\">\
         <input type=\"hidden\" name=\"scope\" value=\"{names}\">\
         <button type=\"submit\" name=\"decision\" value=\"allow\">Allow</button>\
         <button type=\"submit\" class=\"second\" name=\"decision\" value=\"deny\">Deny</button></form>",
        client = Html(asking.client_name),
        host = Html(redirect_host),
        action = Html(action),
        ticket = Html(ticket),
        client_id = Html(asking.client_id),
        names = Html(&names.join(" ")),
    );
    page(StatusCode::OK, "Approve access", &body, asking.form_targets)
}

/// The page that asks whether to sign out.
pub(crate) fn logout(action: &str, name: &str, token: &str) -> Response<Body> {
    let body = format!(
        "<h1>Sign out</h1><p>You are signed in as <strong>{name}</strong>. Signing out ends your sessions in every browser and the access \
         of every application you signed in to.</p>\
         <form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"token\" value=\"{token}\">\
         <button type=\"submit\">Sign out</button></form>",
        name = Html(name),
        action = Html(action),
        token = Html(token),
    );
    page(StatusCode::OK, "Sign out", &body, &[])
}

/// A page that says one thing.
pub(crate) fn note(status: StatusCode, title: &str, text: &str) -> Response<Body> {
    page(status, title, &format!("<h1>{}</h1><p>{}</p>", Html(title), Html(text)), &[])
}

/// A page with the headers that every one has: nothing loads, nobody frames it, no cache keeps it (RFC 9700 section 4.16).
fn page(status: StatusCode, title: &str, body: &str, form_targets: &[String]) -> Response<Body> {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>",
        Html(title),
    );
    let mut targets = String::from("'self'");
    for target in form_targets {
        targets.push(' ');
        targets.push_str(target);
    }
    let policy = format!(
        "default-src 'none'; style-src {}; form-action {targets}; frame-ancestors 'none'; base-uri 'none'",
        *STYLE_HASH
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What a policy of a page calls the place a redirect URI is at: its origin, or its scheme where it has none. `None` for what no policy can
/// name.
pub(crate) fn form_target(redirect_uri: &str) -> Option<String> {
    let (scheme, rest) = redirect_uri.split_once(':')?;
    let target = match rest.strip_prefix("//") {
        Some(rest) if matches!(scheme, "http" | "https") => {
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            // The port of a loopback address is free (RFC 8252 section 7.3).
            match authority.split_once(':').map_or(authority, |(host, _)| host) {
                "127.0.0.1" => "http://127.0.0.1:*".to_owned(),
                _ if authority.starts_with("[::1]") => "http:".to_owned(),
                _ => format!("{scheme}://{authority}"),
            }
        }
        _ => format!("{scheme}:"),
    };
    target.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'\'')).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (text, written) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" autofocus onfocus='x' &amp;", "&quot; autofocus onfocus=&#39;x&#39; &amp;amp;"),
            ("a\u{202e}b\u{0}c\nd", "ab c d"),
            ("Jobiflow – ä", "Jobiflow – ä"),
        ] {
            assert_eq!(Html(text).to_string(), written);
        }
    }

    #[test]
    fn a_policy_names_where_a_redirect_leads_and_no_more() {
        for (uri, target) in [
            ("https://app.example/cb?x=1", Some("https://app.example")),
            ("https://app.example:8443", Some("https://app.example:8443")),
            ("http://127.0.0.1/cb", Some("http://127.0.0.1:*")),
            ("http://127.0.0.1:9000/cb", Some("http://127.0.0.1:*")),
            ("http://localhost:9000/cb", Some("http://localhost:9000")),
            ("com.example.app:/cb", Some("com.example.app:")),
            ("https://app.example;script-src/cb", None),
            ("nothing", None),
        ] {
            assert_eq!(form_target(uri).as_deref(), target, "{uri}");
        }
    }
}
