//! The token endpoint beside the one thing it cannot do without: a signature. Rounds of both in turn, medians, ratios.
//!
//! `cd benches && cargo bench --bench oauth` prints the table of the section "Authorization server" of `benches/RESULTS.md`.
#![allow(clippy::unwrap_used, reason = "a benchmark may stop where its set-up fails")]
#![allow(missing_docs, reason = "a program")]

use std::cell::{Cell, RefCell};
use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64ct::{Base64UrlUnpadded, Encoding};
use hashbrown::HashMap;
use scopegate::jwt::Algorithm;
use scopegate::oauth::{
    Answer, Ask, Client, ClientAuth, Config, ConsentOutcome, GrantType, Host, HttpRequest, HttpResponse, Interaction,
    KeyStatus, Lifetimes, Login, LoginOutcome, Need, Params, Pkce, Reply, Server, SigningKey, SigningKeys, StoreCaps,
    StoredGrant, Swap, TokenSecret, drive,
};
use scopegate_benches::NOW;
use scopegate_benches::measure::{HEADER, pair};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A store as fast as one can be, and a signer as fast as there is.
struct Memory {
    client: Client,
    rows: RefCell<HashMap<String, StoredGrant>>,
    key: KeyPair,
    random: SystemRandom,
    signs: Cell<bool>,
}

impl Memory {
    fn sign(&self, input: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        if self.signs.get() {
            self.key.sign(&RSA_PKCS1_SHA256, &self.random, input, &mut signature).unwrap();
        }
        signature
    }

    fn get(&self, id: &str) -> Option<StoredGrant> {
        self.rows.borrow().get(id).cloned()
    }

    fn swap(&self, id: &str, expect_version: u64, row: &[u8]) -> Swap {
        match self.rows.borrow_mut().get_mut(id) {
            None => Swap::Missing,
            Some(stored) if stored.version != expect_version => Swap::Conflict,
            Some(stored) => {
                *stored = StoredGrant { row: row.to_vec(), version: expect_version + 1 };
                Swap::Swapped
            }
        }
    }
}

impl Host for Memory {
    fn answer(&self, need: &Need) -> Answer {
        match need {
            Need::Client { .. } => Answer::Client(Some(self.client.clone())),
            Need::Grant { id } => Answer::Grant(self.get(id)),
            Need::InsertGrant { id, row, .. } => {
                self.rows.borrow_mut().insert(id.clone(), StoredGrant { row: row.clone(), version: 1 });
                Answer::Inserted(true)
            }
            Need::SwapGrant { id, expect_version, row, .. } => Answer::Swap(self.swap(id, *expect_version, row)),
            Need::Sign { signing_input, .. } => Answer::Signature(self.sign(signing_input)),
            Need::PutOnce { .. } => Answer::Put(true),
            Need::Consent { .. } => Answer::Consent(None),
            Need::Claims { .. } => Answer::Claims("{}".into()),
            _ => Answer::Done,
        }
    }
}

fn server(host: &Memory) -> Server {
    // An RSAPublicKey of 2048 bits in DER: 9 bytes before the modulus.
    let der = host.key.public_key().as_ref();
    let modulus = Base64UrlUnpadded::encode_string(der.get(9..265).unwrap());
    let key = SigningKey {
        kid: "k1".into(),
        alg: Algorithm::Rs256,
        public: format!(r#"{{"kty":"RSA","e":"AQAB","n":"{modulus}"}}"#),
        status: KeyStatus::Active,
        since: NOW,
    };
    let config = Config {
        issuer: "https://op.example".into(),
        secrets: vec![TokenSecret::new("s1".into(), [7; 32])],
        scopes: vec!["openid".into(), "keys".into()],
        resources: vec![],
        cors_origins: vec![],
        lifetimes: Lifetimes { refresh_leeway: 0, ..Lifetimes::default() },
        offline_access_required: false,
    };
    let caps = StoreCaps { cas: true, read_your_writes: true, put_once: true };
    Server::new(config, SigningKeys { keys: vec![key] }, caps).unwrap()
}

fn form(body: String) -> HttpRequest {
    HttpRequest {
        method: "POST".into(),
        path: "/oauth2/token".into(),
        headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
        body: body.into_bytes(),
        ..HttpRequest::default()
    }
}

fn respond(reply: Reply) -> HttpResponse {
    let Reply::Respond(response) = reply else { unreachable!("a page") };
    response
}

/// The refresh token of a fresh grant.
fn family(server: &Server, host: &Memory) -> String {
    let query = format!(
        "response_type=code&client_id=app&redirect_uri=https://app.example/cb&scope=openid+keys&state=s&nonce=n\
         &code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    let request =
        HttpRequest { method: "GET".into(), path: "/oauth2/authorize".into(), query, ..HttpRequest::default() };
    let browser = |page: &Interaction| {
        let cookie = page.headers.iter().find(|(name, _)| name == "set-cookie").unwrap();
        let cookie = cookie.1.split(';').next().unwrap().to_owned();
        HttpRequest { headers: vec![("cookie".into(), cookie)], ..HttpRequest::default() }
    };
    let mut reply = drive(server.handle(request, NOW, [1; 64]), host);
    while let Reply::Interact(page) = &reply {
        let flow = match &page.ask {
            Ask::Login { .. } => {
                let login = Login { sub: "u1".into(), auth_time: NOW, acr: None, amr: vec![] };
                server.resume_login(browser(page), page.ticket.clone(), LoginOutcome::LoggedIn(login), NOW, [2; 64])
            }
            Ask::Consent { scopes, .. } => {
                let outcome = ConsentOutcome::Approve { scopes: scopes.clone() };
                server.resume_consent(browser(page), page.ticket.clone(), Some("u1".into()), outcome, NOW, [3; 64])
            }
        };
        reply = drive(flow, host);
    }
    let response = respond(reply);
    let query = response.header("location").unwrap().split_once('?').unwrap().1.to_owned();
    let code = Params::parse(query.as_bytes()).unwrap().get("code").unwrap().to_owned();
    let body = format!("grant_type=authorization_code&client_id=app&code={code}&code_verifier={VERIFIER}");
    let response = respond(drive(server.handle(form(body), NOW, [4; 64]), host));
    assert_eq!(response.status, 200);
    child(&response)
}

/// The refresh token of an answer.
fn child(response: &HttpResponse) -> String {
    let body = std::str::from_utf8(&response.body).unwrap();
    let rest = body.split_once("\"refresh_token\":\"").unwrap().1;
    rest.split_once('"').unwrap().0.to_owned()
}

/// Refreshes with the current token, and keeps the next.
fn refresh(server: &Server, host: &Memory, token: &mut String) {
    let body = format!("grant_type=refresh_token&client_id=app&refresh_token={token}");
    let response = respond(drive(server.handle(form(body), NOW, [5; 64]), host));
    assert_eq!(response.status, 200);
    *token = child(&response);
}

fn main() {
    let client = Client {
        client_id: "app".into(),
        name: "App".into(),
        auth: ClientAuth::None,
        redirect_uris: vec!["https://app.example/cb".into()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: vec!["openid".into(), "keys".into()],
        default_scopes: vec!["keys".into()],
        resources: vec![],
        pkce: Pkce::Required,
        trusted: true,
        skip_consent: false,
    };
    let host = Memory {
        client,
        rows: RefCell::default(),
        key: KeyPair::generate(KeySize::Rsa2048).unwrap(),
        random: SystemRandom::new(),
        signs: Cell::new(true),
    };
    let server = server(&host);
    let mut token = family(&server, &host);
    // An old token ends the family, and so a wrong answer would stop the benchmark.
    let input = vec![b'x'; 400];
    println!("{HEADER}");
    let signature = "one RS256 signature, aws-lc-rs";
    pair(
        "refresh: whole flow, store in memory",
        signature,
        "≤ 1.3",
        40,
        &mut || refresh(&server, &host, &mut token),
        &mut || drop(black_box(host.sign(&input))),
    );
    let row = host.rows.borrow().iter().next().map(|(id, stored)| (id.clone(), stored.clone())).unwrap();
    let get_and_swap = |id: &str| {
        let stored = host.get(id).unwrap();
        black_box(host.swap(id, stored.version, &stored.row));
    };
    host.signs.set(false);
    pair(
        "refresh without its signature",
        "the store alone: one read, one swap",
        "–",
        400,
        &mut || refresh(&server, &host, &mut token),
        &mut || get_and_swap(&row.0),
    );
    let few = Cell::new(Some(host.rows.take()));
    let mut many: HashMap<String, StoredGrant> = few.take().unwrap();
    let alone = RefCell::new(many.clone());
    many.extend((0..1_000_000).map(|number| (format!("{number:022}"), row.1.clone())));
    let many = RefCell::new(many);
    let mut other = token.clone();
    pair(
        "refresh without its signature, 1,000,000 grants",
        "the same with one grant",
        "1",
        400,
        &mut || {
            host.rows.swap(&many);
            refresh(&server, &host, &mut token);
            host.rows.swap(&many);
        },
        &mut || {
            host.rows.swap(&alone);
            refresh(&server, &host, &mut other);
            host.rows.swap(&alone);
        },
    );
}
