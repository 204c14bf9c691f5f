//! A server with an authorization server, two clients and a user.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use scopegate::engine::Gate;
use scopegate::oauth::{Client, ClientAuth, GrantType, Lifetimes, Pkce, SecretMethod, hash_secret};
use scopegate::policy::Policy;
use scopegate_server::POLICY;
use scopegate_server::app::{App, Clock, router};
use scopegate_server::audit::Audit;
use scopegate_server::connection::{Limits, serve};
use scopegate_server::manage::{Manage, OwnerCeilings};
use scopegate_server::metered::Metered;
use scopegate_server::metrics::Metrics;
use scopegate_server::oauth::users::{self, User};
use scopegate_server::oauth::{Clients, Oauth, Providers, Settings, hash_password};
use scopegate_server::peppers::Peppers;
use scopegate_server::proxy::TrustedProxies;
use scopegate_server::store::AnyStore;
use scopegate_server::uses::Uses;
use scopegate_stores::MemoryStore;
use serde_json::{Value, json};
use tokio::runtime::Handle;

pub const USER: &str = "ada";
pub const SUBJECT: &str = "company-1";
pub const PASSWORD: &str = "correct horse battery staple";
/// First-party, without a secret.
pub const DASHBOARD: &str = "dashboard";
/// Somebody else's, with a secret.
pub const REPORTS: &str = "reports";
pub const SECRET: &str = "s3cret+of:reports-0123456789abcdef";
/// Registered itself.
pub const STRANGER: &str = "stranger";
/// Another authorization server, whose users sign in here. It has the secret too.
pub const PARTNER: &str = "partner";
pub const CALLBACK: &str = "http://127.0.0.1:9/callback";

/// What a site is started with.
pub struct Options {
    pub store: Box<dyn FnOnce(&Handle) -> AnyStore + Send>,
    pub delay: Duration,
    pub peppers: Peppers,
    pub leeway: i64,
    /// Behind a proxy that ends TLS.
    pub secure: bool,
    /// The path of a secure issuer.
    pub base: &'static str,
    /// Where users may sign in instead.
    pub providers: Providers,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            store: Box::new(|_| AnyStore::Memory(MemoryStore::new())),
            delay: Duration::ZERO,
            peppers: Peppers::fresh().unwrap(),
            leeway: 10,
            secure: false,
            base: "",
            providers: Providers::default(),
        }
    }
}

pub struct Site {
    pub address: SocketAddr,
    pub issuer: String,
    pub app: Arc<App>,
    pub secure: bool,
    clock: Arc<AtomicI64>,
    runtime: Handle,
}

fn client(id: &str, name: &str, auth: ClientAuth, issuer: &str) -> Client {
    let scopes = ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec();
    Client {
        client_id: id.into(),
        name: name.into(),
        auth,
        redirect_uris: vec!["http://127.0.0.1/callback".into()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        default_scopes: vec!["openid".into()],
        scopes,
        resources: vec![format!("{issuer}/public/v1")],
        pkce: Pkce::Required,
        trusted: id != STRANGER,
        skip_consent: false,
    }
}

pub fn settings(issuer: &str, leeway: i64) -> Settings {
    let mut clients = Clients::default();
    let secret = ClientAuth::Hashed { method: SecretMethod::Basic, hashes: vec![hash_secret(SECRET)] };
    clients.add(client(DASHBOARD, "Jobiflow <dashboard>", ClientAuth::None, issuer), true);
    clients.add(client(REPORTS, "Reports", secret.clone(), issuer), false);
    let mut partner = client(PARTNER, "Partner", secret, issuer);
    partner.redirect_uris = vec![
        "http://127.0.0.1/login/oauth2/code/corp".into(),
        "https://id.jobiflow.example/login/oauth2/code/corp".into(),
    ];
    clients.add(partner, false);
    clients.add(client(STRANGER, "Stranger", ClientAuth::None, issuer), false);
    Settings {
        issuer: issuer.into(),
        clients,
        scopes: ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec(),
        resources: vec![format!("{issuer}/public/v1")],
        cors_origins: vec!["https://app.example".into()],
        lifetimes: Lifetimes { refresh_leeway: leeway, ..Lifetimes::default() },
        session: 3_600,
    }
}

/// The policy with this issuer.
pub fn policy(issuer: &str) -> Arc<Policy> {
    let mut document: Value = serde_json::from_str(POLICY).unwrap();
    document["credentials"]["user"]["issuer"] = json!(issuer);
    document["credentials"]["user"]["audiences"] = json!([issuer]);
    Arc::new(Policy::from_json(&document.to_string()).unwrap())
}

pub fn start() -> Site {
    start_with(Options::default())
}

/// Starts a site on a free port of this machine; it ends with the test's process.
pub fn start_with(options: Options) -> Site {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let _entered = runtime.enter();
        let store = (options.store)(runtime.handle());
        let handle = runtime.handle().clone();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let issuer = if options.secure {
                format!("https://id.jobiflow.example{}", options.base)
            } else {
                format!("http://{address}")
            };
            let policy = policy(&issuer);
            let metrics = Arc::new(Metrics::new());
            let store = Metered::new(store, Arc::clone(&metrics), Duration::from_secs(20)).delayed(options.delay);
            let store = Arc::new(store);
            let now: i64 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().try_into().unwrap();
            let clock = Arc::new(AtomicI64::new(now));
            let time = Clock::Set(Arc::clone(&clock));
            let opened = Oauth::open(
                settings(&issuer, options.leeway),
                &policy,
                &options.peppers,
                Arc::clone(&store),
                time.now(),
            );
            let mut oauth = opened.await.unwrap();
            if !options.providers.list.is_empty() {
                oauth = oauth.with_providers(options.providers, &policy).unwrap();
            }
            let oauth = Arc::new(oauth);
            let mut user = User::new(SUBJECT.into(), USER.into(), Some(hash_password(PASSWORD).unwrap()));
            user.display_name = Some("Ada & Co".into());
            user.email = Some("ada@jobiflow.example".into());
            users::add(&*store, &user).await.unwrap();
            let gate = Gate::builder(Arc::clone(&policy)).keyring(options.peppers.keyring().clone());
            let proxies = if options.secure { vec!["127.0.0.1".to_owned()] } else { Vec::new() };
            let app = Arc::new(App {
                manage: Manage::new(&policy, &options.peppers, OwnerCeilings::default()),
                gate: Arc::new(gate.token_cache(64, 65_536).build().unwrap()),
                uses: Uses::start(Arc::clone(&store), Arc::clone(&metrics)),
                store,
                oauth: Some(oauth),
                proxies: TrustedProxies::parse(&proxies).unwrap(),
                metrics: Arc::clone(&metrics),
                audit: Audit::off(),
                loopback_is_secure: !options.secure,
                clock: time,
            });
            let (secure, runtime) = (options.secure, handle);
            send.send(Site { address, issuer, app: Arc::clone(&app), secure, clock, runtime }).unwrap();
            let limits = Limits { connections: 256, headers: Duration::from_secs(20), drain: Duration::ZERO };
            let (_running, stop) = tokio::sync::watch::channel(false);
            serve(listener, router(app), None, &limits, metrics, stop).await;
        });
    });
    receive.recv().unwrap()
}

impl Site {
    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Runs something in the server's runtime.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub fn oauth(&self) -> &Oauth {
        self.app.oauth.as_ref().unwrap()
    }
}
