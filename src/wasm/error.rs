//! What crosses when something is wrong: JSON text, of which the JavaScript side makes an `Error`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use wasm_bindgen::JsValue;

use crate::error::{GateError, PolicyError, PolicyErrors};
use crate::json::write::Writer;
use crate::key::lifecycle::LifecycleError;

/// An error on its way to JavaScript. No message holds input that may be secret.
pub(super) struct Thrown {
    code: &'static str,
    message: String,
    errors: Vec<PolicyError>,
}

impl Thrown {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), errors: Vec::new() }
    }

    pub(super) fn policy(errors: PolicyErrors) -> Self {
        Self { code: "policy_invalid", message: errors.to_string(), errors: errors.0 }
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
        let text = Writer::object_text(|json| {
            json.name("code").string(error.code);
            json.name("message").string(&error.message);
            if !error.errors.is_empty() {
                json.name("errors").array(|json| error.errors.iter().for_each(|error| place(error, json)));
            }
        });
        Self::from_str(&text)
    }
}

fn place(error: &PolicyError, json: &mut Writer) {
    json.object(|json| {
        json.name("code").string(error.code);
        json.name("place").string(&error.place);
        if let Some(other) = &error.other {
            json.name("other").string(other);
        }
        json.name("message").string(&error.message);
    });
}
