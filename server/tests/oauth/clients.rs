//! The crate `openidconnect` as a client, with and without a secret.

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreProviderMetadata, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IntrospectionUrl, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, RevocationUrl, Scope, TokenIntrospectionResponse,
    TokenResponse, http,
};
use serde_json::Value;

use super::browser::Browser;
use super::site::{CALLBACK, DASHBOARD, Options, PASSWORD, REPORTS, SECRET, SUBJECT, Site, USER, start_with};

type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Sends a client's request to the site.
fn sender(site: &Site) -> impl Fn(HttpRequest) -> Result<HttpResponse, std::io::Error> {
    |request| {
        let target = request.uri().path_and_query().unwrap().as_str();
        let named = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let headers: Vec<_> = named.filter(|(name, _)| *name != "content-length").collect();
        let body = std::str::from_utf8(request.body()).unwrap();
        let answer = site.send(request.method().as_str(), target, &headers, body);
        let mut response = http::Response::builder().status(answer.status);
        for (name, value) in answer.head.lines().filter_map(|line| line.split_once(": ")) {
            response = response.header(name, value);
        }
        Ok(response.body(answer.body.into_bytes()).unwrap())
    }
}

fn discover(site: &Site, id: &str, secret: Option<&str>) -> Client {
    let metadata =
        CoreProviderMetadata::discover(&IssuerUrl::new(site.issuer.clone()).unwrap(), &sender(site)).unwrap();
    let told: Value = site.get("/.well-known/openid-configuration").json();
    let endpoint = |name: &str| told[name].as_str().unwrap().to_owned();
    let secret = secret.map(|secret| ClientSecret::new(secret.to_owned()));
    CoreClient::from_provider_metadata(metadata, ClientId::new(id.to_owned()), secret)
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap())
        .set_introspection_url(IntrospectionUrl::new(endpoint("introspection_endpoint")).unwrap())
        .set_revocation_url(RevocationUrl::new(endpoint("revocation_endpoint")).unwrap())
}

/// What a client keeps of a flow, and the code it got.
struct Flow {
    code: AuthorizationCode,
    verifier: String,
    nonce: Nonce,
}

fn begin(site: &Site, client: &Client) -> Flow {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".into()))
        .add_scope(Scope::new("email".into()))
        .set_pkce_challenge(challenge)
        .url();
    let mut browser = Browser::of(site);
    let mut page = browser.go("GET", &format!("{}?{}", url.path(), url.query().unwrap()), &[]);
    page = browser.sign_in(&page, USER, PASSWORD);
    if page.body.contains("value=\"allow\"") {
        page = browser.decide(&page, "allow");
    }
    assert_eq!(page.sent("state").as_ref(), Some(state.secret()), "{page:?}");
    let code = page.sent("code").unwrap_or_else(|| panic!("no code: {page:?}"));
    Flow { code: AuthorizationCode::new(code), verifier: verifier.into_secret(), nonce }
}

type Refused = RequestTokenError<std::io::Error, openidconnect::StandardErrorResponse<CoreErrorResponseType>>;

fn redeem(site: &Site, client: &Client, flow: &Flow, verifier: &str) -> Result<CoreTokenResponse, Refused> {
    let request = client.exchange_code(flow.code.clone()).unwrap();
    request.set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned())).request(&sender(site))
}

fn refresh(site: &Site, client: &Client, token: &RefreshToken) -> Result<CoreTokenResponse, Refused> {
    client.exchange_refresh_token(token).unwrap().request(&sender(site))
}

fn is_invalid_grant(answer: Result<CoreTokenResponse, Refused>) -> bool {
    matches!(answer, Err(RequestTokenError::ServerResponse(told)) if *told.error() == CoreErrorResponseType::InvalidGrant)
}

#[test]
fn the_crate_openidconnect_signs_in_refreshes_and_revokes() {
    let site = start_with(Options { secure: true, ..Options::default() });
    let sender = sender(&site);
    for (id, secret) in [(DASHBOARD, None), (REPORTS, Some(SECRET))] {
        let client = discover(&site, id, secret);
        let flow = begin(&site, &client);
        let tokens = redeem(&site, &client, &flow, &flow.verifier).unwrap();

        let id_token = tokens.id_token().unwrap();
        let verifier = client.id_token_verifier();
        let claims = id_token.claims(&verifier, &flow.nonce).unwrap();
        let hash = AccessTokenHash::from_token(
            tokens.access_token(),
            id_token.signing_alg().unwrap(),
            id_token.signing_key(&verifier).unwrap(),
        );
        assert_eq!((claims.subject().as_str(), claims.access_token_hash()), (SUBJECT, Some(&hash.unwrap())));
        assert!(id_token.claims(&verifier, &Nonce::new("another".into())).is_err(), "another nonce");
        let other = discover(&site, "another", secret);
        assert!(id_token.claims(&other.id_token_verifier(), &flow.nonce).is_err(), "another client's ID token");

        let second = refresh(&site, &client, tokens.refresh_token().unwrap()).unwrap();
        assert_ne!(second.refresh_token().unwrap().secret(), tokens.refresh_token().unwrap().secret());
        let access = second.access_token();
        let sub = claims.subject().clone();
        let user = || client.user_info(access.clone(), Some(sub.clone())).unwrap().request(&sender);
        let told: CoreUserInfoClaims = user().unwrap();
        assert_eq!(told.email().map(|email| email.as_str()), Some("ada@jobiflow.example"));
        let active = || client.introspect(access).request(&sender).map(|told| told.active());
        assert_eq!(active().ok(), secret.map(|_| true), "introspection is for clients with a secret");

        client.revoke_token(second.refresh_token().unwrap().into()).unwrap().request(&sender).unwrap();
        assert!(is_invalid_grant(refresh(&site, &client, second.refresh_token().unwrap())), "revoked");
        let told: Result<CoreUserInfoClaims, _> = user();
        assert!(told.is_err(), "revoked");
        assert_eq!(active().ok(), secret.map(|_| false), "revoked");
    }
}

#[test]
fn a_code_that_comes_twice_ends_what_the_crate_openidconnect_got() {
    let site = start_with(Options { secure: true, ..Options::default() });
    for (id, secret) in [(DASHBOARD, None), (REPORTS, Some(SECRET))] {
        let client = discover(&site, id, secret);
        let flow = begin(&site, &client);
        assert!(is_invalid_grant(redeem(&site, &client, &flow, &"A".repeat(43))), "another verifier");
        let tokens = redeem(&site, &client, &flow, &flow.verifier).unwrap();
        assert!(is_invalid_grant(redeem(&site, &client, &flow, &flow.verifier)), "the code again");
        assert!(is_invalid_grant(refresh(&site, &client, tokens.refresh_token().unwrap())), "its refresh token");
        let told: Result<CoreUserInfoClaims, _> =
            client.user_info(tokens.access_token().clone(), None).unwrap().request(&sender(&site));
        assert!(told.is_err(), "its access token");
    }
}
