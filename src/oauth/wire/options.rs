//! Options of a server.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{WireError, bytes, read};
use crate::jwt::Algorithm;
use crate::oauth::config::{Config, Lifetimes, Resource, Server, StoreCaps, TokenSecret};
use crate::oauth::keys::{KeyStatus, SigningKey, SigningKeys};
use crate::time::UnixSeconds;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretJson {
    id: String,
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceJson {
    uri: String,
    scopes: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct LifetimesJson {
    code: Option<i64>,
    access_token: Option<i64>,
    id_token: Option<i64>,
    ticket: Option<i64>,
    refresh_leeway: Option<i64>,
    refresh_idle: Option<i64>,
    refresh_absolute: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum StatusJson {
    Next,
    Active,
    Retiring,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyJson {
    kid: String,
    alg: String,
    public: Box<RawValue>,
    status: StatusJson,
    since: UnixSeconds,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CapabilitiesJson {
    cas: bool,
    read_your_writes: bool,
    put_once: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OptionsJson {
    issuer: String,
    secrets: Vec<SecretJson>,
    scopes: Vec<String>,
    keys: Vec<KeyJson>,
    capabilities: CapabilitiesJson,
    #[serde(default)]
    resources: Vec<ResourceJson>,
    #[serde(default)]
    cors_origins: Vec<String>,
    #[serde(default)]
    lifetimes: LifetimesJson,
    #[serde(default)]
    offline_access_required: bool,
}

impl LifetimesJson {
    fn lifetimes(&self) -> Lifetimes {
        let usual = Lifetimes::default();
        Lifetimes {
            code: self.code.unwrap_or(usual.code),
            access_token: self.access_token.unwrap_or(usual.access_token),
            id_token: self.id_token.unwrap_or(usual.id_token),
            ticket: self.ticket.unwrap_or(usual.ticket),
            refresh_leeway: self.refresh_leeway.unwrap_or(usual.refresh_leeway),
            refresh_idle: self.refresh_idle.unwrap_or(usual.refresh_idle),
            refresh_absolute: self.refresh_absolute.unwrap_or(usual.refresh_absolute),
        }
    }
}

pub(super) fn secret(id: String, key: &str) -> Result<TokenSecret, WireError> {
    let key = bytes(key, "secrets_invalid")?;
    let key = key.try_into().map_err(|_| WireError::new("secrets_invalid", "a key is 32 bytes"))?;
    Ok(TokenSecret::new(id, key))
}

fn key(key: KeyJson) -> Result<SigningKey, WireError> {
    Ok(SigningKey {
        alg: Algorithm::from_name(&key.alg).ok_or_else(|| WireError::new("key_invalid", "alg"))?,
        kid: key.kid,
        public: key.public.get().into(),
        status: match key.status {
            StatusJson::Next => KeyStatus::Next,
            StatusJson::Active => KeyStatus::Active,
            StatusJson::Retiring => KeyStatus::Retiring,
        },
        since: key.since,
    })
}

pub(super) fn server(text: &str) -> Result<Server, WireError> {
    let options: OptionsJson = read(text, "options_invalid")?;
    let CapabilitiesJson { cas, read_your_writes, put_once } = options.capabilities;
    let config = Config {
        issuer: options.issuer,
        secrets: options
            .secrets
            .into_iter()
            .map(|SecretJson { id, key }| secret(id, &key))
            .collect::<Result<_, _>>()?,
        scopes: options.scopes,
        resources: options.resources.into_iter().map(|ResourceJson { uri, scopes }| Resource { uri, scopes }).collect(),
        cors_origins: options.cors_origins,
        lifetimes: options.lifetimes.lifetimes(),
        offline_access_required: options.offline_access_required,
    };
    let keys = SigningKeys { keys: options.keys.into_iter().map(key).collect::<Result<_, _>>()? };
    Ok(Server::new(config, keys, StoreCaps { cas, read_your_writes, put_once })?)
}
