//! Steps as JSON.

use alloc::string::{String, ToString};

use serde_json::Value;

use crate::oauth::crypto::b64;
use crate::oauth::http::{HttpResponse, object, texts};
use crate::oauth::step::{Ask, ClaimsTarget, Interaction, Need, Reply, Step};
use crate::time::UnixSeconds;

fn instant(at: UnixSeconds) -> Value {
    at.get().into()
}

pub(super) fn step(step: Step) -> String {
    let (ended, value) = match step {
        Step::Need(need) => ("need", self::need(&need)),
        Step::Done(Reply::Respond(response)) => ("respond", self::response(&response)),
        Step::Done(Reply::Interact(interaction)) => ("interact", interact(interaction)),
    };
    object(&mut [(ended, value)]).to_string()
}

/// Headers as pairs.
pub(super) fn headers(headers: &[(String, String)]) -> Value {
    let pair =
        |(name, value): &(String, String)| Value::from([name, value].map(|text| Value::from(text.as_str())).to_vec());
    Value::Array(headers.iter().map(pair).collect())
}

pub(super) fn response(response: &HttpResponse) -> Value {
    object(&mut [
        ("status", response.status.into()),
        ("headers", headers(&response.headers)),
        ("body", b64(&response.body).into()),
    ])
}

pub(super) fn need(need: &Need) -> Value {
    let text = |text: &String| Value::from(text.as_str());
    let op = ("op", Value::from(need.op()));
    match need {
        Need::Client { client_id } => object(&mut [op, ("clientId", text(client_id))]),
        Need::Grant { id } => object(&mut [op, ("id", text(id))]),
        Need::InsertGrant { id, sub, row, expires_at } => object(&mut [
            op,
            ("id", text(id)),
            ("sub", text(sub)),
            ("row", b64(row).into()),
            ("expiresAt", instant(*expires_at)),
        ]),
        Need::GrantsOf { sub, after, limit } => object(&mut [
            op,
            ("sub", text(sub)),
            ("after", after.as_ref().map_or(Value::Null, text)),
            ("limit", (*limit).into()),
        ]),
        Need::SwapGrant { id, expect_version, row, expires_at } => object(&mut [
            op,
            ("id", text(id)),
            ("expectVersion", (*expect_version).into()),
            ("row", b64(row).into()),
            ("expiresAt", instant(*expires_at)),
        ]),
        Need::Consent { sub, client_id } => object(&mut [op, ("sub", text(sub)), ("clientId", text(client_id))]),
        Need::SaveConsent { sub, client_id, scopes } => {
            object(&mut [op, ("sub", text(sub)), ("clientId", text(client_id)), ("scopes", texts(scopes))])
        }
        Need::Claims { sub, scopes, target } => {
            let target = match target {
                ClaimsTarget::IdToken => "id_token",
                ClaimsTarget::UserInfo => "userinfo",
            };
            object(&mut [op, ("sub", text(sub)), ("scopes", texts(scopes)), ("target", target.into())])
        }
        Need::Sign { kid, alg, signing_input } => object(&mut [
            op,
            ("kid", text(kid)),
            ("alg", alg.name().into()),
            ("signingInput", b64(signing_input).into()),
        ]),
        Need::PutOnce { space, key_hash, expires_at } => object(&mut [
            op,
            ("space", (*space).into()),
            ("keyHash", text(key_hash)),
            ("expiresAt", instant(*expires_at)),
        ]),
        Need::VerifySecret { client_id, secret } => {
            object(&mut [op, ("clientId", text(client_id)), ("secret", text(secret))])
        }
        Need::Event { kind, grant_id } => object(&mut [op, ("kind", kind.code().into()), ("grantId", text(grant_id))]),
        Need::Http { method, url, headers, body, max_bytes, timeout_ms } => object(&mut [
            op,
            ("method", (*method).into()),
            ("url", text(url)),
            ("headers", self::headers(headers)),
            ("body", b64(body).into()),
            ("maxBytes", (*max_bytes).into()),
            ("timeoutMs", (*timeout_ms).into()),
        ]),
    }
}

fn interact(interaction: Interaction) -> Value {
    let ask = match interaction.ask {
        Ask::Login { silent, reauthenticate, select_account, login_hint, ui_locales, acr_values, display } => {
            object(&mut [
                ("type", "login".into()),
                ("silent", silent.into()),
                ("reauthenticate", reauthenticate.into()),
                ("selectAccount", select_account.into()),
                ("loginHint", login_hint.into()),
                ("uiLocales", ui_locales.into()),
                ("acrValues", acr_values.into()),
                ("display", display.into()),
            ])
        }
        Ask::Consent { scopes, redirect_host } => object(&mut [
            ("type", "consent".into()),
            ("scopes", texts(&scopes)),
            ("redirectHost", redirect_host.into()),
        ]),
    };
    let client = object(&mut [
        ("id", interaction.client_id.into()),
        ("name", interaction.client_name.into()),
        ("trusted", interaction.trusted.into()),
    ]);
    object(&mut [
        ("ask", ask),
        ("ticket", interaction.ticket.into()),
        ("client", client),
        ("headers", headers(&interaction.headers)),
    ])
}
