//! An in-memory host with a signer, and a server to hold it against.
#![allow(dead_code, reason = "each test uses its part")]

pub mod op;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use rsa::pkcs1v15::SigningKey as RsaSigner;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use scopegate::jwt::Algorithm;
use scopegate::oauth::*;
use scopegate::time::UnixSeconds;
use serde_json::Value;

pub const NOW: i64 = 1_780_000_000;
pub const SECRET: &str = "s3cret+of:web %";
pub const SCOPES: [&str; 7] = ["openid", "profile", "email", "address", "phone", "offline_access", "keys"];
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

static KEY: LazyLock<rsa::PrivateKey> = LazyLock::new(new_key);
static SECOND_KEY: LazyLock<rsa::PrivateKey> = LazyLock::new(new_key);

fn new_key() -> rsa::PrivateKey {
    rsa::PrivateKey::new(&mut rsa::rand_core::UnwrapErr(getrandom::SysRng), 2048).unwrap()
}

pub fn at(offset: i64) -> UnixSeconds {
    UnixSeconds::clamped(NOW + offset)
}

pub const ALL: StoreCaps = StoreCaps { cas: true, read_your_writes: true, put_once: true };

/// The public half of a key, with a member that must never be published.
pub fn signing_key(kid: &str, status: KeyStatus, since: i64) -> SigningKey {
    let key = private(kid);
    let b64 = |n: &rsa::BoxedUint| Base64UrlUnpadded::encode_string(&n.to_be_bytes_trimmed_vartime());
    let public = format!(r#"{{"kty":"RSA","n":"{}","e":"{}","d":"never"}}"#, b64(key.n()), b64(key.e()));
    SigningKey { kid: kid.into(), alg: Algorithm::Rs256, public, status, since: at(since) }
}

pub fn private(kid: &str) -> &'static rsa::PrivateKey {
    if kid == "k2" { &SECOND_KEY } else { &KEY }
}

pub fn sign(kid: &str, input: &[u8]) -> Vec<u8> {
    RsaSigner::<sha2::Sha256>::new(private(kid).clone()).sign(input).to_vec()
}

pub fn server(leeway: i64) -> Server {
    server_of(config(leeway))
}

pub fn server_of(config: Config) -> Server {
    Server::new(config, SigningKeys { keys: vec![signing_key("k1", KeyStatus::Active, 0)] }, ALL).unwrap()
}

pub fn config(leeway: i64) -> Config {
    Config {
        issuer: "https://op.example".into(),
        secrets: vec![TokenSecret::new("s1".into(), [7; 32])],
        scopes: SCOPES.map(String::from).to_vec(),
        resources: ["https://api.example/v1", "https://other.example", "urn:example:batch"]
            .map(|uri| Resource { uri: uri.into(), scopes: vec!["keys".into()] })
            .into(),
        cors_origins: vec!["https://app.example".into()],
        lifetimes: Lifetimes { refresh_leeway: leeway, ..Lifetimes::default() },
        offline_access_required: false,
    }
}

pub fn client(id: &str, auth: ClientAuth) -> Client {
    Client {
        client_id: id.into(),
        name: id.into(),
        auth,
        redirect_uris: vec![format!("https://{id}.example/cb")],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: SCOPES.map(String::from).to_vec(),
        default_scopes: vec!["keys".into()],
        resources: vec!["https://api.example/v1".into(), "https://other.example".into()],
        pkce: Pkce::Required,
        trusted: true,
        skip_consent: false,
    }
}

#[derive(Default)]
pub struct Store {
    pub clients: BTreeMap<String, Client>,
    pub grants: RefCell<BTreeMap<String, StoredGrant>>,
    pub subjects: RefCell<BTreeSet<(String, String)>>,
    pub once: RefCell<BTreeSet<String>>,
    pub consents: RefCell<BTreeMap<(String, String), Vec<String>>>,
    pub events: RefCell<Vec<EventKind>>,
    pub signer_fails: Cell<bool>,
}

impl Store {
    pub fn new() -> Self {
        let secret = |method| ClientAuth::Hashed { method, hashes: vec![[9; 32], hash_secret(SECRET)] };
        let basic = || secret(SecretMethod::Basic);
        let web = client("web", basic());
        let with = |id: &str, uris: &[&str]| Client {
            redirect_uris: uris.iter().map(|uri| (*uri).into()).collect(),
            ..client(id, ClientAuth::None)
        };
        let clients = [
            client("app", ClientAuth::None),
            client("post", secret(SecretMethod::Post)),
            client("argon", ClientAuth::Host { method: SecretMethod::Basic }),
            client("a:b c", basic()),
            Client { pkce: Pkce::NonceOk, ..client("nonce", basic()) },
            Client { pkce: Pkce::NonceOk, ..client("public-nonce", ClientAuth::None) },
            Client { trusted: false, ..client("stranger", ClientAuth::None) },
            Client { default_scopes: vec![], ..client("bare", ClientAuth::None) },
            Client { default_scopes: vec!["openid".into()], ..client("openid", ClientAuth::None) },
            Client { scopes: vec!["keys".into(), "unknown".into()], ..client("narrow", ClientAuth::None) },
            Client { resources: vec![], ..client("homely", ClientAuth::None) },
            Client { grant_types: vec![GrantType::AuthorizationCode], ..client("once", ClientAuth::None) },
            Client { grant_types: vec![GrantType::RefreshToken], ..client("never", ClientAuth::None) },
            Client { grant_types: vec![], ..client("api", basic()) },
            Client { grant_types: vec![], resources: vec!["https://other.example".into()], ..client("api2", basic()) },
            Client { skip_consent: true, ..client("first", basic()) },
            Client { skip_consent: true, ..client("first-public", ClientAuth::None) },
            Client { skip_consent: true, trusted: false, ..client("first-stranger", basic()) },
            with("two", &["https://two.example/cb", "https://two.example/cb2"]),
            with("query", &["https://query.example/cb?k=v%20w"]),
            with("native", &["http://127.0.0.1:1234/cb", "http://[::1]/cb", "com.example.app:/cb"]),
            with("desk", &["http://localhost:1234/cb"]),
            with("unsound", &["http://unsound.example/cb", "https://unsound.example/cb#f"]),
            web,
        ];
        let clients = clients.into_iter().map(|client| (client.client_id.clone(), client)).collect();
        Self { clients, ..Self::default() }
    }
}

/// What a host knows of a user, by scope. It may say more than it should.
fn claims(scopes: &[String]) -> String {
    let mut claims = serde_json::json!({ "sub": "other", "iss": "evil", "aud": "evil", "exp": 1, "nonce": "evil" });
    let known = [
        ("profile", serde_json::json!({ "name": "Ada", "preferred_username": "ada", "zoneinfo": "Europe/Vienna" })),
        ("email", serde_json::json!({ "email": "a@example.com", "email_verified": true })),
        ("address", serde_json::json!({ "address": { "locality": "Wien" } })),
        ("phone", serde_json::json!({ "phone_number": "+43 1", "phone_number_verified": false })),
    ];
    for (scope, values) in known {
        if scopes.iter().any(|granted| granted == scope) {
            claims.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
        }
    }
    claims.to_string()
}

impl Host for Store {
    fn answer(&self, need: &Need) -> Answer {
        match need {
            Need::Client { client_id } => Answer::Client(self.clients.get(client_id).cloned()),
            Need::Grant { id } => Answer::Grant(self.grants.borrow().get(id).cloned()),
            Need::InsertGrant { id, sub, row, .. } => {
                let mut grants = self.grants.borrow_mut();
                let free = !grants.contains_key(id);
                if free {
                    grants.insert(id.clone(), StoredGrant { row: row.clone(), version: 1 });
                    self.subjects.borrow_mut().insert((sub.clone(), id.clone()));
                }
                Answer::Inserted(free)
            }
            Need::GrantsOf { sub, after, limit } => {
                let subjects = self.subjects.borrow();
                let own = subjects.iter().filter(|(owner, id)| owner == sub && Some(id) > after.as_ref());
                Answer::Grants(own.map(|(_, id)| id.clone()).take(*limit).collect())
            }
            Need::SwapGrant { id, expect_version, row, .. } => {
                Answer::Swap(match self.grants.borrow_mut().get_mut(id) {
                    None => Swap::Missing,
                    Some(stored) if stored.version != *expect_version => Swap::Conflict,
                    Some(stored) => {
                        *stored = StoredGrant { row: row.clone(), version: stored.version + 1 };
                        Swap::Swapped
                    }
                })
            }
            Need::Consent { sub, client_id } => {
                Answer::Consent(self.consents.borrow().get(&(sub.clone(), client_id.clone())).cloned())
            }
            Need::SaveConsent { sub, client_id, scopes } => {
                self.consents.borrow_mut().entry((sub.clone(), client_id.clone())).or_default().extend(scopes.clone());
                Answer::Done
            }
            Need::Claims { scopes, .. } => Answer::Claims(claims(scopes)),
            Need::Sign { .. } if self.signer_fails.get() => Answer::Unavailable,
            Need::Sign { kid, signing_input, .. } => Answer::Signature(sign(kid, signing_input)),
            Need::PutOnce { key_hash, .. } => Answer::Put(self.once.borrow_mut().insert(key_hash.clone())),
            Need::Event { kind, .. } => {
                self.events.borrow_mut().push(*kind);
                Answer::Done
            }
            Need::VerifySecret { secret, .. } => Answer::Verified(secret == SECRET),
            Need::Http { .. } => Answer::Unavailable,
        }
    }
}

pub fn get(path: &str, query: &str) -> HttpRequest {
    HttpRequest { method: "GET".into(), path: path.into(), query: query.into(), ..HttpRequest::default() }
}

pub fn post(path: &str, body: &str) -> HttpRequest {
    HttpRequest {
        method: "POST".into(),
        path: path.into(),
        headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded; charset=utf-8".into())],
        body: body.into(),
        ..HttpRequest::default()
    }
}

pub fn respond(reply: Reply) -> HttpResponse {
    let Reply::Respond(response) = reply else { panic!("{reply:?}") };
    response
}

pub fn interact(reply: Reply) -> Interaction {
    let Reply::Interact(interaction) = reply else { panic!("{}", said(&reply)) };
    interaction
}

pub fn json(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap_or(Value::Null)
}

pub fn query_of(client: &str, scope: &str) -> String {
    format!(
        "response_type=code&client_id={client}&redirect_uri=https%3A%2F%2F{client}.example%2Fcb&scope={scope}&state=a%20b\
         &nonce=n1&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

pub fn back(interaction: &Interaction) -> HttpRequest {
    let set = &interaction.headers.iter().find(|(name, _)| name == "set-cookie").unwrap().1;
    let mut request = get("/login", "");
    request.headers.push(("cookie".into(), set.split(';').next().unwrap().into()));
    request
}

pub fn logged_in() -> LoginOutcome {
    LoginOutcome::LoggedIn(Login { sub: "u1".into(), auth_time: at(0), acr: None, amr: vec![] })
}

/// Who signed in by [`logged_in`] and is at the browser still.
pub fn u1() -> Option<String> {
    Some("u1".into())
}

/// The whole way to a code: login, consent, redirect.
pub fn code(server: &Server, store: &Store, client: &str, scope: &str, seed: u8) -> String {
    code_of(server, store, &query_of(client, scope), seed)
}

pub fn code_of(server: &Server, store: &Store, query: &str, seed: u8) -> String {
    let flow = server.handle(get("/oauth2/authorize", query), at(0), [seed; 64]);
    let login = interact(drive(flow, store));
    let flow = server.resume_login(back(&login), login.ticket.clone(), logged_in(), at(0), [seed.wrapping_add(1); 64]);
    let response = match drive(flow, store) {
        Reply::Respond(response) => response,
        Reply::Interact(consent) => {
            let Ask::Consent { scopes, .. } = consent.ask.clone() else { panic!("{:?}", consent.ask) };
            let outcome = ConsentOutcome::Approve { scopes };
            let flow = server.resume_consent(
                back(&consent),
                consent.ticket.clone(),
                u1(),
                outcome,
                at(0),
                [seed.wrapping_add(2); 64],
            );
            respond(drive(flow, store))
        }
    };
    let location = response.header("location").unwrap();
    location.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned()
}

pub fn redeem(client: &str, code: &str) -> HttpRequest {
    post(
        "/oauth2/token",
        &format!("grant_type=authorization_code&client_id={client}&code={code}&code_verifier={VERIFIER}"),
    )
}

pub fn refresh(client: &str, token: &str) -> HttpRequest {
    post("/oauth2/token", &format!("grant_type=refresh_token&client_id={client}&refresh_token={token}"))
}

pub fn send(server: &Server, store: &Store, request: HttpRequest, offset: i64) -> HttpResponse {
    respond(drive(server.handle(request, at(offset), [99; 64]), store))
}

/// The parameters of a good authorization request of a client, edited: `name=value` sets, `-name` takes away, `+name=value` adds another.
pub fn query_edited(client: &str, edits: &[&str]) -> String {
    let mut params: Vec<(String, String)> = query_of(client, "keys")
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    for edit in edits {
        let name = edit.trim_start_matches(['-', '+']).split('=').next().unwrap();
        let value = edit.split_once('=').map(|(_, value)| value);
        if !edit.starts_with('+') {
            params.retain(|(known, _)| known != name);
        }
        if let Some(value) = value {
            params.push((name.into(), value.into()));
        }
    }
    params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The parameters of a redirect.
pub fn answer_of(response: &HttpResponse) -> Params {
    let location = response.header("location").unwrap();
    Params::parse(location.split_once('?').unwrap().1.as_bytes()).unwrap()
}

/// A reply in a few words: `page 400`, `login`, `consent`, `code`, or the error of a redirect.
pub fn said(reply: &Reply) -> String {
    if let Reply::Interact(Interaction { ask: Ask::Login { silent, reauthenticate, select_account, .. }, .. }) = reply {
        let flags = [(*silent, " silent"), (*reauthenticate, " again"), (*select_account, " choose")];
        let flags = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name);
        return core::iter::once("login").chain(flags).collect();
    }
    let Reply::Respond(response) = reply else { return "consent".into() };
    if response.header("location").is_some() {
        let answer = answer_of(response);
        return answer.get("error").unwrap_or_else(|| answer.get("code").map(|_| "code").unwrap()).into();
    }
    let page = response.header("content-type") == Some("text/plain; charset=utf-8");
    format!("{} {}", if page { "page" } else { "status" }, response.status)
}

pub fn ask(server: &Server, store: &Store, request: HttpRequest, offset: i64, seed: u8) -> Reply {
    drive(server.handle(request, at(offset), [seed; 64]), store)
}

pub fn login_of(sub: &str, offset: i64) -> LoginOutcome {
    LoginOutcome::LoggedIn(Login { sub: sub.into(), auth_time: at(offset), acr: None, amr: vec![] })
}

/// Goes on after a login at a second.
pub fn login(
    server: &Server,
    store: &Store,
    page: &Interaction,
    outcome: LoginOutcome,
    offset: i64,
    seed: u8,
) -> Reply {
    drive(server.resume_login(back(page), page.ticket.clone(), outcome, at(offset), [seed; 64]), store)
}

pub fn approve(server: &Server, store: &Store, page: &Interaction, scopes: &[&str], offset: i64, seed: u8) -> Reply {
    approve_as("u1", server, store, page, scopes, offset, seed)
}

pub fn approve_as(
    sub: &str,
    server: &Server,
    store: &Store,
    page: &Interaction,
    scopes: &[&str],
    offset: i64,
    seed: u8,
) -> Reply {
    let outcome = ConsentOutcome::Approve { scopes: scopes.iter().map(|scope| (*scope).into()).collect() };
    drive(
        server.resume_consent(back(page), page.ticket.clone(), Some(sub.into()), outcome, at(offset), [seed; 64]),
        store,
    )
}

/// A form of a client that proves itself with `Authorization: Basic`.
pub fn basic(mut request: HttpRequest, id: &str, secret: &str) -> HttpRequest {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect()
    };
    let value = base64ct::Base64::encode_string(format!("{}:{}", encode(id), encode(secret)).as_bytes());
    request.headers.push(("authorization".into(), format!("Basic {value}")));
    request
}

/// The tokens of a fresh grant.
pub fn tokens(server: &Server, store: &Store, client: &str, scope: &str, seed: u8) -> Value {
    let code = code(server, store, client, scope, seed);
    let answer = send(server, store, redeem(client, &code), 1);
    assert_eq!(answer.status, 200, "{}", json(&answer));
    json(&answer)
}

pub fn bearer(mut request: HttpRequest, token: &str) -> HttpRequest {
    request.headers.push(("authorization".into(), format!("Bearer {token}")));
    request
}

/// The claims of a token, whoever signed it.
pub fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).unwrap()).unwrap()
}

pub fn introspect(server: &Server, store: &Store, client: &str, token: &str, offset: i64) -> Value {
    let request = basic(post("/oauth2/introspect", &format!("token={token}")), client, SECRET);
    let answer = send(server, store, request, offset);
    assert_eq!(answer.status, 200, "{}", json(&answer));
    json(&answer)
}

pub fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}
