//! The providers to sign in with: a file of TOML tables, each named by its id, checked whole before the server starts.
//!
//! ```toml
//! [google]
//! client_id = "1234.apps.googleusercontent.com"
//! client_secret_file = "google.secret"
//!
//! [corp]
//! name = "Example Corp"
//! issuer = "https://login.corp.example"
//! client_id = "scopegate"
//! client_secret_file = "corp.secret"
//! sign_up = false
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use scopegate::oauth::SecretMethod;
use scopegate::oauth::social::{ClientCredential, ClientSecret, FACEBOOK_GRAPH_VERSION, LinkPolicy, Provider};
use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use crate::config::{ConfigError, Place, line_and_column};

/// What an operator allows those who come from a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Claims that must have these values: whoever has others does not come in.
    pub require: Vec<(String, String)>,
    /// Whether somebody nobody knows yet gets an account.
    pub sign_up: bool,
    /// Whether an address that both sides have verified leads to an account.
    pub link: LinkPolicy,
}

/// The key that signs the secret of a client (Apple). It prints nothing.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

impl SecretKey {
    /// An ES256 signature: R and S, 32 bytes each (RFC 7518 section 3.4).
    pub(crate) fn sign(&self, input: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(input);
        signature.to_bytes().to_vec()
    }
}

/// The providers of a server, in the order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Providers {
    /// Each, with what is allowed.
    pub list: Vec<(Provider, Rule)>,
    /// Keys by their id.
    pub keys: BTreeMap<String, SecretKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    preset: Option<String>,
    name: Option<String>,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    auth: Option<String>,
    scopes: Option<Vec<String>>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    tenant: Option<String>,
    url: Option<String>,
    graph_version: Option<String>,
    issuer: Option<String>,
    team: Option<String>,
    key_id: Option<String>,
    key_file: Option<PathBuf>,
    #[serde(default)]
    require: BTreeMap<String, String>,
    sign_up: Option<bool>,
    #[serde(default)]
    link_by_verified_email: bool,
}

const PRESETS: &str = "google, github, microsoft, apple, gitlab, facebook or oidc";

impl Providers {
    /// Reads the file. Files that it names are beside it.
    ///
    /// # Errors
    /// [`ConfigError`] with the place of the first mistake. It never repeats a value.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::file(path, error.to_string()))?;
        let at = |offset: usize, name: &str| {
            let (line, column) = line_and_column(&text, offset);
            Place::File(path.to_owned(), line, column, name.to_owned())
        };
        let tables: BTreeMap<String, Spanned<Table>> = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let told = error.message();
            // What a member is called may be said; what stands in it may be a secret in the wrong place.
            let named = ["unknown field", "missing field", "duplicate"].iter().any(|kind| told.starts_with(kind));
            let told = if named { told } else { told.split(['`', '"', ':']).next().unwrap_or_default().trim() };
            ConfigError::new(at(start, "providers"), told)
        })?;
        if tables.is_empty() {
            return Err(ConfigError::file(path, "expected at least one table, named by the provider: [google]"));
        }
        let mut providers = Self::default();
        for (id, table) in tables {
            let start = table.span().start;
            let wrong = |member: &str, told: &str| ConfigError::new(at(start, &format!("{id}.{member}")), told);
            let beside = |file: &Path| path.parent().map_or_else(|| file.to_owned(), |folder| folder.join(file));
            let reader = Reader { id: &id, wrong: &wrong, beside: &beside };
            let rule = Rule {
                require: table.get_ref().require.clone().into_iter().collect(),
                sign_up: table.get_ref().sign_up.unwrap_or(true),
                link: if table.get_ref().link_by_verified_email {
                    LinkPolicy::ByVerifiedEmail
                } else {
                    LinkPolicy::ByIdentity
                },
            };
            let (provider, key) = reader.provider(table.into_inner())?;
            if let Some((id, key)) = key {
                providers.keys.insert(id, key);
            }
            providers.list.push((provider, rule));
        }
        Ok(providers)
    }
}

struct Reader<'r, W, B> {
    id: &'r str,
    wrong: &'r W,
    beside: &'r B,
}

impl<W: Fn(&str, &str) -> ConfigError, B: Fn(&Path) -> PathBuf> Reader<'_, W, B> {
    fn wrong(&self, member: &str, told: &str) -> ConfigError {
        (self.wrong)(member, told)
    }

    /// A member that only this preset has: `value` where it belongs, and nothing elsewhere.
    fn only<T>(&self, here: bool, member: &str, value: Option<T>) -> Result<Option<T>, ConfigError> {
        if here || value.is_none() {
            return Ok(value);
        }
        Err(self.wrong(member, "not a setting of this provider"))
    }

    fn provider(&self, table: Table) -> Result<(Provider, Option<(String, SecretKey)>), ConfigError> {
        let preset = table.preset.as_deref().unwrap_or(if table.issuer.is_some() { "oidc" } else { self.id });
        let tenant = self.only(preset == "microsoft", "tenant", table.tenant)?;
        let url = self.only(preset == "gitlab", "url", table.url)?;
        let version = self.only(preset == "facebook", "graph_version", table.graph_version)?;
        let issuer = self.only(preset == "oidc", "issuer", table.issuer)?;
        let apple = preset == "apple";
        let team = self.only(apple, "team", table.team)?;
        let key_id = self.only(apple, "key_id", table.key_id)?;
        let key_file = self.only(apple, "key_file", table.key_file)?;
        let auth = self.only(preset == "oidc", "auth", table.auth)?;
        let method = match auth.as_deref() {
            None => None,
            Some("basic") => Some(SecretMethod::Basic),
            Some("post") => Some(SecretMethod::Post),
            Some("none") if table.client_secret_file.is_some() => {
                return Err(self.wrong("client_secret_file", "a public client has none: expected another auth"));
            }
            Some("none") => None,
            Some(_) => return Err(self.wrong("auth", "expected basic, post or none")),
        };
        let public = auth.as_deref() == Some("none");
        let secret = || -> Result<ClientSecret, ConfigError> {
            let file = table.client_secret_file.as_deref();
            let file = file.ok_or_else(|| self.wrong("client_secret_file", "expected the file of the secret"))?;
            let text = Zeroizing::new(self.read(file)?);
            Ok(ClientSecret::new(text.trim_ascii_end().to_owned()))
        };
        let client_id = table.client_id;
        let mut key = None;
        let mut provider = match preset {
            "google" => Provider::google(client_id, secret()?),
            "github" => Provider::github(client_id, secret()?),
            "microsoft" => {
                let tenant = tenant.ok_or_else(|| {
                    self.wrong("tenant", "expected the id of a tenant, common, organizations or consumers")
                })?;
                Provider::microsoft(client_id, secret()?, &tenant)
            }
            "apple" => match (team, key_id, key_file) {
                (Some(team), Some(key_id), Some(file)) => {
                    let pem = Zeroizing::new(self.read(&file)?);
                    let signing = SigningKey::from_pkcs8_pem(&pem)
                        .map_err(|_| self.wrong("key_file", "expected an EC key on P-256, PKCS #8 as PEM"))?;
                    key = Some((key_id.clone(), SecretKey(signing)));
                    Provider::apple(client_id, Provider::apple_credential(key_id, team))
                }
                (None, None, None) => {
                    Provider::apple(client_id, ClientCredential::Secret { secret: secret()?, method: None })
                }
                _ => return Err(self.wrong("key_file", "expected team, key_id and key_file together")),
            },
            "gitlab" => Provider::gitlab(client_id, secret()?, url.as_deref().unwrap_or("https://gitlab.com")),
            "facebook" => {
                Provider::facebook(client_id, secret()?, version.as_deref().unwrap_or(FACEBOOK_GRAPH_VERSION))
            }
            "oidc" => {
                let issuer = issuer.ok_or_else(|| self.wrong("issuer", "expected the issuer, an https URL"))?;
                let credential = if public {
                    ClientCredential::Public
                } else {
                    ClientCredential::Secret { secret: secret()?, method }
                };
                Provider::oidc(self.id, self.id, issuer, client_id, credential)
            }
            _ => return Err(self.wrong("preset", &format!("expected {PRESETS}"))),
        };
        self.id.clone_into(&mut provider.id);
        if let Some(name) = table.name {
            provider.name = name;
        }
        if let Some(scopes) = table.scopes {
            provider.scopes = scopes;
        }
        provider.parameters = table.parameters.into_iter().collect();
        Ok((provider, key))
    }

    fn read(&self, file: &Path) -> Result<String, ConfigError> {
        let file = (self.beside)(file);
        std::fs::read_to_string(&file).map_err(|error| ConfigError::file(&file, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use scopegate::jwt::Algorithm;
    use scopegate::jwt::verify::{VerifyKey, verify};

    use super::*;

    #[test]
    fn a_signed_secret_verifies_with_the_public_half() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = SecretKey(SigningKey::from_pkcs8_pem(&pair.serialize_pem()).unwrap());
        let point = pair.public_key_raw();
        let public = VerifyKey::p256(&point[1..33], &point[33..]).unwrap();
        let signature = key.sign(b"header.claims");
        assert!(verify(Algorithm::Es256, &public, b"header.claims", &signature).is_ok());
        assert!(verify(Algorithm::Es256, &public, b"header.other", &signature).is_err());
    }
}
