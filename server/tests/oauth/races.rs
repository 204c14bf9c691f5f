//! One code and one refresh token, three times at once, over every store with 15 ms between question and answer.

use std::time::Duration;

use scopegate_server::store::AnyStore;
use scopegate_stores::{MemoryStore, PostgresStore, RedisStore, ServiceOptions, SqliteStore};
use tokio::runtime::Handle;

use super::browser::{Answer, Browser, VERIFIER};
use super::site::{CALLBACK, DASHBOARD, Options, REPORTS, Site, start_with};

type Open = Box<dyn FnOnce(&Handle) -> AnyStore + Send>;

/// The stores that are there; `scripts/with-services` starts the last two.
fn stores(namespace: &'static str) -> Vec<(&'static str, Open)> {
    let mut stores: Vec<(&'static str, Open)> = vec![
        ("memory", Box::new(|_| AnyStore::Memory(MemoryStore::new()))),
        ("sqlite", Box::new(|at| AnyStore::Sqlite(at.block_on(SqliteStore::open("sqlite::memory:")).unwrap()))),
    ];
    let options = ServiceOptions { namespace, ..ServiceOptions::default() };
    if let Some(url) = service("SCOPEGATE_POSTGRES_URL") {
        let open =
            move |at: &Handle| AnyStore::Postgres(at.block_on(PostgresStore::open_with(&url, &options)).unwrap());
        stores.push(("postgres", Box::new(open)));
    }
    if let Some(url) = service("SCOPEGATE_REDIS_URL") {
        let open = move |at: &Handle| AnyStore::Redis(at.block_on(RedisStore::open_with(&url, &options)).unwrap());
        stores.push(("redis", Box::new(open)));
    }
    stores
}

fn service(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        assert!(std::env::var_os("SCOPEGATE_SERVICES").is_none(), "{variable} is not set, and SCOPEGATE_SERVICES is");
        eprintln!("skipped: {variable} is not set; scripts/with-services starts the service");
    }
    url
}

fn three(site: &Site, send: impl Fn(&Site) -> Answer + Sync) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..3).map(|_| scope.spawn(|| send(site))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn site(open: Open, leeway: i64) -> Site {
    start_with(Options { store: open, delay: Duration::from_millis(15), leeway, ..Options::default() })
}

#[test]
fn one_code_three_times_at_once_is_one_grant_which_the_replay_ends() {
    for (name, open) in stores("oauth_codes") {
        let site = site(open, 10);
        let code = Browser::of(&site).code(DASHBOARD, &[]);
        let wrong_verifier =
            [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", &"x".repeat(43))];
        let wrong_redirect = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", &format!("{CALLBACK}/other")),
        ];
        for (what, answer) in [
            ("another client", site.redeem(REPORTS, &code)),
            ("another verifier", site.post_as(DASHBOARD, "/oauth2/token", &wrong_verifier)),
            ("another redirect", site.post_as(DASHBOARD, "/oauth2/token", &wrong_redirect)),
        ] {
            assert_eq!(answer.text("error"), "invalid_grant", "{name}: {what} burns no code");
        }
        let answers = three(&site, |site| site.redeem(DASHBOARD, &code));
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{name}: {answers:?}");
        for lost in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!((lost.status, lost.text("error")), (400, "invalid_grant".into()), "{name}");
        }
        let refresh = won[0].text("refresh_token");
        assert_eq!(site.refresh(DASHBOARD, &refresh).text("error"), "invalid_grant", "{name}: the family has ended");
    }
}

#[test]
fn one_refresh_token_three_times_at_once_has_one_child() {
    for (name, open) in stores("oauth_leeway") {
        let site = site(open, 10);
        let parent = site.tokens(DASHBOARD, &[])["refresh_token"].as_str().unwrap().to_owned();
        let answers = three(&site, |site| site.refresh(DASHBOARD, &parent));
        let children: Vec<String> = answers.iter().map(|answer| answer.text("refresh_token")).collect();
        assert!(children.iter().all(|child| *child == children[0] && *child != parent), "{name}: {answers:?}");
        let next = site.refresh(DASHBOARD, &children[0]).text("refresh_token");
        assert_eq!(site.refresh(DASHBOARD, &parent).text("error"), "invalid_grant", "{name}: an ancestor");
        assert_eq!(site.refresh(DASHBOARD, &next).text("error"), "invalid_grant", "{name}: the family has ended");
    }
}

#[test]
fn without_leeway_one_of_three_wins_and_the_family_ends() {
    for (name, open) in stores("oauth_strict") {
        let site = site(open, 0);
        let parent = site.tokens(REPORTS, &[])["refresh_token"].as_str().unwrap().to_owned();
        assert_eq!(site.refresh(DASHBOARD, &parent).text("error"), "invalid_grant", "{name}: of another client");
        let answers = three(&site, |site| site.refresh(REPORTS, &parent));
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{name}: {answers:?}");
        assert_eq!(site.refresh(REPORTS, &won[0].text("refresh_token")).text("error"), "invalid_grant", "{name}");
    }
}
