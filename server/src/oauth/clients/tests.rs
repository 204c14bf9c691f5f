#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;

/// A folder of its own for a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("scopegate-clients-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("good.secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
        std::fs::write(path.join("short.secret"), "hunter2\n").unwrap();
        Self(path)
    }

    fn read(&self, text: &str) -> Result<Clients, ConfigError> {
        let path = self.0.join("clients.toml");
        std::fs::write(&path, text).unwrap();
        let known = ["openid", "profile", "email", "jobs:read"].map(str::to_owned);
        Clients::from_file(&path, &known, &["https://api.example".to_owned()])
    }

    fn refusal(&self, text: &str) -> String {
        match self.read(text) {
            Ok(clients) => panic!("accepted: {clients:?}"),
            Err(error) => error.to_string().replace(&self.0.display().to_string(), "DIR"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const SOUND: &str =
    "[[clients]]\nid = \"app\"\nname = \"App\"\nredirect_uris = [\"https://app.example/cb\"]\nscopes = [\"openid\"]\n";

#[test]
fn every_mistake_of_a_client_names_its_place_and_no_secret() {
    let folder = Folder::new("mistakes");
    let uris = "expected an https URL without fragment and user, http on 127.0.0.1, [::1] or localhost, or a private scheme with a dot";
    for (text, expected) in [
        (String::new(), "DIR/clients.toml: expected at least one table [[clients]]".to_owned()),
        ("clients = 7".into(), at("1:11: clients: expected tables [[clients]] and nothing else")),
        ("client = []".into(), at("1:1: client: expected tables [[clients]] and nothing else")),
        ("[[clients]]\nid = \"a".into(), at("2:8: TOML: invalid basic string, expected")),
        ("[[clients]]\n".into(), at("1:1: clients.id: expected an id: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")),
        (
            sound("id = \"app\"", "id = \"a b\""),
            at("2:6: clients.id: expected an id: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'"),
        ),
        (sound("name = \"App\"", ""), at("1:1: clients.name: expected a name for people, up to 100 characters")),
        (more("redirect_uri = \"x\""), at("6:1: clients.redirect_uri: no such setting; redirect_uris is meant?")),
        (
            sound("https://app", "http://app"),
            at(&format!("4:17: clients.redirect_uris: item 1: redirect_insecure_http: {uris}")),
        ),
        (
            sound("https://app.example/cb", "javascript:alert(1)"),
            at(&format!("4:17: clients.redirect_uris: item 1: redirect_scheme: {uris}")),
        ),
        (
            sound("[\"https://app.example/cb\"]", "[]"),
            at("4:17: clients.redirect_uris: expected at least one redirect URI"),
        ),
        (
            sound("[\"openid\"]", "[\"openid\", \"jobs:raed\"]"),
            at("5:10: clients.scopes: item 2: expected one of openid, profile, email, jobs:read"),
        ),
        (more("default_scopes = [\"email\"]"), at("6:18: clients.default_scopes: item 1: expected one of openid")),
        (more("auth = \"basic\""), at("6:8: clients.auth: expected none, client_secret_basic or client_secret_post")),
        (
            more("auth = \"client_secret_basic\""),
            at("6:8: clients.auth: expected secret_file or secret_sha256 beside it"),
        ),
        (
            more("secret_file = \"good.secret\""),
            at("6:15: clients.secret_file: a client with a secret says how it sends it: expected auth beside it"),
        ),
        (
            more("auth = \"client_secret_post\"\nsecret_file = \"short.secret\""),
            at("7:15: clients.secret_file: expected a random text of at least 32 characters, without spaces"),
        ),
        (
            more("auth = \"client_secret_post\"\nsecret_file = \"no.secret\""),
            at("7:15: clients.secret_file: DIR/no.secret: No such file or directory (os error 2)"),
        ),
        (
            more("auth = \"client_secret_post\"\nsecret_sha256 = [\"hunter2\"]"),
            at("7:17: clients.secret_sha256: item 1: expected 64 hexadecimal digits"),
        ),
        (more("pkce = \"nonce_ok\""), at("6:8: clients.pkce: expected required: the client has no secret")),
        (more("pkce = \"plain\""), at("6:8: clients.pkce: expected required or nonce_ok")),
        (
            more("grants = [\"password\"]"),
            at("6:10: clients.grants: item 1: expected one of authorization_code, refresh_token"),
        ),
        (more("grants = [\"refresh_token\"]"), at("6:10: clients.grants: expected authorization_code among them")),
        (
            more("resources = [\"https://other.example\"]"),
            at("6:13: clients.resources: item 1: expected one of https://api.example"),
        ),
        (more("first_party = 1"), at("6:15: clients.first_party: expected true or false")),
        (
            more("first_party = true\ntrusted = false"),
            at("7:11: clients.trusted: expected true for a first-party client"),
        ),
        (
            more("skip_consent = true"),
            at(
                "6:16: clients.skip_consent: expected false: only a first-party client with a secret needs no approval (OAuth 2.1 section 7.3)",
            ),
        ),
        (format!("{SOUND}{SOUND}"), at("7:6: clients.id: another client has it already: expected an id of its own")),
    ] {
        let told = folder.refusal(&text);
        assert_eq!(told, expected, "{text}");
        assert!(!told.contains("hunter2"));
    }
}

fn at(rest: &str) -> String {
    format!("DIR/clients.toml:{rest}")
}

fn sound(from: &str, to: &str) -> String {
    SOUND.replace(from, to)
}

fn more(line: &str) -> String {
    format!("{SOUND}{line}\n")
}

#[test]
fn a_client_is_what_its_table_says() {
    let folder = Folder::new("sound");
    let clients = folder.read(SOUND).unwrap();
    let app = clients.client("app").unwrap();
    assert_eq!((&app.auth, app.pkce, app.trusted, app.skip_consent), (&ClientAuth::None, Pkce::Required, true, false));
    assert_eq!(app.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
    assert!(clients.client("App").is_none());
    let hash = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
    let text =
        more(&format!("auth = \"client_secret_post\"\nsecret_file = \"good.secret\"\nsecret_sha256 = [\"{hash}\"]"));
    let clients = folder.read(&text).unwrap();
    let ClientAuth::Hashed { method: SecretMethod::Post, hashes } = &clients.client("app").unwrap().auth else {
        panic!("{clients:?}")
    };
    assert_eq!(hashes, &[hash_secret("0123456789abcdef0123456789abcdef"), hash_secret("0123456789")]);
}

#[test]
fn a_policy_and_its_clients_agree_on_who_is_first_party() {
    let folder = Folder::new("first-party");
    let names = |list: &[&str]| -> Vec<Box<str>> { list.iter().map(|name| Box::from(*name)).collect() };
    let foreign = folder.read(SOUND).unwrap();
    let own = folder.read(&more("first_party = true")).unwrap();
    for (clients, allowed, expected) in [
        (&foreign, None, Some("without them every client's token would manage")),
        (&own, None, Some("without them every client's token would manage")),
        (&own, Some(names(&["other"])), Some("first_party: expected its id among the clients")),
        (&foreign, Some(names(&["app"])), Some("expected first_party = true, or another id")),
        (&own, Some(names(&["app"])), None),
        (&foreign, Some(names(&["other"])), None),
    ] {
        let told = clients.check_first_party("user", allowed.as_deref()).err().map(|error| error.to_string());
        match (told, expected) {
            (Some(told), Some(expected)) => assert!(told.contains(expected), "{told}"),
            (told, expected) => assert_eq!(told.as_deref(), expected),
        }
    }
}
