//! What crosses when something is wrong: JSON text, of which the JavaScript side makes an `Error`.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;
use wasm_bindgen::JsValue;

use crate::error::{GateError, PolicyErrors};
use crate::key::lifecycle::LifecycleError;

/// An error on its way to JavaScript. No message holds input that may be secret.
#[derive(Serialize)]
pub(super) struct Thrown {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    code: &'static str,
    place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<String>,
    message: String,
}

impl Thrown {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), errors: Vec::new() }
    }

    pub(super) fn policy(errors: PolicyErrors) -> Self {
        Self {
            code: "policy_invalid",
            message: errors.to_string(),
            errors: errors
                .0
                .into_iter()
                .map(|error| Place { code: error.code, place: error.place, other: error.other, message: error.message })
                .collect(),
        }
    }
}

impl From<GateError> for Thrown {
    fn from(error: GateError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<LifecycleError> for Thrown {
    fn from(error: LifecycleError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<Thrown> for JsValue {
    fn from(error: Thrown) -> Self {
        Self::from_str(&serde_json::to_string(&error).unwrap_or_else(|_| "{}".to_owned()))
    }
}
