//! The endpoints of the authorization server, over a host that knows clients and no grants.

use std::sync::LazyLock;

use scopegate::jwt::Algorithm;
use scopegate::oauth::{
    Answer, Client, ClientAuth, Config, GrantType, Host, HttpRequest, KeyStatus, Lifetimes, Login, LoginOutcome, Need, Params,
    Pkce, Reply, Resource, SecretMethod, Server, SigningKey, SigningKeys, StoreCaps, Swap, TokenSecret, check_redirect_uri, drive,
    hash_secret, redirect_matches,
};
use scopegate::time::UnixSeconds;

/// The public key of RFC 7515 appendix A.2: what the host signs is never valid.
const PUBLIC: &str = concat!(
    r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR"#,
    r#"T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xs"#,
    r#"mtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
);

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let config = Config {
        issuer: "https://op.example".into(),
        secrets: vec![TokenSecret::new("s1".into(), [7; 32])],
        scopes: vec!["openid".into(), "keys".into()],
        resources: vec![Resource { uri: "https://api.example/v1".into(), scopes: vec!["keys".into()] }],
        cors_origins: vec!["https://app.example".into()],
        lifetimes: Lifetimes::default(),
        offline_access_required: false,
    };
    let key = SigningKey {
        kid: "k1".into(),
        alg: Algorithm::Rs256,
        public: PUBLIC.into(),
        status: KeyStatus::Active,
        since: UnixSeconds::EPOCH,
    };
    let caps = StoreCaps { cas: true, read_your_writes: true, put_once: true };
    Server::new(config, SigningKeys { keys: vec![key] }, caps).expect("the server")
});

struct Clients;

fn client(id: &str, auth: ClientAuth) -> Client {
    Client {
        client_id: id.into(),
        name: id.into(),
        auth,
        redirect_uris: vec!["https://app.example/cb".into(), "http://127.0.0.1/cb".into()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: vec!["openid".into(), "keys".into()],
        default_scopes: vec!["keys".into()],
        resources: vec!["https://api.example/v1".into()],
        pkce: Pkce::NonceOk,
        trusted: true,
        skip_consent: true,
    }
}

impl Host for Clients {
    fn answer(&self, need: &Need) -> Answer {
        match need {
            Need::Client { client_id } => Answer::Client(match client_id.as_str() {
                "app" => Some(client("app", ClientAuth::None)),
                "web" => Some(client("web", ClientAuth::Hashed { method: SecretMethod::Basic, hashes: vec![hash_secret("s")] })),
                _ => None,
            }),
            Need::Grant { .. } => Answer::Grant(None),
            Need::InsertGrant { .. } => Answer::Inserted(true),
            Need::GrantsOf { .. } => Answer::Grants(vec![]),
            Need::SwapGrant { .. } => Answer::Swap(Swap::Missing),
            Need::Consent { .. } => Answer::Consent(None),
            Need::Claims { .. } => Answer::Claims("{}".into()),
            Need::Sign { .. } => Answer::Signature(vec![1; 256]),
            Need::PutOnce { .. } => Answer::Put(true),
            Need::SaveConsent { .. } | Need::Event { .. } => Answer::Done,
            _ => Answer::Unavailable,
        }
    }
}

/// A request: method, path and query in the first line, a header in each of the next two, then the body. Nobody has a grant, so nobody
/// gets a token, and nobody signed in, so nobody gets a code.
pub fn oauth(data: &[u8]) {
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (line, first, second) = (text(), text(), text());
    let body = parts.next().unwrap_or_default().to_vec();
    let (method, target) = line.split_once(' ').unwrap_or(("POST", &line));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    let request = HttpRequest {
        method: method.into(),
        path: path.into(),
        query: query.into(),
        headers: [first, second].iter().filter_map(|line| header(line)).collect(),
        body,
    };
    let now = UnixSeconds::clamped(super::NOW);
    let ticket = String::from_utf8_lossy(&request.body).into_owned();
    let login = LoginOutcome::LoggedIn(Login { sub: "u1".into(), auth_time: now, acr: None, amr: vec![] });
    for flow in [
        SERVER.handle(request.clone(), now, [1; 64]),
        SERVER.resume_login(request, ticket, login, now, [2; 64]),
    ] {
        let Reply::Respond(response) = drive(flow, &Clients) else { continue };
        let body = String::from_utf8_lossy(&response.body);
        assert!(!body.contains("\"access_token\"") && !body.contains("\"active\":true") && !body.contains("\"sub\""));
        assert!(response.status != 503 && response.header("location").is_none_or(|location| !location.contains("code=")));
        assert!(response.headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])), "a header is split");
    }
}

/// A form, and the redirect URIs in it: what may be registered matches itself, and what matches it may be registered too.
pub fn form(data: &[u8]) {
    if let Ok(params) = Params::parse(data) {
        let again = Params::parse(params.to_query().as_bytes()).expect("what was written is read");
        assert_eq!(params.to_query(), again.to_query());
    }
    let text = String::from_utf8_lossy(data);
    let (registered, requested) = text.split_once('\n').unwrap_or((&text, ""));
    if check_redirect_uri(registered).is_ok() {
        assert!(redirect_matches(registered, registered));
        assert!(!redirect_matches(registered, requested) || check_redirect_uri(requested).is_ok());
    }
}
