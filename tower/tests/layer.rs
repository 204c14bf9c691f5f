//! The layer: refusals first.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::Full;
use scopegate::decision::{Decision, Touch};
use scopegate::engine::Gate;
use scopegate::host::{AsyncHost, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::{ENTROPY_BYTES, KeyFormat, KeyId};
use scopegate::key::hash::Keyring;
use scopegate::key::lifecycle::{IssueRequest, IssueRules, issue};
use scopegate::key::record::KeyRecord;
use scopegate::policy::Policy;
use scopegate::time::UnixSeconds;
use scopegate_tower::{ConnectionFacts, Decided, Effects, Granted, ScopegateLayer};
use tower::{Layer, ServiceExt, service_fn};

const NOW: UnixSeconds = UnixSeconds::clamped(1_780_000_000);

const POLICY: &str = r#"{
    "version": 1, "name": "layer", "https": "required",
    "scopes": { "jobs:read": "Read" },
    "credentials": { "apiKey": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf" } },
    "routes": [
        { "id": "getJob", "match": "GET /jobs/{id}", "allow": [{ "apiKey": ["jobs:read"] }] },
        { "id": "health", "match": "GET /health", "public": true }
    ]
}"#;

#[derive(Default)]
struct Seen {
    touches: Mutex<Vec<Touch>>,
    events: Mutex<Vec<(&'static str, Option<String>)>>,
}

impl Effects for Seen {
    fn touch(&self, touch: &Touch) {
        self.touches.lock().unwrap().push(*touch);
    }
    fn decided(&self, decided: &Decided<'_>) {
        let event = decided.decision.audit();
        assert!(!format!("{decided:?}").contains("jbf_live_"), "no header in Debug");
        self.events.lock().unwrap().push((event.code, event.key_id.clone()));
    }
}

/// One record, or an outage; at hand, or to be waited for.
struct Store {
    record: Option<Arc<KeyRecord>>,
    at_hand: bool,
}

impl Store {
    fn answer(&self, id: &KeyId) -> KeyAnswer {
        match &self.record {
            Some(record) if record.id == *id => KeyAnswer::Found(Arc::clone(record)),
            Some(_) => KeyAnswer::Missing,
            None => KeyAnswer::Unavailable,
        }
    }
}

impl AsyncHost for Store {
    async fn key(&self, id: &KeyId) -> KeyAnswer {
        assert!(!self.at_hand, "what is at hand is not waited for");
        tokio::task::yield_now().await;
        self.answer(id)
    }

    fn key_now(&self, id: &KeyId) -> Option<KeyAnswer> {
        self.at_hand.then(|| self.answer(id))
    }

    async fn keys(&self, _: &str, _: &str, _: KeysReason) -> KeysAnswer {
        KeysAnswer::Unavailable
    }
}

struct Bench {
    layer: ScopegateLayer<Store>,
    key: String,
    seen: Arc<Seen>,
    calls: Arc<AtomicUsize>,
}

impl Bench {
    /// With a store that is waited for, and with one that has the record at hand.
    fn both(outage: bool) -> [Self; 2] {
        [false, true].map(|at_hand| Self::with(outage, at_hand))
    }

    fn new(outage: bool) -> Self {
        Self::with(outage, true)
    }

    fn with(outage: bool, at_hand: bool) -> Self {
        let keyring = Keyring::new([("p1", [7_u8; 32].as_slice())]).unwrap();
        let mut entropy = [0_u8; ENTROPY_BYTES];
        getrandom::fill(&mut entropy).unwrap();
        let wanted = IssueRequest {
            label: "layer",
            scopes: &["jobs:read"],
            environment: "live",
            owner: "company-1",
            expires_at: Some(NOW.saturating_add(60)),
            ip_allow: &[],
        };
        let rules = IssueRules { declared: &["jobs:read"], ..IssueRules::default() };
        let format = KeyFormat::new("jbf", &["live", "test"]).unwrap();
        let issued = issue(&wanted, &rules, &format, &keyring, &entropy, NOW).unwrap();
        let store = Store { record: (!outage).then(|| Arc::new(issued.record.clone())), at_hand };
        let gate = Gate::builder(Policy::from_json(POLICY).unwrap().into()).keyring(keyring).build().unwrap();
        let seen = Arc::new(Seen::default());
        let layer = ScopegateLayer::new(Arc::new(gate), store).effects(seen.clone()).clock(|| NOW);
        Self { layer, key: issued.raw_key.expose().to_owned(), seen, calls: Arc::default() }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Response<Full<Bytes>> {
        let calls = Arc::clone(&self.calls);
        let inner = service_fn(move |request: Request<Full<Bytes>>| {
            calls.fetch_add(1, Ordering::SeqCst);
            async move {
                let granted = request.extensions().get::<Granted>().unwrap();
                let said = format!(
                    "{} {:?} {:?} {:?}",
                    granted.route_id(),
                    granted.param("id"),
                    granted.principal().and_then(|principal| principal.subject()),
                    granted.scopes().collect::<Vec<_>>(),
                );
                assert!(!format!("{granted:?}").contains("job-no-42"), "no path in Debug");
                Ok::<_, Infallible>(Response::new(Full::from(said)))
            }
        });
        self.layer.layer(inner).oneshot(request).await.unwrap()
    }

    fn get(&self, target: &str, key: Option<&str>, connection: Option<ConnectionFacts>) -> Request<Full<Bytes>> {
        let mut request = Request::get(target).body(Full::default()).unwrap();
        if let Some(key) = key {
            request.headers_mut().insert("x-api-key", key.parse().unwrap());
        }
        if let Some(connection) = connection {
            request.extensions_mut().insert(connection);
        }
        request
    }
}

const HTTPS: Option<ConnectionFacts> = Some(ConnectionFacts { https: true, client_ip: None });

#[tokio::test]
async fn what_is_refused_never_reaches_the_service() {
    for bench in Bench::both(false) {
        let key = Some(bench.key.as_str());
        let plain = Some(ConnectionFacts::default());
        for (what, target, key, connection, status) in [
            ("no credential", "/jobs/job-no-42", None, HTTPS, 401),
            ("no key", "/jobs/job-no-42", Some("nonsense"), HTTPS, 401),
            ("plain HTTP", "/jobs/job-no-42", key, plain, 403),
            ("an unknown connection", "/jobs/job-no-42", key, None, 403),
            ("no route", "/other", key, HTTPS, 404),
            ("dots", "/jobs/../jobs/job-no-42", key, HTTPS, 400),
            ("absolute form", "https://example.com/jobs/job-no-42", key, HTTPS, 400),
        ] {
            let response = bench.send(bench.get(target, key, connection)).await;
            assert_eq!(response.status().as_u16(), status, "{what}");
        }
        let mut twice = bench.get("/jobs/job-no-42", key, HTTPS);
        twice.headers_mut().append("x-api-key", bench.key.parse().unwrap());
        assert_eq!(bench.send(twice).await.status(), StatusCode::BAD_REQUEST);
        let mut post = bench.get("/jobs/job-no-42", key, HTTPS);
        *post.method_mut() = http::Method::POST;
        let response = bench.send(post).await;
        assert_eq!((response.status().as_u16(), response.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
        assert_eq!(bench.calls.load(Ordering::SeqCst), 0);
        assert!(bench.seen.touches.lock().unwrap().is_empty(), "only an allow is a use");
        assert_eq!(bench.seen.events.lock().unwrap().len(), 9, "every decision is in the log");
    }
}

#[tokio::test]
async fn what_is_allowed_says_why() {
    use http_body_util::BodyExt;
    for bench in Bench::both(false) {
        let response = bench.send(bench.get("/jobs/job-no-42?x=1", Some(&bench.key), HTTPS)).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"getJob Some("job-no-42") Some("company-1") ["jobs:read"]"#);
        let (touches, events) = (bench.seen.touches.lock().unwrap(), bench.seen.events.lock().unwrap());
        assert_eq!((touches.len(), touches[0].at), (1, NOW));
        assert_eq!(*events, [("ok", Some(touches[0].id.to_string()))]);
    }
}

#[tokio::test]
async fn in_http_2_the_authority_stands_apart() {
    let bench = Bench::new(false);
    let mut request = bench.get("https://example.com/jobs/job-no-42", Some(&bench.key), HTTPS);
    *request.version_mut() = Version::HTTP_2;
    assert_eq!(bench.send(request).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_public_route_has_no_principal() {
    use http_body_util::BodyExt;
    for bench in Bench::both(false) {
        let response = bench.send(bench.get("/health", None, HTTPS)).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "health None None []");
    }
}

#[tokio::test]
async fn no_wording_turns_a_refusal() {
    let bench = Bench::new(false);
    fn success(_: &Decision<'_>) -> Option<scopegate::response::Response> {
        Some(scopegate::response::Response { status: 200, headers: Vec::new(), body: String::new() })
    }
    for (layer, status) in [(bench.layer.clone().refusal(success), 403), (bench.layer.clone().refusal(|_| None), 403)] {
        let bench = Bench { layer, key: String::new(), seen: Arc::default(), calls: Arc::default() };
        assert_eq!(bench.send(bench.get("/jobs/job-no-42", None, HTTPS)).await.status().as_u16(), status);
        assert_eq!(bench.calls.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn an_outage_is_503_and_never_reaches_the_service() {
    for bench in Bench::both(true) {
        let response = bench.send(bench.get("/jobs/job-no-42", Some(&bench.key), HTTPS)).await;
        assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "5"));
        assert_eq!(bench.calls.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn what_the_facts_say_is_believed_and_nothing_else() {
    let bench = Bench::new(false);
    let told = bench
        .layer
        .clone()
        .facts(|request| ConnectionFacts { https: request.headers.contains_key("x-of-the-proxy"), client_ip: None });
    let told = Bench { layer: told, key: bench.key.clone(), seen: Arc::default(), calls: Arc::default() };
    let mut request = told.get("/jobs/job-no-42", Some(&bench.key), HTTPS);
    assert_eq!(told.send(request).await.status().as_u16(), 403, "the extension is not asked any more");
    request = told.get("/jobs/job-no-42", Some(&bench.key), None);
    request.headers_mut().insert("x-of-the-proxy", "1".parse().unwrap());
    assert_eq!(told.send(request).await.status().as_u16(), 200);
}
