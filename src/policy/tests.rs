//! The `tests` member: what could never be run is a mistake of the policy, told when it is compiled.

use serde_json::Value;

use super::Credential;
use super::compile::{Mistakes, Pointer};
use super::document::TestDocument;
use crate::json::Quoted;
use crate::scope::is_scope_name;

pub(super) fn check_tests(tests: &[TestDocument], credentials: &[Credential], mistakes: &mut Mistakes) {
    for (at, test) in tests.iter().enumerate() {
        if !is_request(&test.request) {
            mistakes.add(
                "test_request",
                format_args!("/tests/{at}/request"),
                format_args!("expected a method, a space and a target, as in \"GET /jobs/42\""),
            );
        }
        if !matches!(&test.expect.0, Value::Object(members) if !members.is_empty()) {
            mistakes.add(
                "test_expect",
                format_args!("/tests/{at}/expect"),
                format_args!("expected an object with at least one member of the decision"),
            );
        }
        for (name, given) in &test.with.0 {
            let pointer = Pointer(name);
            let place = format_args!("/tests/{at}/with/{pointer}");
            if credentials.iter().all(|credential| *credential.name != **name) {
                mistakes.add(
                    "undeclared_credential",
                    format_args!("{place}"),
                    format_args!("credential {} is not declared", Quoted(name)),
                );
            }
            if let Some(scope) = given.scopes.iter().find(|scope| !is_scope_name(scope)) {
                mistakes.add(
                    "scope_name",
                    format_args!("{place}"),
                    format_args!("{} is no name that a scope may have", Quoted(scope)),
                );
            }
        }
    }
}

/// A method and a target that may be refused, but that can be asked for.
fn is_request(text: &str) -> bool {
    let graphic = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    text.split_once(' ').is_some_and(|(method, target)| {
        !method.is_empty() && graphic(method) && target.starts_with('/') && graphic(target)
    })
}
