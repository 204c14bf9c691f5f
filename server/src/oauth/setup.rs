//! From the configuration and the policy to what the authorization server is opened with.

use scopegate::policy::{BearerCredential, CredentialKind, Policy};

use super::{Clients, OPENID_SCOPES, Settings};
use crate::config::OauthConfig;
use crate::manage;
use crate::serve::ServeError;

/// What it is opened with, held against the policy whose bearer tokens it signs: scopes and audiences are the policy's, and where tokens open
/// the management of keys, the policy must name the first-party clients.
pub(crate) fn settings(wanted: &OauthConfig, policy: &Policy) -> Result<Settings, ServeError> {
    let ours: Vec<(usize, &str, &BearerCredential)> = policy
        .credentials()
        .iter()
        .enumerate()
        .filter_map(|(index, credential)| match credential.kind() {
            CredentialKind::Bearer(bearer) => Some((index, credential.name(), bearer)),
            CredentialKind::ApiKey(_) => None,
        })
        .filter(|(_, _, bearer)| *bearer.rules().issuer == *wanted.issuer)
        .collect();
    if ours.is_empty() {
        return Err(ServeError::new("oauth.issuer: expected the issuer of a bearer credential of the policy"));
    }
    let mut scopes: Vec<String> = OPENID_SCOPES.iter().map(|(scope, _)| (*scope).to_owned()).collect();
    let catalogue = policy.scopes();
    for declared in (0..catalogue.len()).filter_map(|index| catalogue.name(index)) {
        if !scopes.iter().any(|known| known == declared) {
            scopes.push(declared.to_owned());
        }
    }
    let mut resources = vec![wanted.issuer.clone()];
    for audience in ours.iter().flat_map(|(_, _, bearer)| bearer.rules().audiences.iter()) {
        if !resources.iter().any(|known| **known == **audience) {
            resources.push(audience.to_string());
        }
    }
    let clients = Clients::from_file(&wanted.clients_file, &scopes, &resources)?;
    for (index, name, bearer) in ours {
        if manage::is_opened_by(policy, index) {
            clients.check_first_party(name, bearer.clients())?;
        }
    }
    Ok(Settings {
        issuer: wanted.issuer.clone(),
        clients,
        scopes,
        resources,
        cors_origins: wanted.cors_origins.clone(),
        lifetimes: wanted.lifetimes,
        session: wanted.session,
    })
}
