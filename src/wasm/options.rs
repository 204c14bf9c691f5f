//! From the options as JSON to a gate, and from a policy to what JavaScript needs to know of it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::Thrown;
use crate::engine::Gate;
use crate::key::hash::Keyring;
use crate::policy::{CredentialKind, Policy};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Options {
    peppers: Option<Peppers>,
    secrets: BTreeMap<String, String>,
    key_sets: BTreeMap<String, String>,
    token_cache: Option<(usize, usize)>,
    host_verification: bool,
    trace: bool,
    touch_interval: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Peppers {
    current: String,
    keys: BTreeMap<String, String>,
    plain_hashes: bool,
}

fn decode(name: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, Thrown> {
    Base64UrlUnpadded::decode_vec(text)
        .map(Zeroizing::new)
        .map_err(|_| Thrown::new("secret_invalid", format!("{name}: expected base64url without padding")))
}

fn keyring(peppers: &Peppers) -> Result<Keyring, Thrown> {
    let mut secrets = Vec::new();
    for (name, text) in &peppers.keys {
        secrets.push((name.as_str(), decode(name, text)?));
    }
    // The current one comes first.
    secrets.sort_by_key(|(name, _)| *name != peppers.current);
    let ring = Keyring::new(secrets.iter().map(|(name, secret)| (*name, secret.as_slice())))
        .map_err(|error| Thrown::new("keyring_invalid", error.to_string()))?;
    Ok(if peppers.plain_hashes { ring.accept_plain_hashes() } else { ring })
}

/// The gate of a policy and of the options.
pub(super) fn build(policy: &Arc<Policy>, options: &str) -> Result<(Gate, Keyring), Thrown> {
    // The text of the error could repeat a secret.
    let options: Options = serde_json::from_str(options)
        .map_err(|_| Thrown::new("options_invalid", "the options are not what they may be"))?;
    let ring = options.peppers.as_ref().map_or_else(|| Ok(Keyring::plain()), keyring)?;
    let (entries, bytes) = options.token_cache.unwrap_or_default();
    let mut builder = Gate::builder(Arc::clone(policy))
        .keyring(ring.clone())
        .token_cache(entries, bytes)
        .host_verification(options.host_verification)
        .trace(options.trace)
        .touch_interval(options.touch_interval);
    for (name, text) in &options.secrets {
        builder = builder.secret(name.as_str(), &decode(name, text)?);
    }
    for (name, jwks) in options.key_sets {
        builder = builder.key_set(name, jwks);
    }
    Ok((builder.build()?, ring))
}

#[derive(Serialize)]
struct About<'a> {
    name: &'a str,
    routes: Vec<&'a str>,
    params: Vec<Vec<&'a str>>,
    scopes: Vec<&'a str>,
    credentials: Vec<CredentialAbout<'a>>,
    headers: &'a [String],
    tests: usize,
}

#[derive(Serialize)]
struct CredentialAbout<'a> {
    name: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
}

/// What JavaScript needs to know of a policy, as JSON.
pub(super) fn describe(policy: &Policy, headers: &[String]) -> String {
    let about = About {
        name: policy.name(),
        routes: policy.routes().iter().map(|route| route.id()).collect(),
        params: (0..policy.routes().len())
            .map(|route| policy.table().param_names(route).iter().map(|name| &**name).collect())
            .collect(),
        scopes: (0..policy.scopes().len()).filter_map(|scope| policy.scopes().name(scope)).collect(),
        credentials: policy
            .credentials()
            .iter()
            .map(|credential| {
                let (kind, header, issuer) = match credential.kind() {
                    CredentialKind::ApiKey(key) => ("apiKey", Some(key.header()), None),
                    CredentialKind::Bearer(bearer) => ("bearer", None, Some(&*bearer.rules().issuer)),
                };
                CredentialAbout { name: credential.name(), kind, header, issuer }
            })
            .collect(),
        headers,
        tests: policy.tests().len(),
    };
    serde_json::to_string(&about).unwrap_or_default()
}
