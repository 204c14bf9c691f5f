//! An OpenID provider in memory that signs its ID tokens, and a browser that goes there and back.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::jwt::Algorithm;
use scopegate::oauth::social::{drive, *};
use scopegate::oauth::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::oauth_support::{Store, at, get, post, send, server};

pub const CLIENT: &str = "cl1";
pub const SECRET: &str = "s3cret+of/op";
pub const SUB: &str = "248289761001";
pub const TICKET: &str = "tk1.s1.cGF5bG9hZA.bWFj";
pub const ISSUER: &str = "https://accounts.example/realm";
pub const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

pub static SERVER: LazyLock<Server> = LazyLock::new(|| server(10));

pub fn b64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

pub fn secret() -> ClientSecret {
    ClientSecret::new(SECRET.into())
}

pub fn with_secret(method: Option<SecretMethod>) -> ClientCredential {
    ClientCredential::Secret { secret: secret(), method }
}

/// Every preset, by name.
pub fn preset(name: &str) -> Provider {
    let id = || String::from(CLIENT);
    match name {
        "google" => Provider::google(id(), secret()),
        "github" => Provider::github(id(), secret()),
        "microsoft" => Provider::microsoft(id(), secret(), "common"),
        "organizations" => Provider::microsoft(id(), secret(), "organizations"),
        "tenant" => Provider::microsoft(id(), secret(), TENANT),
        "apple" => Provider::apple(id(), Provider::apple_credential("K1".into(), "TEAM".into())),
        "gitlab" => Provider::gitlab(id(), secret(), "https://gitlab.com"),
        "facebook" => Provider::facebook(id(), secret(), FACEBOOK_GRAPH_VERSION),
        _ => Provider::oidc("corp", "Corp", ISSUER.into(), id(), with_secret(None)),
    }
}

/// One outgoing request.
#[derive(Clone)]
pub struct Call {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Params,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub struct Op {
    pub signer: Store,
    pub jwks: String,
    pub calls: RefCell<Vec<Call>>,
    pub once: RefCell<BTreeSet<String>>,
    /// What the authorization request said.
    pub asked: RefCell<BTreeMap<String, String>>,
    /// Members laid over the claims of the ID token; null takes one away.
    pub claims: Value,
    /// Members laid over its header.
    pub header: Value,
    /// Members laid over userinfo or profile.
    pub user: Value,
    /// Members laid over the published configuration.
    pub published: Value,
    /// Answers in place of those of URLs that contain the text, each as often as it is there.
    pub instead: RefCell<Vec<(&'static str, Answer)>>,
}

pub fn answer(status: u16, kind: &str, body: &str) -> HttpResponse {
    let mut response = HttpResponse::new(status).with("content-type", kind);
    response.body = body.into();
    response
}

pub fn ok(body: &Value) -> HttpResponse {
    answer(200, "application/json; charset=utf-8", &body.to_string())
}

fn lay(base: &mut Map<String, Value>, over: &Value) {
    for (name, value) in over.as_object().into_iter().flatten() {
        match value {
            Value::Null => base.remove(name),
            value => base.insert(name.clone(), value.clone()),
        };
    }
}

fn laid(base: Value, over: &Value) -> Value {
    let Value::Object(mut base) = base else { panic!("an object") };
    lay(&mut base, over);
    Value::Object(base)
}

impl Op {
    pub fn new() -> Self {
        let signer = Store::new();
        let jwks = String::from_utf8(send(&SERVER, &signer, get("/oauth2/jwks", ""), 0).body).unwrap();
        Self {
            signer,
            jwks,
            calls: RefCell::default(),
            once: RefCell::default(),
            asked: RefCell::default(),
            claims: json!({}),
            header: json!({}),
            user: json!({}),
            published: json!({}),
            instead: RefCell::default(),
        }
    }

    pub fn urls(&self) -> Vec<String> {
        self.calls.borrow().iter().map(|call| format!("{} {}", call.method, call.url)).collect()
    }

    pub fn call(&self, needle: &str) -> Call {
        self.calls.borrow().iter().find(|call| call.url.contains(needle)).unwrap().clone()
    }

    /// A JWS with the server's key, whatever its header says.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = format!("{}.{}", b64(header.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
        let need = Need::Sign { kid: "k1".into(), alg: Algorithm::Rs256, signing_input: input.clone().into_bytes() };
        let Answer::Signature(signature) = self.signer.answer(&need) else { panic!("a signature") };
        format!("{input}.{}", b64(&signature))
    }

    fn issuer(url: &str) -> String {
        for (part, issuer) in [
            ("googleapis", "https://accounts.google.com"),
            ("microsoftonline", "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"),
            ("apple", "https://appleid.apple.com"),
            ("gitlab", "https://gitlab.com"),
        ] {
            if url.contains(part) {
                return issuer.into();
            }
        }
        ISSUER.into()
    }

    fn id_token(&self, url: &str) -> String {
        let now = at(0).get();
        let claims = json!({
            "iss": Self::issuer(url), "sub": SUB, "aud": CLIENT, "iat": now, "exp": now + 600,
            "nonce": self.asked.borrow().get("nonce"), "at_hash": b64(&Sha256::digest("at-1")[..16]),
            "email": "ada@example.com", "email_verified": true, "tid": TENANT,
        });
        self.sign(
            &laid(json!({ "alg": "RS256", "kid": "k1", "typ": "JWT" }), &self.header),
            &laid(claims, &self.claims),
        )
    }

    fn token(&self, url: &str, form: &Params) -> HttpResponse {
        let verifier = form.get("code_verifier").unwrap_or("");
        let proven = Some(b64(&Sha256::digest(verifier))) == self.asked.borrow().get("code_challenge").cloned();
        if !proven || form.get("code") != Some("c0de") {
            return answer(400, "application/json", r#"{"error":"invalid_grant"}"#);
        }
        let openid = !url.contains("github") && !url.contains("facebook");
        let mut body =
            json!({ "access_token": "at-1", "token_type": "bearer", "expires_in": 60, "refresh_token": "r" });
        if openid {
            body["id_token"] = self.id_token(url).into();
        }
        ok(&body)
    }

    fn http(&self, url: &str, form: &Params) -> Answer {
        let mut instead = self.instead.borrow_mut();
        if let Some(at) = instead.iter().position(|(needle, _)| url.contains(needle)) {
            return instead.remove(at).1;
        }
        let response = match url {
            _ if url.contains(".well-known") => ok(&laid(
                json!({
                    "issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/auth?realm=1"),
                    "token_endpoint": format!("{ISSUER}/token"), "jwks_uri": format!("{ISSUER}/keys"),
                    "userinfo_endpoint": format!("{ISSUER}/userinfo"), "response_types_supported": ["code"],
                    "id_token_signing_alg_values_supported": ["RS256", "ES256"],
                    "authorization_response_iss_parameter_supported": true,
                }),
                &self.published,
            )),
            _ if url.contains("/user/emails") => ok(&json!([
                { "email": "old@example.com", "primary": false, "verified": true },
                { "email": "ada@example.com", "primary": true, "verified": true, "visibility": null },
            ])),
            _ if url.contains("/userinfo") => ok(&laid(json!({ "sub": SUB, "name": "Ada" }), &self.user)),
            _ if url.contains("/user") => ok(&laid(
                json!({ "id": 9_007_199_254_740_993_u64, "login": "ada", "name": "Ada", "email": "public@example.com" }),
                &self.user,
            )),
            _ if url.contains("/me?") => {
                ok(&laid(json!({ "id": "10226", "name": "Ada", "email": "ada@example.com" }), &self.user))
            }
            _ if url.contains("keys") || url.contains("certs") => answer(200, "application/jwk-set+json", &self.jwks),
            _ => self.token(url, form),
        };
        Answer::Http(response)
    }
}

impl Host for Op {
    fn answer(&self, need: &Need) -> Answer {
        match need {
            Need::PutOnce { space: "social", key_hash, .. } => {
                Answer::Put(self.once.borrow_mut().insert(key_hash.clone()))
            }
            Need::Sign { alg: Algorithm::Es256, signing_input, .. } => {
                Answer::Signature([Sha256::digest(signing_input), Sha256::digest("2")].concat())
            }
            Need::Http { method, url, headers, body, max_bytes, timeout_ms } => {
                assert!((1..=256 * 1024).contains(max_bytes) && (1..=10_000).contains(timeout_ms));
                let body = Params::parse(body).unwrap();
                let answer = self.http(url, &body);
                self.calls.borrow_mut().push(Call { method, url: url.clone(), headers: headers.clone(), body });
                answer
            }
            other => panic!("{other:?}"),
        }
    }
}

pub fn social(provider: Provider) -> Social {
    Social::new(&SERVER, vec![provider]).unwrap()
}

pub fn params_of(url: &str) -> Params {
    Params::parse(url.split_once('?').unwrap().1.as_bytes()).unwrap()
}

pub fn sent(outcome: Outcome) -> HttpResponse {
    match outcome {
        Outcome::Respond(response) => response,
        other => panic!("{other:?}"),
    }
}

/// The browser on its way to the provider: the redirect, and the request it comes back with.
pub fn away(social: &Social, op: &Op, seed: u8) -> (HttpResponse, HttpRequest) {
    let provider = social.providers()[0].clone();
    let request = get(&social.start_path(&provider.id), &format!("ticket={TICKET}&return_to=https://evil.example"));
    let redirect = sent(drive(social.handle(request, at(0), [seed; 64]), op));
    let location = redirect.header("location").unwrap();
    let asked = params_of(location);
    for name in ["nonce", "code_challenge", "state"] {
        if let Some(value) = asked.get(name) {
            op.asked.borrow_mut().insert(name.into(), value.into());
        }
    }
    let mut query = format!("code=c0de&state={}", asked.get("state").unwrap());
    match provider.id.as_str() {
        "corp" => query += "&iss=https%3A%2F%2Faccounts.example%2Frealm",
        "github" => query += "&iss=https%3A%2F%2Fgithub.com%2Flogin%2Foauth",
        _ => {}
    }
    let path = format!("/login/oauth2/code/{}", provider.id);
    let mut back =
        if provider.response_mode == ResponseMode::FormPost { post(&path, &query) } else { get(&path, &query) };
    let cookie = redirect.header("set-cookie").unwrap().split(';').next().unwrap();
    back.headers.push(("Cookie".into(), format!("theme=dark; {cookie}")));
    (redirect, back)
}

pub fn login(provider: &Provider, op: &Op, change: impl Fn(&mut HttpRequest)) -> Outcome {
    let social = social(provider.clone());
    let (_, mut request) = away(&social, op, 1);
    change(&mut request);
    drive(social.callback(request, at(5), [0; 64]), op)
}

/// The code of an outcome: `ok`, that of the fault with its detail, or that of the page.
pub fn code(outcome: &Outcome) -> String {
    match outcome {
        Outcome::LoggedIn(_) => "ok".into(),
        Outcome::Failed(failed) => match failed.fault.detail() {
            Some(detail) => format!("{}:{detail}", failed.fault.code()),
            None => failed.fault.code().into(),
        },
        Outcome::Respond(page) => {
            assert!(page.header("location").is_none(), "a refusal redirects nowhere");
            String::from_utf8_lossy(&page.body).split(':').next().unwrap().into()
        }
    }
}

pub fn logged_in(outcome: Outcome) -> LoggedIn {
    match outcome {
        Outcome::LoggedIn(login) => *login,
        other => panic!("{}", code(&other)),
    }
}
