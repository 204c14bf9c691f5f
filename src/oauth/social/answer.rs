//! The answers of a provider's endpoints: never followed, never longer than asked for, and JSON to the letter.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::http::HttpResponse;
use super::super::step::Need;
use super::flow::{Context, Stop};
use super::outcome::Fault;
use crate::jwt::json::{JsonLimits, Object};
use crate::jwt::jwk::MAX_KEY_SET_BYTES;

/// The longest answer of token, userinfo and configuration endpoints, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The longest key set, in bytes.
pub(super) const MAX_KEYS_BYTES: usize = MAX_KEY_SET_BYTES;
/// How long an answer may take, in milliseconds.
pub(super) const TIMEOUT_MS: u32 = 5_000;

/// The limits of a document.
pub(super) const LIMITS: JsonLimits = JsonLimits { depth: 16, members: 8_192 };

fn headers(more: &[(&str, &str)]) -> Vec<(String, String)> {
    [("accept", "application/json"), ("user-agent", "scopegate")]
        .iter()
        .chain(more)
        .map(|(name, value)| (String::from(*name), String::from(*value)))
        .collect()
}

/// A `GET`. `more` are further headers.
pub(super) fn get(url: &str, max_bytes: usize, more: &[(&str, &str)]) -> Need {
    Need::Http {
        method: "GET",
        url: String::from(url),
        headers: headers(more),
        body: vec![],
        max_bytes,
        timeout_ms: TIMEOUT_MS,
    }
}

/// A `POST` of a form.
pub(super) fn post(url: &str, form: String, more: &[(&str, &str)]) -> Need {
    let mut headers = headers(more);
    headers.push((String::from("content-type"), String::from("application/x-www-form-urlencoded")));
    Need::Http {
        method: "POST",
        url: String::from(url),
        headers,
        body: form.into_bytes(),
        max_bytes: MAX_ANSWER_BYTES,
        timeout_ms: TIMEOUT_MS,
    }
}

/// Asks, and refuses redirects and long answers, whatever the host did about them.
pub(super) fn ask<'f>(
    context: &mut Context<'f>,
    max_bytes: usize,
    need: impl FnOnce() -> Need,
) -> Result<&'f HttpResponse, Stop> {
    let response = context.http(need)?;
    if (300..400).contains(&response.status) {
        return Err(Fault::RedirectRefused.into());
    }
    if response.body.len() > max_bytes {
        return Err(Fault::AnswerTooLarge.into());
    }
    Ok(response)
}

/// The body of a success whose type is JSON.
pub(super) fn json(response: &HttpResponse) -> Result<&[u8], Fault> {
    if response.status != 200 {
        return Err(Fault::AnswerStatus(response.status));
    }
    let mut types = response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let (Some((_, value)), None) = (types.next(), types.next()) else { return Err(Fault::AnswerInvalid) };
    let essence = value.split(';').next().unwrap_or("").trim();
    let known = ["application/json", "application/jwk-set+json"];
    if known.iter().any(|name| essence.eq_ignore_ascii_case(name)) {
        Ok(&response.body)
    } else {
        Err(Fault::AnswerInvalid)
    }
}

/// The object of a success.
pub(super) fn object(response: &HttpResponse) -> Result<Object<'_>, Fault> {
    Object::parse(json(response)?, LIMITS).map_err(|_| Fault::AnswerInvalid)
}
