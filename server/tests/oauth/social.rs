//! Signing in with another server: a second instance of this one as the provider, and providers that do what they should not.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scopegate::oauth::social::{ClientCredential, ClientSecret, LinkPolicy, Provider, ResponseMode};
use scopegate_server::oauth::users::{self, User};
use scopegate_server::oauth::{Providers, Rule};
use serde_json::json;

use super::browser::{Answer, Browser};
use super::flow::part;
use super::site::{DASHBOARD, Options, PARTNER, PASSWORD, SECRET, SUBJECT, Site, USER, start, start_with};

const OPEN: Rule = Rule { require: Vec::new(), sign_up: true, link: LinkPolicy::ByIdentity };

fn corp(issuer: &str) -> Provider {
    let credential = ClientCredential::Secret { secret: ClientSecret::new(SECRET.into()), method: None };
    Provider::oidc("corp", "Corp <one>", issuer.into(), PARTNER.into(), credential)
}

fn site_of(provider: Provider, rule: Rule) -> Site {
    let providers = Providers { list: vec![(provider, rule)], keys: BTreeMap::new() };
    start_with(Options { providers, ..Options::default() })
}

/// The target of a URL at this site.
fn target<'u>(url: &'u str, site: &Site) -> &'u str {
    url.strip_prefix(&site.issuer).unwrap_or_else(|| panic!("{url} is not at {}", site.issuer))
}

/// From the login page to the provider: where the browser is sent.
fn leave(browser: &mut Browser<'_>) -> String {
    let page = browser.authorize(DASHBOARD, &[]);
    assert!(page.status == 200 && page.body.contains(">Continue with Corp &lt;one&gt;</a>"), "{page:?}");
    let link = page.body.split("<a href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(link.starts_with("/oauth2/authorization/corp?ticket=tk1."), "{link}");
    let away = browser.go("GET", &link, &[]);
    assert_eq!((away.status, away.header("referrer-policy").as_deref()), (302, Some("no-referrer")), "{away:?}");
    away.header("location").unwrap()
}

/// At the provider, which is the other site: signs in, approves, and comes back.
fn visit(there: &mut Browser<'_>, provider: &Site, url: &str) -> String {
    let page = there.go("GET", target(url, provider), &[]);
    let mut answer = if page.body.contains("name=\"password\"") { there.sign_in(&page, USER, PASSWORD) } else { page };
    if answer.body.contains("value=\"allow\"") {
        answer = there.decide(&answer, "allow");
    }
    answer.header("location").unwrap_or_else(|| panic!("{answer:?}"))
}

fn sign_in(site: &Site, provider: &Site) -> (Answer, bool) {
    let (mut here, mut there) = (Browser::of(site), Browser::of(provider));
    let url = leave(&mut here);
    let back = visit(&mut there, provider, &url);
    let mut answer = here.go("GET", target(&back, site), &[]);
    assert!(!here.cookies.contains_key("sg_social"), "the transaction's cookie goes: {answer:?}");
    let session = here.cookies.contains_key("sg_session");
    if answer.body.contains("value=\"allow\"") {
        answer = here.decide(&answer, "allow");
    }
    (answer, session)
}

/// The claims of the ID token that the dashboard gets in the end.
fn claims(site: &Site, provider: &Site) -> serde_json::Value {
    let (answer, session) = sign_in(site, provider);
    let code = answer.sent("code").unwrap_or_else(|| panic!("{answer:?}"));
    assert!(session);
    part(&site.redeem(DASHBOARD, &code).text("id_token"), 1)
}

#[test]
fn whoever_has_an_account_there_has_one_here() {
    let provider = start();
    let site = site_of(corp(&provider.issuer), OPEN);
    let first = claims(&site, &provider);
    for (claim, value) in [
        ("iss", json!(site.issuer)),
        ("aud", json!(DASHBOARD)),
        ("name", json!("Ada & Co")),
        ("preferred_username", json!(format!("corp:{SUBJECT}"))),
        ("email", json!("ada@jobiflow.example")),
        ("email_verified", json!(false)),
    ] {
        assert_eq!(first[claim], value, "{claim}");
    }
    assert_ne!(first["sub"], SUBJECT, "a subject of its own");
    assert_eq!(claims(&site, &provider)["sub"], first["sub"], "the second time it is the same user");
    let sub = first["sub"].as_str().unwrap().to_owned();
    let stored = site.run(users::by_subject(&*site.app.store, &sub)).unwrap().unwrap();
    assert!(site.run(users::remove(&*site.app.store, &stored)).unwrap());
    assert_ne!(claims(&site, &provider)["sub"], first["sub"], "who was removed comes back as somebody new");
    let page = Browser::of(&site).authorize(DASHBOARD, &[]);
    let no = Browser::of(&site).sign_in(&page, &format!("corp:{SUBJECT}"), "");
    assert_eq!(no.status, 400, "nobody signs in with the name of an identity");
}

#[test]
fn s6_an_account_is_linked_by_an_address_that_both_have_verified_or_not_at_all() {
    for (link, theirs, ours, linked) in [
        (LinkPolicy::ByIdentity, true, true, false),
        (LinkPolicy::ByVerifiedEmail, false, true, false),
        (LinkPolicy::ByVerifiedEmail, true, false, false),
        (LinkPolicy::ByVerifiedEmail, true, true, true),
    ] {
        let provider = start();
        provider.run(users::change(&*provider.app.store, SUBJECT, |user| user.email_verified = theirs)).unwrap();
        let site = site_of(corp(&provider.issuer), Rule { link, ..OPEN });
        let mut user = User::new("u-7".into(), "ada@jobiflow.example".into(), None);
        user.email = Some("Ada@Jobiflow.example".into());
        user.email_verified = ours;
        site.run(users::add(&*site.app.store, &user)).unwrap();
        let (answer, session) = sign_in(&site, &provider);
        assert_eq!(session, linked, "{link:?} {theirs} {ours}: {answer:?}");
        if linked {
            let tokens = site.redeem(DASHBOARD, &answer.sent("code").unwrap());
            assert_eq!(part(&tokens.text("id_token"), 1)["sub"], "u-7");
            assert_eq!(claims(&site, &provider)["sub"], "u-7", "from now on by the identity");
        } else {
            assert_eq!(answer.status, 403, "{answer:?}");
            assert!(answer.body.contains("Another account has this address"), "{answer:?}");
        }
    }
}

#[test]
fn nobody_gets_an_account_where_none_are_made() {
    let provider = start();
    let site = site_of(corp(&provider.issuer), Rule { sign_up: false, link: LinkPolicy::ByVerifiedEmail, ..OPEN });
    let (answer, session) = sign_in(&site, &provider);
    assert!(answer.status == 403 && !session && answer.body.contains("No account"), "{answer:?}");
    let counted = site.app.metrics.render();
    assert!(counted.contains("provider_sign_ins_total{outcome=\"refused\"} 1"), "{counted}");
    for (value, status) in [("Ada & Co", 303), ("ada & co", 403)] {
        let require = vec![("name".to_owned(), value.to_owned())];
        let site = site_of(corp(&provider.issuer), Rule { require, ..OPEN });
        let (answer, session) = sign_in(&site, &provider);
        assert_eq!((answer.status, session), (status, status == 303), "{value}: {answer:?}");
    }
}

#[test]
fn s1_an_answer_is_for_one_browser_and_good_once() {
    let provider = start();
    let site = site_of(corp(&provider.issuer), OPEN);
    let (mut here, mut there) = (Browser::of(&site), Browser::of(&provider));
    let url = leave(&mut here);
    let back = visit(&mut there, &provider, &url);
    let back = target(&back, &site);
    let mut other = Browser::of(&site);
    let page = other.go("GET", back, &[]);
    assert!(page.status == 400 && page.body.contains("out of date"), "{page:?}");
    leave(&mut other);
    assert_eq!(other.go("GET", back, &[]).status, 400, "nor with a transaction of its own");
    assert!(!other.cookies.contains_key("sg_session"));
    let forged = back.replace("&iss=", "&iss=https%3A%2F%2Fevil.example&x=");
    let kept = here.cookies.clone();
    let page = here.go("GET", &forged, &[]);
    assert!(page.status == 400 && page.body.contains("issuer_parameter_mismatch"), "{page:?}");
    here.cookies = kept;
    let page = here.go("GET", back, &[]);
    assert!(page.status == 400 && page.body.contains("state_replayed"), "{page:?}");
    for (method, path, status) in [
        ("GET", "/oauth2/authorization/nobody", 404),
        ("POST", "/oauth2/authorization/corp", 405),
        ("GET", "/oauth2/authorization/corp?ticket=%0d%0a", 400),
        ("POST", "/login/oauth2/code/corp", 405),
        ("GET", "/login/oauth2/code/corp?code=x&state=y", 400),
        ("GET", "/login/oauth2/continue?ticket=x", 400),
    ] {
        let answer = here.go(method, path, &[]);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
}

#[test]
fn a_form_from_the_provider_goes_on_behind_a_redirect() {
    let provider = start();
    let posting = Provider { response_mode: ResponseMode::FormPost, ..corp(&provider.issuer) };
    let providers = Providers { list: vec![(posting, OPEN)], keys: BTreeMap::new() };
    let site = start_with(Options { providers, secure: true, ..Options::default() });
    let (mut here, mut there) = (Browser::of(&site), Browser::of(&provider));
    let url = leave(&mut here);
    assert!(url.contains("&response_mode=form_post"), "{url}");
    let url = url.replace("&response_mode=form_post", "");
    let back = visit(&mut there, &provider, &url);
    let (path, query) = target(&back, &site).split_once('?').unwrap();
    let decoded = query.replace("%3A", ":").replace("%2F", "/");
    let fields: Vec<(&str, &str)> = decoded.split('&').filter_map(|pair| pair.split_once('=')).collect();
    // A form of another site brings the cookies with SameSite=None alone.
    let kept = here.cookies.clone();
    here.cookies.retain(|name, _| name == "__Host-sg_social");
    let on = here.go("POST", path, &fields);
    assert_eq!(on.status, 303, "{on:?}");
    let session = here.cookies.clone();
    here.cookies = kept;
    here.cookies.remove("__Host-sg_social");
    here.cookies.extend(session);
    let next = on.header("location").unwrap();
    let consent = here.go("GET", &next, &[]);
    assert!(consent.body.contains("value=\"allow\""), "{consent:?}");
    assert!(here.decide(&consent, "allow").sent("code").is_some());
    site.pass(61);
    assert_eq!(here.go("GET", &next, &[]).status, 400, "only a session of a moment ago goes on");
}

/// A provider whose token endpoint answers as it is told; how often each path was asked for.
struct Rogue {
    issuer: String,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
}

fn rogue(token: impl Fn(SocketAddr) -> Option<String> + Send + Sync + 'static) -> Rogue {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let issuer = format!("http://{address}");
    let published = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"), "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"), "token_endpoint_auth_methods_supported": ["client_secret_post"],
    });
    let asked = Arc::new(Mutex::new(BTreeMap::new()));
    let count = Arc::clone(&asked);
    let (token, published) = (Arc::new(token), published.to_string());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, count) = (stream.unwrap(), Arc::clone(&count));
            let (token, published) = (Arc::clone(&token), published.clone());
            std::thread::spawn(move || {
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                let whole = |request: &[u8]| {
                    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
                    let (head, body) = text.split_once("\r\n\r\n")?;
                    let length =
                        head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
                    (body.len() >= length.unwrap_or(0)).then(|| head.split(' ').nth(1).unwrap_or("").to_owned())
                };
                let path = loop {
                    match stream.read(&mut chunk) {
                        Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
                        _ => return,
                    }
                    if let Some(path) = whole(&request) {
                        break path;
                    }
                };
                *count.lock().unwrap().entry(path.clone()).or_default() += 1;
                let answer = match path.as_str() {
                    "/.well-known/openid-configuration" => Some(format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{published}",
                        published.len()
                    )),
                    _ => token(address),
                };
                match answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes())),
                    None => std::thread::sleep(Duration::from_secs(60)),
                }
            });
        }
    });
    Rogue { issuer, asked }
}

fn head(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}Connection: close\r\n")
}

#[test]
fn s8_a_token_endpoint_that_redirects_floods_or_keeps_still_logs_nobody_in() {
    type Answers = fn(SocketAddr) -> Option<String>;
    const JSON: &str = "Content-Type: application/json\r\n";
    let table: [(&str, u16, Answers); 6] = [
        ("provider_redirect_refused", 400, |address| {
            Some(
                head(
                    "307 Temporary Redirect",
                    &format!("Location: http://{address}/elsewhere\r\nContent-Length: 0\r\n"),
                ) + "\r\n",
            )
        }),
        ("provider_answer_too_large", 400, |_| {
            Some(head("200 OK", &format!("{JSON}Content-Length: 9000000\r\n")) + "\r\n" + &" ".repeat(9_000_000))
        }),
        ("provider_answer_invalid", 400, |_| {
            Some(head("200 OK", "Content-Type: text/html\r\nContent-Length: 2\r\n") + "\r\n{}")
        }),
        ("token_refused", 400, |_| Some(head("400 Bad Request", &format!("{JSON}Content-Length: 2\r\n")) + "\r\n{}")),
        ("provider_unavailable", 503, |_| Some(String::from("no HTTP at all\r\n\r\n"))),
        ("provider_unavailable", 503, |_| None),
    ];
    for (code, status, answers) in table {
        let rogue = rogue(answers);
        let site = site_of(corp(&rogue.issuer), OPEN);
        let mut here = Browser::of(&site);
        let url = leave(&mut here);
        let state = url.split("&state=").nth(1).unwrap().split('&').next().unwrap();
        let page = here.go("GET", &format!("/login/oauth2/code/corp?code=c&state={state}"), &[]);
        assert_eq!(page.status, status, "{code}: {page:?}");
        assert!(page.body.contains(code), "{code}: {page:?}");
        assert!(!here.cookies.contains_key("sg_session"));
        let asked = rogue.asked.lock().unwrap();
        assert_eq!(asked.get("/elsewhere"), None, "no redirect is followed");
        assert_eq!(asked.get("/token"), Some(&1), "{code}");
        assert_eq!(
            asked.get("/.well-known/openid-configuration"),
            Some(&1),
            "{code}: the second time from what is kept"
        );
    }
}

#[test]
fn s7_whoever_turns_away_there_is_told() {
    let rogue = rogue(|_| None);
    let site = site_of(corp(&rogue.issuer), OPEN);
    let mut here = Browser::of(&site);
    let url = leave(&mut here);
    let state = url.split("&state=").nth(1).unwrap().split('&').next().unwrap();
    let page = here.go("GET", &format!("/login/oauth2/code/corp?error=access_denied&state={state}"), &[]);
    assert!(
        page.status == 400 && page.body.contains("provider_denied") && page.header("location").is_none(),
        "{page:?}"
    );
    assert_eq!(rogue.asked.lock().unwrap().get("/token"), None);
    assert!(here.authorize(DASHBOARD, &[]).body.contains("name=\"password\""));
}
