//! From the options as JSON to a gate, and from a policy to what JavaScript needs to know of it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::error::Thrown;
use crate::engine::Gate;
use crate::json::members::{Place, members};
use crate::json::read::{Read, Reader, whole};
use crate::json::write::Writer;
use crate::key::hash::Keyring;
use crate::policy::read::ordered;
use crate::policy::{CredentialKind, Policy};

type Texts = Vec<(String, String)>;

#[derive(Default)]
struct Options {
    peppers: Option<Peppers>,
    secrets: Texts,
    key_sets: Texts,
    token_cache: Option<(usize, usize)>,
    host_verification: bool,
    trace: bool,
    touch_interval: u64,
}

#[derive(Default)]
struct Peppers {
    current: String,
    keys: Texts,
    plain_hashes: bool,
}

#[inline(never)]
fn options(reader: &mut Reader<'_>) -> Read<Options> {
    let mut found = Options::default();
    members!(reader, "options", {
        "peppers?" => Place::Other(&mut |reader| reader.put(&mut found.peppers, |reader| reader.nullable(peppers))),
        "secrets" => Place::Other(&mut |reader| reader.put(&mut found.secrets, texts)),
        "keySets" => Place::Other(&mut |reader| reader.put(&mut found.key_sets, texts)),
        "tokenCache?" => Place::Other(&mut |reader| {
            reader.put(&mut found.token_cache, |reader| reader.nullable(limits))
        }),
        "hostVerification" => Place::Flag(&mut found.host_verification),
        "trace" => Place::Flag(&mut found.trace),
        "touchInterval" => Place::Whole(&mut found.touch_interval),
    })?;
    Ok(found)
}

fn peppers(reader: &mut Reader<'_>) -> Read<Peppers> {
    let mut found = Peppers::default();
    members!(reader, "peppers", {
        "current" => Place::Text(&mut found.current),
        "keys" => Place::Other(&mut |reader| reader.put(&mut found.keys, texts)),
        "plainHashes" => Place::Flag(&mut found.plain_hashes),
    })?;
    Ok(found)
}

fn texts(reader: &mut Reader<'_>) -> Read<Texts> {
    ordered(reader, Reader::string).map(|texts| texts.0)
}

/// Entries and bytes.
fn limits(reader: &mut Reader<'_>) -> Read<(usize, usize)> {
    let numbers = reader.list(Reader::whole)?;
    match numbers.as_slice() {
        [entries, bytes] => {
            Ok((usize::try_from(*entries).unwrap_or(usize::MAX), usize::try_from(*bytes).unwrap_or(usize::MAX)))
        }
        _ => Err(reader.fault("expected two numbers")),
    }
}

fn decode(name: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, Thrown> {
    crate::key::json::decode(text)
        .map(Zeroizing::new)
        .ok_or_else(|| Thrown::new("secret_invalid", format!("{name}: expected base64url without padding")))
}

#[inline(never)]
fn keyring(peppers: &Peppers) -> Result<Keyring, Thrown> {
    let mut secrets = Vec::new();
    for (name, text) in &peppers.keys {
        secrets.push((name.as_str(), decode(name, text)?));
    }
    // The current one comes first.
    if let Some(at) = secrets.iter().position(|(name, _)| *name == peppers.current) {
        secrets.get_mut(..=at).unwrap_or_default().rotate_right(1);
    }
    let ring = Keyring::new(secrets.iter().map(|(name, secret)| (*name, secret.as_slice())))
        .map_err(|error| Thrown::new("keyring_invalid", error.to_string()))?;
    Ok(if peppers.plain_hashes { ring.accept_plain_hashes() } else { ring })
}

/// The gate of a policy and of the options.
#[inline(never)]
pub(super) fn build(policy: &Arc<Policy>, options: &str) -> Result<(Gate, Keyring), Thrown> {
    // The text of the error could repeat a secret.
    let options = whole(options, self::options)
        .map_err(|_| Thrown::new("options_invalid", "the options are not what they may be"))?;
    let ring = options.peppers.as_ref().map_or_else(|| Ok(Keyring::plain()), keyring)?;
    let (entries, bytes) = options.token_cache.unwrap_or_default();
    let mut builder = Gate::builder(Arc::clone(policy))
        .keyring(ring.clone())
        .token_cache(entries, bytes)
        .host_verification(options.host_verification)
        .trace(options.trace)
        .touch_interval(i64::try_from(options.touch_interval).unwrap_or(i64::MAX));
    for (name, text) in &options.secrets {
        builder = builder.secret(name.as_str(), &decode(name, text)?);
    }
    for (name, jwks) in options.key_sets {
        builder = builder.key_set(name, jwks);
    }
    Ok((builder.build()?, ring))
}

/// What JavaScript needs to know of a policy, as JSON.
pub(super) fn describe(policy: &Policy, headers: &[String]) -> String {
    Writer::object_text(|json| {
        json.name("name").string(policy.name());
        json.name("routes").strings(policy.routes().iter().map(|route| route.id()));
        json.name("scopes").strings((0..policy.scopes().len()).filter_map(|scope| policy.scopes().name(scope)));
        json.name("credentials").array(|json| {
            for credential in policy.credentials() {
                json.object(|json| {
                    json.name("name").string(credential.name());
                    match credential.kind() {
                        CredentialKind::ApiKey(key) => {
                            json.name("kind").string("apiKey");
                            json.name("header").string(key.header());
                        }
                        CredentialKind::Bearer(bearer) => {
                            json.name("kind").string("bearer");
                            json.name("issuer").string(&bearer.rules().issuer);
                        }
                    }
                });
            }
        });
        json.name("headers").strings(headers.iter().map(String::as_str));
        json.name("tests").count(policy.tests().len());
        // Whether the module can verify what the host cannot.
        json.name("arithmetic").boolean(cfg!(all(feature = "rsa", feature = "p256", feature = "ed25519")));
    })
}
