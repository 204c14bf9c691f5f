//! The WebAssembly surface.

use alloc::string::String;

use wasm_bindgen::prelude::*;

/// The version of the core.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    String::from(env!("CARGO_PKG_VERSION"))
}
