//! Signing in with a provider: the core's flows, the requests they need, and whom an identity belongs to here.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use scopegate::jwt::Algorithm;
use scopegate::oauth::social::{Failed, Fault, LoggedIn, Outcome, Social, drive_async};
use scopegate::oauth::{Answer, AsyncHost, HttpRequest, HttpResponse, Need, Params, Server};
use scopegate_stores::{GrantStore, Put};

use super::browser::{out_of_date, respond};
use super::fetch::{Fetch, Outgoing};
use super::identities::{Resolved, resolve};
use super::providers::{Providers, Rule, SecretKey};
use super::{Call, http, pages, unavailable};
use crate::serve::ServeError;

/// Where the browser goes on after a form that came from a provider's site.
const CONTINUE: &str = "/login/oauth2/continue";
/// How old the session may be that goes on there, in seconds.
const FRESH: i64 = 60;

/// The providers of a running server.
pub(crate) struct SocialLogin {
    social: Social,
    rules: BTreeMap<String, Rule>,
    keys: BTreeMap<String, SecretKey>,
    fetch: Fetch,
}

impl SocialLogin {
    pub(super) fn new(server: &Server, providers: Providers) -> Result<Self, ServeError> {
        let (list, rules): (Vec<_>, BTreeMap<_, _>) = providers
            .list
            .into_iter()
            .map(|(provider, rule)| {
                let id = provider.id.clone();
                (provider, (id, rule))
            })
            .unzip();
        let social =
            Social::new(server, list).map_err(|error| ServeError::new(format!("oauth.providers_file: {error}")))?;
        Ok(Self { social, rules, keys: providers.keys, fetch: Fetch::new()? })
    }

    /// Every path that is answered here; `base` is the path of the issuer.
    pub(super) fn paths(&self, base: &str) -> Vec<String> {
        let ids = self.social.providers().iter().map(|provider| provider.id.as_str());
        let each = ids.flat_map(|id| [self.social.start_path(id), format!("{base}/login/oauth2/code/{id}")]);
        each.chain([format!("{base}{CONTINUE}")]).collect()
    }

    /// Whether a path, without the issuer's own, is one of those.
    pub(super) fn owns(path: &str) -> bool {
        path.starts_with("/oauth2/authorization/") || path.starts_with("/login/oauth2/")
    }

    /// The links of a login page: a name and a target each.
    pub(super) fn links(&self, ticket: &str) -> Vec<(String, String)> {
        let link = |provider: &scopegate::oauth::social::Provider| {
            (provider.name.clone(), format!("{}?ticket={ticket}", self.social.start_path(&provider.id)))
        };
        self.social.providers().iter().map(link).collect()
    }

    fn name(&self, id: &str) -> String {
        let provider = self.social.providers().iter().find(|provider| provider.id == id);
        provider.map_or_else(|| id.to_owned(), |provider| provider.name.clone())
    }
}

/// What the flows need.
struct SocialHost<'h, S> {
    store: &'h S,
    login: &'h SocialLogin,
}

impl<S: GrantStore> AsyncHost for SocialHost<'_, S> {
    async fn answer(&self, need: &Need) -> Answer {
        match need {
            Need::PutOnce { space, key_hash, expires_at } => {
                // The store has told the log what failed.
                let put = self.store.put_once(space, key_hash.as_bytes(), *expires_at).await;
                put.map_or(Answer::Unavailable, |put| Answer::Put(put == Put::Fresh))
            }
            Need::Sign { kid, alg: Algorithm::Es256, signing_input } => match self.login.keys.get(kid) {
                Some(key) => Answer::Signature(key.sign(signing_input)),
                None => Answer::Unavailable,
            },
            Need::Http { method, url, headers, body, max_bytes, timeout_ms } => {
                let timeout = Duration::from_millis((*timeout_ms).into());
                let outgoing = Outgoing { method, url, headers, body, max_bytes: *max_bytes, timeout };
                self.login.fetch.send(&outgoing).await.map_or(Answer::Unavailable, Answer::Http)
            }
            _ => Answer::Unavailable,
        }
    }
}

impl Call<'_> {
    /// The way to a provider, and the way back.
    pub(super) async fn social(&self, login: &SocialLogin, request: HttpRequest) -> Response<Body> {
        if request.path.ends_with(CONTINUE) {
            return self.after_form(request).await;
        }
        let mut entropy = [0_u8; 64];
        if let Err(error) = getrandom::fill(&mut entropy) {
            tracing::error!(error = %error, "no random bytes");
            return unavailable();
        }
        let host = SocialHost { store: &*self.oauth.store, login };
        match drive_async(login.social.handle(request.clone(), self.now, entropy), &host).await {
            Outcome::Respond(response) => respond(response),
            Outcome::Failed(failed) => {
                let outage = matches!(failed.fault, Fault::Unavailable | Fault::HostUnavailable);
                self.count(if outage { "unavailable" } else { "failed" });
                failure(&failed, &login.name(&failed.provider), outage)
            }
            Outcome::LoggedIn(identity) => self.identified(login, request, *identity).await,
        }
    }

    async fn identified(&self, login: &SocialLogin, request: HttpRequest, identity: LoggedIn) -> Response<Body> {
        let Some(rule) = login.rules.get(&identity.provider) else { return unavailable() };
        let provider = login.name(&identity.provider);
        let has = |(name, value): &(String, String)| identity.claims.get(name).is_some_and(|claim| claim == value);
        if !rule.require.iter().all(has) {
            self.count("refused");
            tracing::info!(provider, code = "claim_required", "a sign-in with a provider failed");
            let told = format!("This account of {provider} is none of those that may sign in here.");
            let mut page = pages::note(StatusCode::FORBIDDEN, "Not this account", &told);
            http::append(&mut page, &cookies(&identity.headers));
            return page;
        }
        let resolved = resolve(&*self.oauth.store, &identity, rule).await;
        self.count(match &resolved {
            Ok(Resolved::User(_)) => "accepted",
            Ok(Resolved::Unknown | Resolved::EmailTaken) => "refused",
            Err(_) => "unavailable",
        });
        let mut response = match (resolved, &identity.ticket) {
            (Err(_), _) => unavailable(),
            (Ok(Resolved::Unknown), _) => {
                let told = format!("Nobody here knows this account of {provider}, and none is made for it.");
                pages::note(StatusCode::FORBIDDEN, "No account", &told)
            }
            (Ok(Resolved::EmailTaken), _) => {
                let told = format!(
                    "There is an account with the e-mail address of this account of {provider}, and the two are not linked. \
                     Go back to the application, start again and sign in as you did before."
                );
                pages::note(StatusCode::FORBIDDEN, "Another account has this address", &told)
            }
            (Ok(Resolved::User(_)), None) => out_of_date(),
            (Ok(Resolved::User(user)), Some(ticket)) if request.method == "GET" => {
                self.signed_in(request, ticket, &user, Vec::new()).await
            }
            // The cookie that binds the ticket does not come with a form of another site: it does with what follows.
            (Ok(Resolved::User(user)), Some(ticket)) => match self.begin(&user, Vec::new()) {
                Some(session) => {
                    let mut on = HttpResponse::new(303)
                        .with("location", &format!("{}{CONTINUE}?ticket={ticket}", self.oauth.base))
                        .with("cache-control", "no-store")
                        .with("referrer-policy", "no-referrer");
                    if let Some(cookie) = self.oauth.sessions.cookie(&session) {
                        on = on.with("set-cookie", &cookie);
                    }
                    http::write(on)
                }
                None => unavailable(),
            },
        };
        http::append(&mut response, &cookies(&identity.headers));
        response
    }

    fn count(&self, outcome: &'static str) {
        self.oauth.store.metrics().provider_signed_in(outcome);
    }

    /// Goes on with a session that began a moment ago.
    async fn after_form(&self, request: HttpRequest) -> Response<Body> {
        let session = match self.session(&request).await {
            Ok(session) => session.map(|(session, _)| session),
            Err(_) => return unavailable(),
        };
        let fresh = session.filter(|session| self.now.since(session.auth_time) <= FRESH);
        let params = Params::parse(request.query.as_bytes()).ok().filter(|params| params.count("ticket") == 1);
        let ticket = params.as_ref().and_then(|params| params.get("ticket"));
        match (request.method.as_str(), fresh, ticket) {
            ("GET", Some(session), Some(ticket)) => {
                let ticket = ticket.to_owned();
                self.resume_login(request, &ticket, Ok(&session)).await
            }
            _ => out_of_date(),
        }
    }
}

fn cookies(headers: &[(String, String)]) -> Vec<(String, String)> {
    headers.iter().filter(|(name, _)| name == "set-cookie").cloned().collect()
}

/// The page of a login that failed. The ticket is still good, but only the application knows what it was for.
fn failure(failed: &Failed, provider: &str, outage: bool) -> Response<Body> {
    let code = failed.fault.code();
    tracing::info!(
        provider = failed.provider,
        code,
        detail = failed.fault.detail(),
        "a sign-in with a provider failed"
    );
    let status = if outage { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
    let told =
        format!("With {provider}, {} ({code}). Go back to the application and start again.", failed.fault.message());
    let mut page = pages::note(status, "You are not signed in", &told);
    http::append(&mut page, &cookies(&failed.headers));
    page
}
