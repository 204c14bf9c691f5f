//! Known providers. What is peculiar about each stands beside it; everything is data.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::provider::{
    ClientCredential, ClientSecret, EmailTrust, Endpoints, Issuer, Protocol, Provider, ResponseMode, Source,
};
use crate::jwt::{Algorithm, AlgorithmSet};

/// The version of Facebook's Graph API in the URLs. Each is served for about two years.
pub const FACEBOOK_GRAPH_VERSION: &str = "v24.0";

/// The tenant of personal Microsoft accounts.
const MICROSOFT_CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn secret(secret: ClientSecret) -> ClientCredential {
    ClientCredential::Secret { secret, method: None }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().copied().map(String::from).collect()
}

/// Endpoints that are known: authorization, token, and where there are any, keys and profile; and who issues.
#[inline(never)]
fn fixed(urls: [&str; 2], jwks: Option<&str>, userinfo: Option<&str>, issuers: &[&str]) -> Source {
    let [authorization, token] = urls.map(String::from);
    Source::Fixed(Endpoints {
        authorization,
        token,
        jwks: jwks.map(String::from),
        userinfo: userinfo.map(String::from),
        emails: None,
        issuer: Issuer::Exact(words(issuers)),
        issuer_parameter: false,
    })
}

#[inline(never)]
fn openid(id: &str, name: &str, source: Source, client_id: String, credential: ClientCredential) -> Provider {
    Provider {
        id: String::from(id),
        name: String::from(name),
        protocol: Protocol::OpenId,
        source,
        client_id,
        credential,
        scopes: words(&["openid", "profile", "email"]),
        parameters: Vec::new(),
        response_mode: ResponseMode::Query,
        algorithms: AlgorithmSet::default().with(Algorithm::Rs256),
        email_trust: EmailTrust::Claim,
        secret_proof: false,
    }
}

impl Provider {
    /// Google. Its issuer is written with and without the scheme.
    #[must_use]
    pub fn google(client_id: String, client_secret: ClientSecret) -> Self {
        let source = fixed(
            ["https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token"],
            Some("https://www.googleapis.com/oauth2/v3/certs"),
            None,
            &["https://accounts.google.com", "accounts.google.com"],
        );
        openid("google", "Google", source, client_id, secret(client_secret))
    }

    /// GitHub: no OpenID Connect; addresses come from a call of their own, and only the primary verified one counts.
    #[must_use]
    pub fn github(client_id: String, client_secret: ClientSecret) -> Self {
        let source = Source::Fixed(Endpoints {
            authorization: "https://github.com/login/oauth/authorize".into(),
            token: "https://github.com/login/oauth/access_token".into(),
            jwks: None,
            userinfo: Some("https://api.github.com/user".into()),
            emails: Some("https://api.github.com/user/emails".into()),
            issuer: Issuer::Exact(words(&["https://github.com/login/oauth"])),
            issuer_parameter: true,
        });
        Self {
            protocol: Protocol::OAuth2,
            scopes: words(&["read:user", "user:email"]),
            email_trust: EmailTrust::PrimaryOfList,
            ..openid("github", "GitHub", source, client_id, secret(client_secret))
        }
    }

    /// Microsoft. `tenant` is the id of a tenant, `common`, `organizations` or `consumers`. For the first two the issuer is a
    /// pattern, and the subject of an identity is `tid:sub`. Its addresses are whatever an administrator wrote, never verified.
    #[must_use]
    pub fn microsoft(client_id: String, client_secret: ClientSecret, tenant: &str) -> Self {
        let base = format!("https://login.microsoftonline.com/{tenant}");
        let pattern = || "https://login.microsoftonline.com/{tenantid}/v2.0".into();
        let issuer = match tenant {
            "common" => Issuer::Tenant { pattern: pattern(), except: Vec::new() },
            "organizations" => Issuer::Tenant { pattern: pattern(), except: words(&[MICROSOFT_CONSUMERS]) },
            "consumers" => Issuer::Exact(vec![format!("https://login.microsoftonline.com/{MICROSOFT_CONSUMERS}/v2.0")]),
            // A tenant that is no id makes an issuer that no token has; the check refuses it beforehand.
            _ => Issuer::Exact(vec![format!("{base}/v2.0")]),
        };
        let source = Source::Fixed(Endpoints {
            authorization: format!("{base}/oauth2/v2.0/authorize"),
            token: format!("{base}/oauth2/v2.0/token"),
            jwks: Some(format!("{base}/discovery/v2.0/keys")),
            userinfo: None,
            emails: None,
            issuer,
            issuer_parameter: false,
        });
        Self {
            email_trust: EmailTrust::Never,
            ..openid("microsoft", "Microsoft", source, client_id, secret(client_secret))
        }
    }

    /// Apple: the answer is a form posted from its site, `email_verified` is a text, and the secret is a JWT. Give
    /// [`ClientCredential::Signed`] to have it signed at each login (see [`Provider::apple_credential`]), or one made before.
    #[must_use]
    pub fn apple(client_id: String, credential: ClientCredential) -> Self {
        let source = fixed(
            ["https://appleid.apple.com/auth/authorize", "https://appleid.apple.com/auth/token"],
            Some("https://appleid.apple.com/auth/keys"),
            None,
            &["https://appleid.apple.com"],
        );
        Self {
            scopes: words(&["openid", "name", "email"]),
            response_mode: ResponseMode::FormPost,
            email_trust: EmailTrust::ClaimOrText,
            ..openid("apple", "Apple", source, client_id, credential)
        }
    }

    /// The credential of an Apple key: its id and the team it belongs to. The private key stays with the host.
    #[must_use]
    pub fn apple_credential(kid: String, team: String) -> ClientCredential {
        ClientCredential::Signed { kid, team, audience: "https://appleid.apple.com".into() }
    }

    /// GitLab at `base`, which is `https://gitlab.com` or an instance of one's own, without a slash at the end.
    #[must_use]
    pub fn gitlab(client_id: String, client_secret: ClientSecret, base: &str) -> Self {
        let at = |path: &str| format!("{base}/oauth/{path}");
        let source =
            fixed([&at("authorize"), &at("token")], Some(&at("discovery/keys")), Some(&at("userinfo")), &[base]);
        openid("gitlab", "GitLab", source, client_id, secret(client_secret))
    }

    /// Facebook: no ID token here, the version of the Graph API in the URLs, calls proven with the secret, and never a verified
    /// address. `version` is such as [`FACEBOOK_GRAPH_VERSION`].
    #[must_use]
    pub fn facebook(client_id: String, client_secret: ClientSecret, version: &str) -> Self {
        let graph = |path: &str| format!("https://graph.facebook.com/{version}/{path}");
        let source = fixed(
            [&format!("https://www.facebook.com/{version}/dialog/oauth"), &graph("oauth/access_token")],
            None,
            Some(&graph("me?fields=id,name,email")),
            &["https://www.facebook.com"],
        );
        Self {
            protocol: Protocol::OAuth2,
            scopes: words(&["public_profile", "email"]),
            email_trust: EmailTrust::Never,
            secret_proof: true,
            ..openid("facebook", "Facebook", source, client_id, secret(client_secret))
        }
    }

    /// Any OpenID provider that publishes its configuration. `id` and `name` are the operator's words for it.
    #[must_use]
    pub fn oidc(id: &str, name: &str, issuer: String, client_id: String, credential: ClientCredential) -> Self {
        let all = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Es256];
        Self {
            algorithms: [Algorithm::Es384, Algorithm::EdDsa]
                .into_iter()
                .chain(all)
                .filter(|algorithm| crate::jwt::verify::is_supported(*algorithm))
                .fold(AlgorithmSet::default(), AlgorithmSet::with),
            ..openid(id, name, Source::Discovered { issuer }, client_id, credential)
        }
    }
}
