//! `scopegate users` and `scopegate oauth-keys` beside a running server, and that nothing they or it leave behind holds a secret.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Dir, Run, scopegate};

const ISSUER: &str = "https://api.jobiflow.com";
const PASSWORD: &str = "canary-correct-horse";
const NEW_PASSWORD: &str = "canary-battery-staple";
const WRONG: &str = "canary-wrong-password";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REQUEST: &str = "/oauth2/authorize?response_type=code&client_id=dashboard&redirect_uri=https%3A%2F%2Fdash.example%2Fcb\
    &scope=openid&state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

fn site() -> (Dir, String) {
    let dir = Dir::new();
    let clients = dir.file(
        "clients.toml",
        "[[clients]]\nid = \"dashboard\"\nname = \"Dashboard\"\nredirect_uris = [\"https://dash.example/cb\"]\n\
         scopes = [\"openid\", \"profile\"]\nfirst_party = true\n",
    );
    let text = format!(
        "listen = \"127.0.0.1:0\"\nready_file = \"{}\"\ntrusted_proxies = [\"127.0.0.1\"]\ndb = \"sqlite:{}\"\n\
         pepper_file = \"{}\"\nstore_milliseconds = 30000\n[oauth]\nissuer = \"{ISSUER}\"\nclients_file = \"{clients}\"\n[log]\nlevel = \"debug\"\n",
        dir.path("ready.json"),
        dir.path("keys.db"),
        dir.path("pepper"),
    );
    let config = dir.file("scopegate.toml", &text);
    (dir, config)
}

fn users(config: &str, args: &[&str], stdin: &str) -> Run {
    scopegate(["users"].iter().chain(&args[..1]).chain(&["--config", config]).chain(&args[1..]), stdin)
}

#[test]
fn mistakes_are_told_and_passwords_never_repeated() {
    let (dir, config) = site();
    for (args, stdin, told) in [
        (&["add", "ada"][..], "short", "a password has 12 to 1024 bytes"),
        (&["add", "a:b"], PASSWORD, "the name: expected 1 to 128"),
        (&["add", "ada", "--sub", "a b"], PASSWORD, "--sub: expected"),
        (&["passwd", "nobody"], PASSWORD, "there is no such user"),
        (&["remove", "nobody"], "", "there is no such user"),
        (&["add", "ada", "--password-file", "/no/such"], "", "/no/such: cannot be read"),
    ] {
        users(&config, args, stdin).says(2, &[told]).hides(&[PASSWORD, "short\n"]);
    }
    users(&config, &["add", "ada"], PASSWORD).says(0, &["added ada, subject "]);
    users(&config, &["add", "ADA"], PASSWORD).says(2, &["is taken"]);
    let text = std::fs::read_to_string(&config).unwrap();
    let line = text.lines().find(|line| line.starts_with("db")).unwrap();
    let memory = dir.file("memory.toml", &text.replace(line, "db = \"memory\""));
    users(&memory, &["add", "bob"], PASSWORD).says(2, &["db: expected a database that outlives this command"]);
    let bare = dir.file("bare.toml", &format!("db = \"sqlite:{}\"\n", dir.path("keys.db")));
    users(&bare, &["add", "bob"], PASSWORD).says(2, &["oauth.issuer: expected"]);
    scopegate(["oauth-keys", "list", "--config", &config], "").says(0, &["active", "since 20"]).hides(&["retiring"]);
    scopegate(["oauth-keys", "rotate", "--config", &config], "").says(0, &["active", "next", "5 minutes"]);
}

#[test]
fn what_does_not_fit_together_ends_the_start() {
    let (dir, config) = site();
    let text = std::fs::read_to_string(&config).unwrap();
    let foreign = std::fs::read_to_string(dir.path("clients.toml")).unwrap().replace("first_party = true\n", "");
    let foreign = dir.file("foreign.toml", &foreign);
    for (from, to, told) in [
        (ISSUER, "https://id.example", "oauth.issuer: expected the issuer of a bearer credential of the policy"),
        ("clients_file", "client_file", "oauth.client_file: no such setting; oauth.clients_file is meant?"),
        ("clients.toml", "foreign.toml", "expected first_party = true, or another id"),
        ("clients.toml", "nowhere.toml", "nowhere.toml: No such file"),
        ("clients_file", "providers_file = \"/no/providers.toml\"\nclients_file", "/no/providers.toml: No such file"),
        (
            "issuer = ",
            "cors_origins = [] #",
            "oauth.clients_file: nothing is signed here: expected oauth.issuer beside it",
        ),
        ("[oauth]", "jwks_file = \"x\"\n[oauth]", "jwks_file: excludes oauth.issuer"),
    ] {
        let wrong = dir.file("wrong.toml", &text.replace(from, to));
        scopegate(["serve", "--config", &wrong], "").says(2, &[told]);
    }
    assert!(foreign.ends_with("foreign.toml"));
}

struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(dir: &Dir, config: &str) -> Self {
        let log = |name: &str| Stdio::from(std::fs::File::create(dir.path(name)).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_scopegate"));
        command.args(["serve", "--config", config]).stdin(Stdio::null()).stdout(log("out")).stderr(log("err"));
        let child = command.spawn().unwrap();
        let started = Instant::now();
        let ready = loop {
            if let Ok(text) = std::fs::read_to_string(dir.path("ready.json")) {
                break serde_json::from_str::<Value>(&text).unwrap();
            }
            assert!(started.elapsed() < Duration::from_secs(120), "the server does not start");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(ready.get("password").is_none(), "no demonstration");
        Self { child, address: ready["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned() }
    }

    fn ask(&self, method: &str, target: &str, cookies: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let text = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nCookie: {cookies}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Signs in and approves; the last answer, and the cookies.
    fn sign_in(&self, password: &str) -> (String, String) {
        let page = self.ask("GET", REQUEST, "", "");
        let mut jar = cookies(&page);
        let form = format!("ticket={}&client_id=dashboard&username=ada&password={password}", ticket(&page));
        let answer = self.ask("POST", "/login", &jar, &form);
        if !answer.starts_with("HTTP/1.1 200") {
            return (answer, jar);
        }
        jar = cookies(&answer);
        let form = format!("ticket={}&scope=openid&decision=allow", ticket(&answer));
        (self.ask("POST", "/consent", &jar, &form), jar)
    }
}

fn cookies(answer: &str) -> String {
    let lines = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    lines.map(|line| line.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

fn between(text: &str, start: &str, end: char) -> Option<String> {
    Some(text.split_once(start)?.1.split(end).next()?.to_owned())
}

fn ticket(page: &str) -> String {
    between(page, "name=\"ticket\" value=\"", '"').unwrap_or_else(|| panic!("no ticket: {page}"))
}

#[test]
fn users_of_the_command_sign_in_and_nothing_left_behind_holds_a_secret() {
    let (dir, config) = site();
    users(&config, &["add", "ada", "--sub", "company-1"], PASSWORD).says(0, &["subject company-1"]);
    let server = Server::start(&dir, &config);
    assert!(server.sign_in(WRONG).0.starts_with("HTTP/1.1 400"));
    let (back, jar) = server.sign_in(PASSWORD);
    let code = between(&back, "code=", '&').unwrap_or_else(|| panic!("no code: {back}"));
    let form = format!("grant_type=authorization_code&client_id=dashboard&code={code}&code_verifier={VERIFIER}");
    let tokens = server.ask("POST", "/oauth2/token", "", &form);
    let refresh = between(&tokens, "\"refresh_token\":\"", '"').unwrap_or_else(|| panic!("no token: {tokens}"));
    let access = between(&tokens, "\"access_token\":\"", '"').unwrap();

    users(&config, &["passwd", "ada"], NEW_PASSWORD)
        .says(0, &["its sessions and 1 grants have ended"])
        .hides(&[NEW_PASSWORD]);
    let form = format!("grant_type=refresh_token&client_id=dashboard&refresh_token={refresh}");
    assert!(server.ask("POST", "/oauth2/token", "", &form).contains("invalid_grant"));
    assert!(server.ask("GET", REQUEST, &jar, "").contains("name=\"password\""), "the session has ended");
    assert!(server.sign_in(PASSWORD).0.starts_with("HTTP/1.1 400"));
    assert!(server.sign_in(NEW_PASSWORD).0.starts_with("HTTP/1.1 303"));
    users(&config, &["remove", "ada"], "").says(0, &["removed ada"]);
    assert!(server.sign_in(NEW_PASSWORD).0.starts_with("HTTP/1.1 400"));

    let session = between(&jar, "__Host-sg_session=s1.", ';').unwrap();
    let secret = code.rsplit('.').next().unwrap();
    let canaries = [PASSWORD, NEW_PASSWORD, WRONG, VERIFIER, secret, &refresh, &access, &session];
    let mut seen = 0;
    for name in ["out", "err", "keys.db", "keys.db-wal", "ready.json"] {
        let Ok(bytes) = std::fs::read(dir.path(name)) else { continue };
        seen += 1;
        for canary in canaries {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(canary.len() >= 12 && !found, "{name} holds {canary}");
        }
    }
    assert!(seen >= 4);
    assert!(std::fs::read_to_string(dir.path("err")).unwrap().contains("a sign-in failed"));
}
