//! A server under test, and a user in front of a browser, as the modules of OpenID's test plans want them.

use std::cell::Cell;

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::jwt::claims::TokenRules;
use scopegate::jwt::jwk::KeySet;
use scopegate::jwt::token::UnverifiedToken;
use scopegate::jwt::verify::verify;
use scopegate::jwt::{Algorithm, AlgorithmSet};
use scopegate::oauth::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;

/// The server under test, and a user in front of a browser who approves everything.
pub struct Op {
    pub server: Server,
    pub store: Store,
    seed: Cell<u8>,
    /// When the user signed in; nobody is without a session.
    pub session: Cell<Option<i64>>,
    pub clock: Cell<i64>,
}

impl Op {
    pub fn new() -> Self {
        let (server, store) = (server(10), Store::new());
        Self { server, store, seed: Cell::new(1), session: Cell::new(None), clock: Cell::new(0) }
    }

    pub fn seed(&self) -> u8 {
        self.seed.set(self.seed.get() + 1);
        self.seed.get()
    }

    pub fn send(&self, request: HttpRequest) -> HttpResponse {
        respond(ask(&self.server, &self.store, request, self.clock.get(), self.seed()))
    }

    /// The browser's way through an authorization to the redirect, or to the page that is shown instead.
    pub fn browse(&self, request: HttpRequest) -> HttpResponse {
        let now = self.clock.get();
        let mut reply = ask(&self.server, &self.store, request, now, self.seed());
        loop {
            let page = match reply {
                Reply::Interact(page) => page,
                reply => return respond(reply),
            };
            reply = match page.ask.clone() {
                Ask::Login { silent, reauthenticate, .. } => {
                    if !silent && (reauthenticate || self.session.get().is_none()) {
                        self.session.set(Some(now));
                    }
                    let outcome = self.session.get().map_or(LoginOutcome::NotLoggedIn, |second| login_of("u1", second));
                    login(&self.server, &self.store, &page, outcome, now, self.seed())
                }
                Ask::Consent { scopes, .. } => {
                    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
                    approve(&self.server, &self.store, &page, &scopes, now, self.seed())
                }
            };
        }
    }

    pub fn authorize(&self, edits: &[&str]) -> HttpResponse {
        let mut all = vec!["scope=openid"];
        all.extend(edits);
        self.browse(get("/oauth2/authorize", &query_edited("web", &all)))
    }

    /// The error of an authorization that is redirected.
    pub fn refused(&self, edits: &[&str]) -> String {
        answer_of(&self.authorize(edits)).get("error").unwrap().to_owned()
    }

    pub fn code(&self, edits: &[&str]) -> String {
        let answer = self.authorize(edits);
        let answer = answer_of(&answer);
        answer.get("code").unwrap_or_else(|| panic!("{:?}", answer.get("error"))).to_owned()
    }

    pub fn redeem(&self, code: &str) -> HttpResponse {
        let form = format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}");
        self.send(basic(post("/oauth2/token", &form), "web", SECRET))
    }

    /// A whole authorization: its tokens, after the ID token is validated.
    pub fn tokens(&self, edits: &[&str]) -> Value {
        let answer = self.redeem(&self.code(edits));
        assert_eq!(answer.status, 200, "{}", json(&answer));
        let body = json(&answer);
        let nonce = if edits.contains(&"-nonce") { None } else { Some("n1") };
        self.check_id_token(&body, nonce);
        body
    }

    pub fn jwks(&self) -> String {
        String::from_utf8(self.send(get("/oauth2/jwks", "")).body).unwrap()
    }

    pub fn check_id_token(&self, body: &Value, nonce: Option<&str>) {
        let token = text(body, "id_token");
        let mut rules = TokenRules::new("https://op.example", ["web"], AlgorithmSet::default().with(Algorithm::Rs256));
        rules.types = Box::new(["jwt".into()]);
        rules.leeway = 0;
        let set = KeySet::parse(&self.jwks()).unwrap();
        let parsed = UnverifiedToken::parse(token.as_bytes(), &rules).unwrap();
        let key = set.select(parsed.algorithm(), parsed.kid()).unwrap();
        let proof = verify(parsed.algorithm(), key.key(), parsed.signing_input(), parsed.signature()).unwrap();
        parsed.into_verified(proof, &rules, at(self.clock.get())).unwrap();
        let claims = claims_of(token);
        assert_eq!((text(&claims, "aud"), text(&claims, "azp"), text(&claims, "sub")), ("web", "web", "u1"));
        assert_eq!(claims["nonce"].as_str(), nonce);
        let hash = Sha256::digest(text(body, "access_token").as_bytes());
        assert_eq!(text(&claims, "at_hash"), Base64UrlUnpadded::encode_string(&hash[..16]));
        assert_eq!(claims["auth_time"], NOW + self.session.get().unwrap());
    }

    pub fn userinfo(&self, token: &str) -> Value {
        let answer = self.send(bearer(get("/userinfo", ""), token));
        assert_eq!(answer.status, 200);
        json(&answer)
    }

    /// The user's claims after an authorization with a scope.
    pub fn claims(&self, scope: &str) -> Value {
        self.userinfo(text(&self.tokens(&[&format!("scope={scope}")]), "access_token"))
    }
}
