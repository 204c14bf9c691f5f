//! What happens between an authorization request and its answer: signing in, approving, and signing out again.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::oauth::{
    Ask, ConsentOutcome, HttpRequest, HttpResponse, Interaction, LoginOutcome, Params, Reply, Server,
};
use scopegate_stores::StoreError;
use zeroize::Zeroizing;

use super::pages::{self, Asking, Refused};
use super::session::Session;
use super::users::{self, User};
use super::{Call, http, unavailable, with_cookie};

/// How often a flow may ask for a login that a session answers, before it is shown.
const ROUNDS: usize = 3;

impl Call<'_> {
    /// The authorization endpoint.
    pub(super) async fn authorize(&self, request: HttpRequest) -> Response<Body> {
        let session = match self.session(&request).await {
            Ok(session) => session.map(|(session, _)| session),
            Err(_) => return unavailable(),
        };
        let flow_request = request.clone();
        let reply = self.drive(None, |server, entropy| server.handle(flow_request, self.now, entropy)).await;
        self.go_on(request, reply, session.as_ref()).await
    }

    /// A name and a password for a ticket.
    pub(super) async fn login(&self, request: HttpRequest) -> Response<Body> {
        let form = match form(&request, &["ticket", "client_id", "username", "password", "decision"]) {
            Ok(form) => form,
            Err(page) => return *page,
        };
        let Some(ticket) = form.get("ticket") else { return out_of_date() };
        if form.get("decision") == Some("cancel") {
            return self.resume_login(request, ticket, Err(LoginOutcome::Denied)).await;
        }
        let name = form.get("username").unwrap_or_default().trim();
        let password = Zeroizing::new(form.get("password").unwrap_or_default().to_owned());
        let refused = |refused| {
            let shown: String = name.chars().take(128).collect();
            self.login_page(form.get("client_id").unwrap_or_default(), ticket, &shown, Some(refused))
        };
        let canonical = users::canonical_name(name);
        let account = canonical.clone().unwrap_or_else(|| name.to_lowercase());
        let begun = match self.oauth.throttle.begin(&account, self.address, self.now.get().saturating_mul(1_000)) {
            Ok(begun) => begun,
            Err(seconds) => {
                self.oauth.store.metrics().signed_in("throttled");
                return refused(Refused::TooOften(seconds));
            }
        };
        // A name that nobody can have is asked for like any other.
        let stored = users::by_name(&*self.oauth.store, canonical.as_deref().unwrap_or("-")).await;
        let Ok(stored) = stored else { return unavailable() };
        let hash = stored.as_ref().and_then(|stored| stored.user.password.as_deref());
        let fits = self.oauth.passwords.verify(password, hash).await;
        let Some(stored) = stored.filter(|_| fits) else {
            self.oauth.store.metrics().signed_in("refused");
            tracing::debug!("a sign-in failed");
            return refused(Refused::Wrong);
        };
        self.oauth.throttle.succeeded(&begun);
        self.oauth.store.metrics().signed_in("accepted");
        self.signed_in(request, ticket, &stored.user, vec!["pwd".to_owned()]).await
    }

    /// This user has proven who they are, for this ticket: begins a session and goes on with the authorization. A ticket of another browser
    /// begins none.
    pub(super) async fn signed_in(
        &self,
        request: HttpRequest,
        ticket: &str,
        user: &User,
        amr: Vec<String>,
    ) -> Response<Body> {
        let Some(session) = self.begin(user, amr) else { return unavailable() };
        let mut response = self.resume_login(request, ticket, Ok(&session)).await;
        let well = response.status().is_success() || response.status().is_redirection();
        if let (true, Some(cookie)) = (well, self.oauth.sessions.cookie(&session)) {
            http::append(&mut response, &[("set-cookie".into(), cookie)]);
        }
        response
    }

    /// A session that begins now.
    pub(super) fn begin(&self, user: &User, amr: Vec<String>) -> Option<Session> {
        let mut id = [0_u8; 16];
        getrandom::fill(&mut id).ok()?;
        Some(Session {
            id: Base64UrlUnpadded::encode_string(&id),
            sub: user.sub.clone(),
            epoch: user.epoch,
            auth_time: self.now,
            amr,
            expires_at: self.now.saturating_add(self.oauth.sessions.life),
        })
    }

    /// Goes on for who is signed in, or with the reason why nobody is.
    pub(super) async fn resume_login(
        &self,
        request: HttpRequest,
        ticket: &str,
        session: Result<&Session, LoginOutcome>,
    ) -> Response<Body> {
        let reply = self.resumed(request.clone(), ticket.to_owned(), session).await;
        self.go_on(request, reply, None).await
    }

    async fn resumed(&self, request: HttpRequest, ticket: String, session: Result<&Session, LoginOutcome>) -> Reply {
        let present = session.as_ref().ok().copied();
        let outcome = session.map_or_else(|outcome| outcome, |session| LoginOutcome::LoggedIn(session.login()));
        let resume = |server, entropy| Server::resume_login(server, request, ticket, outcome, self.now, entropy);
        self.drive(present, resume).await
    }

    /// An approval, or a refusal.
    pub(super) async fn consent(&self, request: HttpRequest) -> Response<Body> {
        let form = match form(&request, &["ticket", "client_id", "scope", "decision"]) {
            Ok(form) => form,
            Err(page) => return *page,
        };
        // Who has signed out meanwhile, or has a new password, approves nothing any more; nor does whoever signed in after them.
        let present = match self.session(&request).await {
            Ok(session) => session.map(|(session, _)| session),
            Err(_) => return unavailable(),
        };
        let Some(ticket) = form.get("ticket").map(str::to_owned) else { return out_of_date() };
        let outcome = match form.get("decision") {
            Some("allow") => ConsentOutcome::Approve {
                scopes: form.get("scope").unwrap_or_default().split(' ').map(str::to_owned).collect(),
            },
            Some("deny") => ConsentOutcome::Deny,
            _ => return out_of_date(),
        };
        let (browser, sub) = (request.clone(), present.as_ref().map(|session| session.sub.clone()));
        let reply = self
            .drive(present.as_ref(), |server, entropy| {
                server.resume_consent(browser, ticket, sub, outcome, self.now, entropy)
            })
            .await;
        self.go_on(request, reply, None).await
    }

    /// Asks whether to sign out, and does.
    pub(super) async fn logout(&self, request: HttpRequest) -> Response<Body> {
        let signed_out = || {
            let mut page = pages::note(StatusCode::OK, "Signed out", "You are signed out.");
            http::append(&mut page, &[("set-cookie".into(), self.oauth.sessions.no_cookie())]);
            page
        };
        let (session, user) = match self.session(&request).await {
            Ok(Some(found)) => found,
            Ok(None) => return signed_out(),
            Err(_) => return unavailable(),
        };
        if !matches!(request.method.as_str(), "GET" | "POST") {
            return not_this_way("GET, POST");
        }
        if request.method == "GET" {
            let Some(token) = self.oauth.sessions.form_token(&session) else { return unavailable() };
            return pages::logout(&self.path("/logout"), user.display_name.as_deref().unwrap_or(&user.name), &token);
        }
        let form = match form(&request, &["token"]) {
            Ok(form) => form,
            Err(page) => return *page,
        };
        if !form.get("token").is_some_and(|token| self.oauth.sessions.is_form_token(&session, token)) {
            return out_of_date();
        }
        match users::change(&*self.oauth.store, &user.sub, |_| {}).await {
            Ok(_) => match self.oauth.revoke_grants(&user.sub, self.now).await {
                Ok(_) => signed_out(),
                Err(_) => unavailable(),
            },
            Err(_) => unavailable(),
        }
    }

    /// The session of a request and its user, when it is of the user's present epoch.
    pub(super) async fn session(&self, request: &HttpRequest) -> Result<Option<(Session, User)>, StoreError> {
        let Some(session) = self.oauth.sessions.read(request, self.now) else { return Ok(None) };
        let stored = users::by_subject(&*self.oauth.store, &session.sub).await?;
        Ok(stored.map(|stored| stored.user).filter(|user| user.epoch == session.epoch).map(|user| (session, user)))
    }

    /// Shows what a flow asks, unless the session answers it, or sends what it replied.
    async fn go_on(&self, mut request: HttpRequest, mut reply: Reply, session: Option<&Session>) -> Response<Body> {
        for _ in 0..ROUNDS {
            let interaction = match reply {
                Reply::Respond(response) => return respond(response),
                Reply::Interact(interaction) => interaction,
            };
            let outcome = match &interaction.ask {
                Ask::Consent { .. } => return self.show(&interaction),
                Ask::Login { silent, reauthenticate, select_account, .. } => {
                    match session.filter(|_| !reauthenticate && !select_account) {
                        Some(session) => Ok(session),
                        None if *silent => Err(LoginOutcome::NotLoggedIn),
                        None => return self.show(&interaction),
                    }
                }
            };
            with_cookie(&mut request, &interaction.headers);
            reply = self.resumed(request.clone(), interaction.ticket, outcome).await;
        }
        unavailable()
    }

    /// The page of an interaction.
    fn show(&self, interaction: &Interaction) -> Response<Body> {
        let mut page = match &interaction.ask {
            Ask::Login { login_hint, .. } => {
                let hint: String = login_hint.as_deref().unwrap_or_default().chars().take(128).collect();
                self.login_page(&interaction.client_id, &interaction.ticket, &hint, None)
            }
            Ask::Consent { scopes, redirect_host } => {
                let meaning = |scope: &String| (scope.clone(), self.oauth.meanings.get(scope).unwrap_or(scope).clone());
                let scopes: Vec<(String, String)> = scopes.iter().map(meaning).collect();
                let targets = self.form_targets(&interaction.client_id);
                let asking = Asking {
                    client_id: &interaction.client_id,
                    client_name: &interaction.client_name,
                    trusted: interaction.trusted,
                    form_targets: &targets,
                };
                pages::consent(&asking, &self.path("/consent"), &interaction.ticket, redirect_host, &scopes)
            }
        };
        let cookies: Vec<_> = interaction.headers.iter().filter(|(name, _)| name == "set-cookie").cloned().collect();
        http::append(&mut page, &cookies);
        page
    }

    fn login_page(&self, client_id: &str, ticket: &str, name: &str, refused: Option<Refused>) -> Response<Body> {
        let client = self.oauth.clients.client(client_id);
        let targets = self.form_targets(client_id);
        let asking = Asking {
            client_id: client.map_or("", |client| &client.client_id),
            client_name: client.map_or("the application", |client| &client.name),
            trusted: client.is_some_and(|client| client.trusted),
            form_targets: &targets,
        };
        let links = self.oauth.social.as_ref().map(|social| social.links(ticket)).unwrap_or_default();
        pages::login(&asking, &self.path("/login"), ticket, name, refused, &links)
    }

    /// Where the forms of a page may lead: browsers hold the redirect after a form against the page's policy.
    fn form_targets(&self, client_id: &str) -> Vec<String> {
        let client = self.oauth.clients.client(client_id);
        let mut targets: Vec<String> =
            client.iter().flat_map(|client| &client.redirect_uris).filter_map(|uri| pages::form_target(uri)).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.oauth.base)
    }
}

/// What a flow replied. Its plain texts for people become pages.
pub(super) fn respond(response: HttpResponse) -> Response<Body> {
    let plain = response.header("content-type").is_some_and(|value| value.starts_with("text/plain"));
    if !plain {
        return http::write(response);
    }
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::BAD_REQUEST);
    pages::note(status, "This cannot go on", String::from_utf8_lossy(&response.body).trim())
}

pub(super) fn out_of_date() -> Response<Body> {
    pages::note(StatusCode::BAD_REQUEST, "This page is out of date", "Go back to the application and start again.")
}

fn not_this_way(allow: &'static str) -> Response<Body> {
    let mut page =
        pages::note(StatusCode::METHOD_NOT_ALLOWED, "Not this way", "Go back to the application and start again.");
    page.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    page
}

/// The form of a POST, none of its fields twice.
fn form(request: &HttpRequest, fields: &[&str]) -> Result<Params, Box<Response<Body>>> {
    if request.method != "POST" {
        return Err(Box::new(not_this_way("POST")));
    }
    let params = request.is_form().then(|| Params::parse(&request.body).ok()).flatten();
    params.filter(|params| params.repeated(fields).is_none()).ok_or_else(|| Box::new(out_of_date()))
}
