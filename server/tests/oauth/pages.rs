//! What is public about it: its pages' headers, its cookies, and that nothing it names is missing.

use super::browser::{Answer, Browser, authorize};
use super::site::{DASHBOARD, Options, PASSWORD, USER, start, start_with};

#[test]
fn every_page_is_framed_by_nobody_kept_by_nobody_and_loads_nothing() {
    let site = start();
    let mut browser = Browser::of(&site);
    let login = browser.authorize(DASHBOARD, &[]);
    let wrong = browser.sign_in(&login, USER, "wrong password");
    let consent = browser.sign_in(&login, USER, PASSWORD);
    let stale = browser.sign_in(&login, USER, PASSWORD);
    let logout = browser.go("GET", "/logout", &[]);
    let no_client = site.get("/oauth2/authorize?client_id=nobody");
    let pages: [(&str, &Answer, u16); 6] = [
        ("login", &login, 200),
        ("wrong", &wrong, 400),
        ("consent", &consent, 200),
        ("stale", &stale, 400),
        ("logout", &logout, 200),
        ("no client", &no_client, 400),
    ];
    for (name, page, status) in pages {
        assert_eq!(page.status, status, "{name}: {page:?}");
        for (header, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(page.headers(header).collect::<Vec<_>>(), [value], "{name}: {header}");
        }
        let policies: Vec<_> = page.headers("content-security-policy").collect();
        let [policy] = policies[..] else { panic!("{name}: {policies:?}") };
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "style-src 'sha256-",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{name}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !page.body.contains("<script"), "{name}");
        assert_eq!(page.headers("access-control-allow-origin").count(), 0, "{name}");
        assert!(page.body.starts_with("<!doctype html><html lang=\"en\">"), "{name}");
    }
    assert!(login.body.contains("Jobiflow &lt;dashboard&gt;") && !login.body.contains("<dashboard>"));
    for field in ["username", "password"] {
        assert!(login.body.contains(&format!("<label for=\"{field}\">")), "{field}");
    }
    let policy = login.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:*;"), "{policy}");
    let hint = site.get(&authorize(DASHBOARD, &[("login_hint", "\"><script>alert(1)</script>")]));
    assert!(hint.status == 200 && !hint.body.contains("<script"), "{hint:?}");
}

#[test]
fn cookies_are_bound_to_the_host_and_out_of_reach_of_scripts() {
    for (secure, session, rest) in [
        (true, "__Host-sg_session", "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"),
        // Browsers take no __Host- cookie from plain HTTP, which is for this machine alone.
        (false, "sg_session", "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"),
    ] {
        let site = start_with(Options { secure, ..Options::default() });
        let mut browser = Browser::of(&site);
        let page = browser.authorize(DASHBOARD, &[]);
        let first = browser.sign_in(&page, USER, PASSWORD);
        let line = first.headers("set-cookie").find(|line| line.starts_with(session)).unwrap().to_owned();
        assert!(line.starts_with(&format!("{session}=s1.")) && line.ends_with(rest), "{line}");
        assert!(!line.contains("Domain"));
        let before = browser.cookies[session].clone();
        let page = browser.authorize(DASHBOARD, &[("prompt", "login")]);
        browser.sign_in(&page, USER, PASSWORD);
        assert_ne!(browser.cookies[session], before, "a sign-in is a session of its own");
        let mut forged = Browser::of(&site);
        forged.cookies.insert(session.into(), format!("{}AA", &before[..before.len() - 2]));
        assert!(forged.authorize(DASHBOARD, &[]).body.contains("name=\"password\""));
    }
}

#[test]
fn an_issuer_with_a_path_is_below_it_with_everything() {
    let site = start_with(Options { secure: true, base: "/auth", ..Options::default() });
    let inserted = site.get("/.well-known/oauth-authorization-server/auth");
    assert_eq!((inserted.status, inserted.text("issuer")), (200, "https://id.jobiflow.example/auth".into()));
    for path in ["/auth/.well-known/openid-configuration", "/.well-known/openid-configuration/auth"] {
        assert_eq!(site.get(path).json(), inserted.json(), "{path}");
    }
    for (member, value) in inserted.json().as_object().unwrap() {
        if member.ends_with("_endpoint") || member.ends_with("_uri") {
            let path = value.as_str().unwrap().strip_prefix("https://id.jobiflow.example").unwrap();
            assert!(path.starts_with("/auth/") && site.get(path).status != 404, "{member}");
        }
    }
    assert_eq!(site.get("/oauth2/jwks").status, 404);
    let page = site.get(&format!("/auth{}", authorize(DASHBOARD, &[])));
    assert!(page.status == 200 && page.body.contains("action=\"/auth/login\""), "{page:?}");
}

#[test]
fn nothing_that_is_announced_is_missing() {
    let site = start();
    let metadata = site.get("/.well-known/openid-configuration");
    assert_eq!((metadata.status, metadata.text("issuer")), (200, site.issuer.clone()));
    assert_eq!(site.get("/.well-known/oauth-authorization-server").json(), metadata.json());
    for (member, value) in metadata.json().as_object().unwrap() {
        if member.ends_with("_endpoint") || member.ends_with("_uri") {
            let url = value.as_str().unwrap();
            let path = url.strip_prefix(&site.issuer).unwrap_or_else(|| panic!("{member}: {url}"));
            assert_ne!(site.get(path).status, 404, "{member}");
        }
    }
    for (path, resource) in [("", site.issuer.clone()), ("/public/v1", format!("{}/public/v1", site.issuer))] {
        let document = site.get(&format!("/.well-known/oauth-protected-resource{path}"));
        assert_eq!((document.status, document.text("resource")), (200, resource));
        assert_eq!(document.json()["authorization_servers"], serde_json::json!([site.issuer]));
    }
    let jwks = site.get("/oauth2/jwks");
    assert_eq!(jwks.header("cache-control").as_deref(), Some("public, max-age=300"));
    let etag = jwks.header("etag").unwrap();
    assert_eq!(site.send("GET", "/oauth2/jwks", &[("If-None-Match", &etag)], "").status, 304);
    let cross = [("Origin", "https://app.example")];
    let token = site.send("POST", "/oauth2/token", &cross, "");
    assert_eq!(token.header("access-control-allow-origin").as_deref(), Some("https://app.example"));
    let page = site.send("GET", &authorize(DASHBOARD, &[]), &cross, "");
    assert_eq!(page.header("access-control-allow-origin"), None);
}
