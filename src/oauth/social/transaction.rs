//! The transaction of one login: what the cookie and `state` say, each under a MAC of its own, and what is derived from it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::crypto;
use super::super::error::PAGE_HEADERS;
use super::super::http::HttpRequest;
use super::super::step::Need;
use super::Social;
use super::flow::Context;
use super::provider::{Provider, ResponseMode};
use crate::time::UnixSeconds;

/// The longest ticket, in bytes: a cookie has about 4096 for its name and value.
const MAX_TICKET_BYTES: usize = 3_600;

/// The length of an id: 16 bytes in base64url.
const ID_LEN: usize = 22;

pub(super) struct Transaction<'k> {
    key: &'k [u8],
    key_id: &'k str,
    provider: String,
    id: String,
    expires_at: UnixSeconds,
    pub ticket: Option<String>,
}

/// Whether a ticket may travel in the cookie: of its own alphabet, which needs no escapes.
pub(super) fn is_ticket(text: &str) -> bool {
    (1..=MAX_TICKET_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'~'))
}

impl<'k> Transaction<'k> {
    /// A new one. `ticket` has passed [`is_ticket`].
    pub fn start(context: &Context<'k>, provider: &Provider, ticket: Option<&str>) -> Option<Self> {
        let (key_id, key) = context.social.secrets.first().map(|secret| secret.parts())?;
        let mut id = crypto::b64(&crypto::mac(context.entropy, &[b"social transaction"]));
        id.truncate(ID_LEN);
        Some(Self {
            key,
            key_id,
            provider: provider.id.clone(),
            id,
            expires_at: context.now.saturating_add(context.social.lifetime),
            ticket: ticket.map(String::from),
        })
    }

    /// The one in the browser's cookie, when that is there once, genuine, this provider's and not expired.
    pub fn of_cookie(context: &Context<'k>, provider: &Provider, request: &HttpRequest) -> Option<Self> {
        let name = cookie_name(context.social);
        let mut values = request
            .header_values("cookie")
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(known, _)| *known == name)
            .map(|(_, value)| value);
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let parts: Vec<&str> = value.strip_prefix("so1.")?.splitn(6, '.').collect();
        let [key_id, own, id, expires, mac, ticket] = parts.as_slice() else { return None };
        let secrets = context.social.secrets.iter().map(|secret| secret.parts());
        let (key_id, key) = secrets.into_iter().find(|(known, _)| known == key_id)?;
        let transaction = Self {
            key,
            key_id,
            provider: provider.id.clone(),
            id: String::from(*id),
            expires_at: expires.parse().ok().and_then(UnixSeconds::new)?,
            ticket: if ticket.is_empty() { None } else { Some(String::from(*ticket)) },
        };
        let genuine = crypto::same(&transaction.cookie_mac(), &crypto::unb64(mac)?);
        let valid = genuine && *own == provider.id && context.now < transaction.expires_at;
        valid.then_some(transaction)
    }

    fn cookie_mac(&self) -> [u8; 32] {
        let expires = self.expires_at.get().to_be_bytes();
        let ticket = self.ticket.as_deref().unwrap_or("");
        let parts: [&[u8]; 6] = [
            b"social cookie",
            self.key_id.as_bytes(),
            self.provider.as_bytes(),
            self.id.as_bytes(),
            &expires,
            ticket.as_bytes(),
        ];
        crypto::mac(self.key, &parts)
    }

    /// The cookie to set.
    pub fn cookie(&self, social: &Social, mode: ResponseMode) -> String {
        let value = format!(
            "so1.{}.{}.{}.{}.{}.{}",
            self.key_id,
            self.provider,
            self.id,
            self.expires_at.get(),
            crypto::b64(&self.cookie_mac()),
            self.ticket.as_deref().unwrap_or("")
        );
        set_cookie(social, &value, social.lifetime, mode)
    }

    fn derive(&self, label: &str) -> String {
        crypto::b64(&crypto::mac(self.key, &[label.as_bytes(), self.provider.as_bytes(), self.id.as_bytes()]))
    }

    /// `state`: the id and its MAC.
    pub fn state(&self) -> String {
        format!("{}.{}", self.id, self.derive("social state"))
    }

    /// Whether a `state` is this transaction's, in constant time.
    pub fn has_state(&self, state: &str) -> bool {
        crypto::same(self.state().as_bytes(), state.as_bytes())
    }

    /// The nonce of the ID token (OpenID Connect Core section 3.1.2.1).
    pub fn nonce(&self) -> String {
        self.derive("social nonce")
    }

    /// The PKCE verifier (RFC 7636 section 4.1): 43 characters of base64url.
    pub fn verifier(&self) -> String {
        self.derive("social verifier")
    }

    /// The PKCE challenge, S256.
    pub fn challenge(&self) -> String {
        crypto::b64(&crypto::sha256(self.verifier().as_bytes()))
    }

    /// The mark that it was used.
    pub fn once(&self) -> Need {
        let key = format!("{}.{}", self.provider, self.id);
        Need::PutOnce {
            space: "social",
            key_hash: crypto::b64(&crypto::sha256(key.as_bytes())),
            expires_at: self.expires_at,
        }
    }
}

fn cookie_name(social: &Social) -> &'static str {
    if social.is_secure() { "__Host-sg_social" } else { "sg_social" }
}

fn set_cookie(social: &Social, value: &str, seconds: i64, mode: ResponseMode) -> String {
    let site = match mode {
        ResponseMode::Query => "Lax",
        ResponseMode::FormPost => "None",
    };
    let secure = if social.is_secure() { "; Secure" } else { "" };
    format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={site}{secure}", cookie_name(social))
}

/// The headers that end a transaction: its cookie goes.
pub(super) fn closing_headers(social: &Social, provider: &Provider) -> Vec<(String, String)> {
    PAGE_HEADERS
        .iter()
        .map(|(name, value)| (String::from(*name), String::from(*value)))
        .chain([(String::from("set-cookie"), set_cookie(social, "", 0, provider.response_mode))])
        .collect()
}
