//! The signing keys: sealed where they rest, the same for every instance, changed without a restart and without a token that fails.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use scopegate::policy::Policy;
use scopegate::time::UnixSeconds;
use scopegate_server::metered::Metered;
use scopegate_server::metrics::Metrics;
use scopegate_server::oauth::{Oauth, Settings};
use scopegate_server::peppers::Peppers;
use scopegate_server::store::AnyStore;
use scopegate_stores::{MemoryStore, SqliteStore};

use super::flow::part;
use super::site::{DASHBOARD, Options, Site, policy, settings, start_with};

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("scopegate-oauth-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn site(&self) -> Site {
        let url = format!("sqlite:{}", self.0.join("keys.db").display());
        let store = Box::new(move |runtime: &tokio::runtime::Handle| {
            AnyStore::Sqlite(runtime.block_on(SqliteStore::open(&url)).unwrap())
        });
        let peppers = Peppers::from_file(&self.0.join("pepper")).unwrap();
        start_with(Options { store, peppers, ..Options::default() })
    }

    /// Every byte that the database left on the disk.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| !file.ends_with("pepper")).flat_map(|file| std::fs::read(file).unwrap()).collect()
    }
}

fn kid(site: &Site) -> String {
    let tokens = site.tokens(DASHBOARD, &[]);
    part(tokens["access_token"].as_str().unwrap(), 0)["kid"].as_str().unwrap().to_owned()
}

fn published(site: &Site) -> Vec<String> {
    let jwks = site.get("/oauth2/jwks").json();
    let mut kids = Vec::new();
    for key in jwks["keys"].as_array().unwrap() {
        for secret in ["d", "p", "q", "dp", "dq", "qi"] {
            assert!(key.get(secret).is_none(), "{secret}");
        }
        kids.push(key["kid"].as_str().unwrap().to_owned());
    }
    kids
}

#[test]
fn what_cannot_work_is_told_at_the_start() {
    const ISSUER: &str = "https://id.example";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let open = |settings: Settings, policy: &Policy, store: AnyStore, peppers: &Peppers| {
        let store = Arc::new(Metered::new(store, Arc::new(Metrics::new()), Duration::from_secs(20)));
        let now = UnixSeconds::clamped(1_780_000_000);
        match runtime.block_on(Oauth::open(settings, policy, peppers, store, now)) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    };
    let memory = || AnyStore::Memory(MemoryStore::new());
    let peppers = Peppers::fresh().unwrap();
    let told = open(settings(ISSUER, 10), &policy(ISSUER), AnyStore::Broken, &peppers);
    assert!(told.starts_with("oauth: the store lacks cas"), "{told}");
    for issuer in ["http://id.example", "https://id.example/", "id.example", "https://id.example?x"] {
        assert_eq!(
            open(settings(issuer, 10), &policy(ISSUER), memory(), &peppers),
            "oauth: issuer_invalid",
            "{issuer}"
        );
    }
    let mut routes: serde_json::Value = serde_json::from_str(scopegate_server::POLICY).unwrap();
    routes["routes"][0]["match"] = "GET /userinfo".into();
    routes["tests"] = serde_json::json!([]);
    let routes = Policy::from_json(&routes.to_string()).unwrap();
    let told = open(settings(ISSUER, 10), &routes, memory(), &peppers);
    assert_eq!(told, "the policy's route listJobListings is at a path of the authorization server");
    let store = MemoryStore::new();
    assert_eq!(open(settings(ISSUER, 10), &policy(ISSUER), AnyStore::Memory(store.clone()), &peppers), "");
    let told = open(settings(ISSUER, 10), &policy(ISSUER), AnyStore::Memory(store), &Peppers::fresh().unwrap());
    assert!(told.starts_with("the signing keys of the database cannot be read"), "{told}");
}

#[test]
fn instances_agree_and_the_database_holds_no_secret_in_the_clear() {
    let folder = Folder::new("instances");
    let (one, other) = (folder.site(), folder.site());
    assert_eq!(published(&one), published(&other));
    let tokens = one.tokens(DASHBOARD, &[]);
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    // The other one's address is another issuer here, but its keys and secrets are the same: the refresh token is known to it.
    assert_eq!(other.refresh(DASHBOARD, refresh).status, 200);
    let bytes = folder.bytes();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("signing-keys") && holds("$argon2id$"), "the files are those of the database");
    for text in ["\"p\":", "\"q\":", "PRIVATE KEY", super::site::PASSWORD, access, refresh] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn a_key_is_published_before_it_signs_and_after() {
    let folder = Folder::new("rotation");
    let site = folder.site();
    let first = kid(&site);
    let old = site.tokens(DASHBOARD, &[])["access_token"].as_str().unwrap().to_owned();
    assert_eq!(site.with_token("GET", "/settings/api-keys", &old).status, 200);
    let now = || site.app.now();
    site.run(site.oauth().reload(now())).unwrap();
    let both = published(&site);
    assert_eq!((both.len(), kid(&site)), (2, first.clone()), "the next key is made and does not sign");
    site.run(site.oauth().rotate(now())).unwrap();
    assert_eq!(kid(&site), first, "it was published a moment ago");
    let other = folder.site();
    site.pass(301);
    site.run(site.oauth().rotate(now())).unwrap();
    let second = kid(&site);
    assert!(second != first && both.contains(&second));
    let new = site.tokens(DASHBOARD, &[])["access_token"].as_str().unwrap().to_owned();
    assert_eq!(site.with_token("GET", "/settings/api-keys", &new).status, 200, "the gate hears of the new key");
    let all = published(&site);
    assert!(all.len() == 3 && all.contains(&first), "{all:?}");
    assert_eq!(site.with_token("GET", "/settings/api-keys", &old).status, 200, "what the old key signed is good");
    assert_eq!(site.with_token("GET", "/userinfo", &old).status, 200);
    site.pass(1_000);
    site.run(site.oauth().rotate(now())).unwrap();
    assert!(!published(&site).contains(&first), "and is forgotten when nothing it signed is alive");
    assert_ne!(published(&other), published(&site));
    other.run(other.oauth().reload(now())).unwrap();
    assert_eq!(published(&other), published(&site), "the other instance follows");
}
