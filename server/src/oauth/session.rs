//! Sessions: who signed in with this browser, in a cookie that is sealed with a MAC and good for one epoch of its user. A logout or a new
//! password begins another epoch, and every session of the user has ended.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use scopegate::oauth::{HttpRequest, Login};
use scopegate::time::UnixSeconds;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::peppers::{Peppers, Secret};

/// A session as the cookie holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// Random: two sessions of one user differ.
    pub(crate) id: String,
    pub(crate) sub: String,
    pub(crate) epoch: u64,
    pub(crate) auth_time: UnixSeconds,
    pub(crate) amr: Vec<String>,
    pub(crate) expires_at: UnixSeconds,
}

impl Session {
    /// What the flows are told of it.
    pub(crate) fn login(&self) -> Login {
        Login { sub: self.sub.clone(), auth_time: self.auth_time, acr: None, amr: self.amr.clone() }
    }
}

/// Makes and reads the cookies.
pub(crate) struct Sessions {
    secrets: Vec<Secret>,
    /// Whether the issuer is `https`: the cookie then is `__Host-` and `Secure`.
    secure: bool,
    /// How long one lasts, in seconds.
    pub(crate) life: i64,
}

impl Sessions {
    pub(crate) fn new(peppers: &Peppers, secure: bool, life: i64) -> Self {
        Self { secrets: peppers.secrets("oauth-session"), secure, life }
    }

    const fn name(&self) -> &'static str {
        if self.secure { "__Host-sg_session" } else { "sg_session" }
    }

    fn mac(secret: &Secret, label: &str, text: &str) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_slice()).ok()?;
        mac.update(label.as_bytes());
        mac.update(text.as_bytes());
        Some(mac.finalize().into_bytes().into())
    }

    fn verifies(secret: &Secret, label: &str, text: &str, tag: &[u8]) -> bool {
        Hmac::<Sha256>::new_from_slice(secret.as_slice()).is_ok_and(|mut mac| {
            mac.update(label.as_bytes());
            mac.update(text.as_bytes());
            mac.verify_slice(tag).is_ok()
        })
    }

    /// The value of `Set-Cookie` that begins a session.
    pub(crate) fn cookie(&self, session: &Session) -> Option<String> {
        let payload = Base64UrlUnpadded::encode_string(&serde_json::to_vec(session).ok()?);
        let tag = Base64UrlUnpadded::encode_string(&Self::mac(self.secrets.first()?, "session\0", &payload)?);
        Some(self.line(&format!("s1.{payload}.{tag}"), self.life))
    }

    /// The value of `Set-Cookie` that ends one.
    pub(crate) fn no_cookie(&self) -> String {
        self.line("", 0)
    }

    fn line(&self, value: &str, life: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={life}; HttpOnly; SameSite=Lax{secure}", self.name())
    }

    /// The session of a request whose cookie is genuine and not over. Whether its epoch still is must be asked of the user.
    pub(crate) fn read(&self, request: &HttpRequest, now: UnixSeconds) -> Option<Session> {
        let mut values = request
            .header_values("cookie")
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.name())
            .map(|(_, value)| value);
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (payload, tag) = value.strip_prefix("s1.")?.split_once('.')?;
        let tag = Base64UrlUnpadded::decode_vec(tag).ok()?;
        let genuine = self.secrets.iter().any(|secret| Self::verifies(secret, "session\0", payload, &tag));
        let payload = genuine.then(|| Base64UrlUnpadded::decode_vec(payload).ok()).flatten()?;
        let session: Session = serde_json::from_slice(&payload).ok()?;
        (now < session.expires_at).then_some(session)
    }

    /// A token for a form of this session: no other site can know it.
    pub(crate) fn form_token(&self, session: &Session) -> Option<String> {
        let tag = Self::mac(self.secrets.first()?, "form\0", &session.id)?;
        Some(Base64UrlUnpadded::encode_string(&tag))
    }

    /// Whether a form came from a page of this session.
    pub(crate) fn is_form_token(&self, session: &Session, text: &str) -> bool {
        Base64UrlUnpadded::decode_vec(text)
            .is_ok_and(|tag| self.secrets.iter().any(|secret| Self::verifies(secret, "form\0", &session.id, &tag)))
    }
}
