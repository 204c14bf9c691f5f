//! A Rust caller: issue a key, use it, revoke it. `cargo run -p scopegate --example native`

use std::collections::HashMap;
use std::sync::Arc;

use scopegate::engine::Gate;
use scopegate::host::{Host, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::KeyId;
use scopegate::key::hash::Keyring;
use scopegate::key::lifecycle;
use scopegate::key::record::KeyRecord;
use scopegate::policy::Policy;
use scopegate::request::Request;
use scopegate::time::UnixSeconds;
