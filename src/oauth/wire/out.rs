//! Steps as JSON.

use alloc::string::{String, ToString};

use serde_json::{Value, json};

use crate::oauth::crypto::b64;
use crate::oauth::http::HttpResponse;
use crate::oauth::step::{Ask, ClaimsTarget, Interaction, Need, Reply, Step};

pub(super) fn step(step: Step) -> String {
    match step {
        Step::Need(need) => json!({ "need": self::need(&need) }),
        Step::Done(Reply::Respond(response)) => json!({ "respond": self::response(&response) }),
        Step::Done(Reply::Interact(interaction)) => json!({ "interact": interact(interaction) }),
    }
    .to_string()
}

pub(super) fn response(response: &HttpResponse) -> Value {
    json!({ "status": response.status, "headers": response.headers, "body": b64(&response.body) })
}

pub(super) fn need(need: &Need) -> Value {
    let mut members = members(need);
    if let Some(object) = members.as_object_mut() {
        object.insert("op".into(), need.op().into());
    }
    members
}

fn members(need: &Need) -> Value {
    match need {
        Need::Client { client_id } => json!({ "clientId": client_id }),
        Need::Grant { id } => json!({ "id": id }),
        Need::InsertGrant { id, sub, row, expires_at } => {
            json!({ "id": id, "sub": sub, "row": b64(row), "expiresAt": expires_at })
        }
        Need::GrantsOf { sub, after, limit } => json!({ "sub": sub, "after": after, "limit": limit }),
        Need::SwapGrant { id, expect_version, row, expires_at } => {
            json!({ "id": id, "expectVersion": expect_version, "row": b64(row), "expiresAt": expires_at })
        }
        Need::Consent { sub, client_id } => json!({ "sub": sub, "clientId": client_id }),
        Need::SaveConsent { sub, client_id, scopes } => json!({ "sub": sub, "clientId": client_id, "scopes": scopes }),
        Need::Claims { sub, scopes, target } => {
            let target = match target {
                ClaimsTarget::IdToken => "id_token",
                ClaimsTarget::UserInfo => "userinfo",
            };
            json!({ "sub": sub, "scopes": scopes, "target": target })
        }
        Need::Sign { kid, alg, signing_input } => {
            json!({ "kid": kid, "alg": alg.name(), "signingInput": b64(signing_input) })
        }
        Need::PutOnce { space, key_hash, expires_at } => {
            json!({ "space": space, "keyHash": key_hash, "expiresAt": expires_at })
        }
        Need::VerifySecret { client_id, secret } => json!({ "clientId": client_id, "secret": secret }),
        Need::Event { kind, grant_id } => json!({ "kind": kind.code(), "grantId": grant_id }),
        Need::Http { method, url, headers, body, max_bytes, timeout_ms } => json!({
            "method": method, "url": url, "headers": headers, "body": b64(body), "maxBytes": max_bytes, "timeoutMs": timeout_ms,
        }),
    }
}

fn interact(interaction: Interaction) -> Value {
    let ask = match interaction.ask {
        Ask::Login { silent, reauthenticate, select_account, login_hint, ui_locales, acr_values, display } => json!({
            "type": "login", "silent": silent, "reauthenticate": reauthenticate, "selectAccount": select_account,
            "loginHint": login_hint, "uiLocales": ui_locales, "acrValues": acr_values, "display": display,
        }),
        Ask::Consent { scopes, redirect_host } => {
            json!({ "type": "consent", "scopes": scopes, "redirectHost": redirect_host })
        }
    };
    json!({
        "ask": ask,
        "ticket": interaction.ticket,
        "client": { "id": interaction.client_id, "name": interaction.client_name, "trusted": interaction.trusted },
        "headers": interaction.headers,
    })
}
