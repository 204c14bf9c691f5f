//! Client records.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::{WireError, bytes};
use crate::oauth::client::{Client, ClientAuth, GrantType, Pkce, SecretMethod};
use crate::oauth::redirect::check_redirect_uri;

#[derive(Deserialize)]
enum MethodJson {
    #[serde(rename = "client_secret_basic")]
    Basic,
    #[serde(rename = "client_secret_post")]
    Post,
}

/// `"none"`, or a method with the hashes of its secrets; without hashes only the host can verify.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum AuthJson {
    None,
    #[serde(untagged)]
    Secret {
        method: MethodJson,
        #[serde(default)]
        hashes: Option<Vec<String>>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum GrantTypeJson {
    AuthorizationCode,
    RefreshToken,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PkceJson {
    #[default]
    Required,
    NonceOk,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClientJson {
    client_id: String,
    #[serde(default)]
    name: Option<String>,
    auth: AuthJson,
    redirect_uris: Vec<String>,
    grant_types: Vec<GrantTypeJson>,
    scopes: Vec<String>,
    #[serde(default)]
    default_scopes: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    pkce: PkceJson,
    #[serde(default)]
    trusted: bool,
    #[serde(default)]
    skip_consent: bool,
}

impl ClientJson {
    pub fn into_client(self) -> Result<Client, WireError> {
        let invalid = |place: &str| WireError::new("client_invalid", place);
        for uri in &self.redirect_uris {
            check_redirect_uri(uri).map_err(|fault| invalid(fault.code()))?;
        }
        let auth = match self.auth {
            AuthJson::None => ClientAuth::None,
            AuthJson::Secret { method, hashes } => {
                let method = match method {
                    MethodJson::Basic => SecretMethod::Basic,
                    MethodJson::Post => SecretMethod::Post,
                };
                match hashes {
                    None => ClientAuth::Host { method },
                    Some(hashes) => {
                        let hash =
                            |text: &String| bytes(text, "client_invalid")?.try_into().map_err(|_| invalid("hashes"));
                        ClientAuth::Hashed { method, hashes: hashes.iter().map(hash).collect::<Result<_, _>>()? }
                    }
                }
            }
        };
        let grant_type = |grant: GrantTypeJson| match grant {
            GrantTypeJson::AuthorizationCode => GrantType::AuthorizationCode,
            GrantTypeJson::RefreshToken => GrantType::RefreshToken,
        };
        Ok(Client {
            name: self.name.unwrap_or_else(|| self.client_id.clone()),
            client_id: self.client_id,
            auth,
            redirect_uris: self.redirect_uris,
            grant_types: self.grant_types.into_iter().map(grant_type).collect(),
            scopes: self.scopes,
            default_scopes: self.default_scopes,
            resources: self.resources,
            pkce: match self.pkce {
                PkceJson::Required => Pkce::Required,
                PkceJson::NonceOk => Pkce::NonceOk,
            },
            trusted: self.trusted,
            skip_consent: self.skip_consent,
        })
    }
}
