//! An in-memory host with a signer, and a server to hold it against.

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
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

static KEY: LazyLock<rsa::PrivateKey> =
    LazyLock::new(|| rsa::PrivateKey::new(&mut rsa::rand_core::UnwrapErr(getrandom::SysRng), 2048).unwrap());

pub fn at(offset: i64) -> UnixSeconds {
    UnixSeconds::clamped(NOW + offset)
}

pub fn server(leeway: i64) -> Server {
    let b64 = |n: &rsa::BoxedUint| Base64UrlUnpadded::encode_string(&n.to_be_bytes_trimmed_vartime());
    let public = format!(r#"{{"kty":"RSA","n":"{}","e":"{}","d":"never"}}"#, b64(KEY.n()), b64(KEY.e()));
    let key = SigningKey { kid: "k1".into(), alg: Algorithm::Rs256, public, status: KeyStatus::Active, since: at(0) };
    let all = StoreCaps { cas: true, read_your_writes: true, put_once: true };
    Server::new(config(leeway), SigningKeys { keys: vec![key] }, all).unwrap()
}

pub fn config(leeway: i64) -> Config {
    Config {
        issuer: "https://op.example".into(),
        secrets: vec![TokenSecret::new("s1".into(), [7; 32])],
        scopes: ["openid", "profile", "email", "keys"].map(String::from).to_vec(),
        resources: vec![Resource { uri: "https://api.example/v1".into(), scopes: vec!["keys".into()] }],
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
        scopes: ["openid", "profile", "email", "keys"].map(String::from).to_vec(),
        default_scopes: vec!["keys".into()],
        resources: vec!["https://api.example/v1".into()],
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
        let secret = |method| ClientAuth::Hashed { method, hashes: vec![hash_secret("s3cret+of:web")] };
        let mut clients = BTreeMap::new();
        for client in [
            client("app", ClientAuth::None),
            client("web", secret(SecretMethod::Basic)),
            client("post", secret(SecretMethod::Post)),
        ] {
            clients.insert(client.client_id.clone(), client);
        }
        Self { clients, ..Self::default() }
    }
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
            Need::Claims { .. } => Answer::Claims(r#"{"email":"a@example.com","sub":"other","iss":"evil"}"#.into()),
            Need::Sign { .. } if self.signer_fails.get() => Answer::Unavailable,
            Need::Sign { signing_input, .. } => {
                Answer::Signature(RsaSigner::<sha2::Sha256>::new(KEY.clone()).sign(signing_input).to_vec())
            }
            Need::PutOnce { key_hash, .. } => Answer::Put(self.once.borrow_mut().insert(key_hash.clone())),
            Need::Event { kind, .. } => {
                self.events.borrow_mut().push(*kind);
                Answer::Done
            }
            Need::VerifySecret { .. } | Need::Http { .. } => Answer::Unavailable,
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
    match reply {
        Reply::Respond(response) => response,
        Reply::Interact(interaction) => panic!("{interaction:?}"),
    }
}

pub fn interact(reply: Reply) -> Interaction {
    match reply {
        Reply::Interact(interaction) => interaction,
        Reply::Respond(response) => panic!("{} {:?}", response.status, response.header("location")),
    }
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

/// The whole way to a code: login, consent, redirect.
pub fn code(server: &Server, store: &Store, client: &str, scope: &str, seed: u8) -> String {
    let flow = server.handle(get("/oauth2/authorize", &query_of(client, scope)), at(0), [seed; 64]);
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
                outcome,
                at(0),
                [seed.wrapping_add(2); 64],
            );
            respond(drive(flow, store))
        }
    };
    let location = response.header("location").unwrap();
    assert!(location.ends_with("&state=a%20b&iss=https%3A%2F%2Fop.example"), "{location}");
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
