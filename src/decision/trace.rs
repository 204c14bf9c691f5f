//! How the evaluator came to a decision: written by the evaluator itself while it decides.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

/// The steps of one decision, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Trace {
    /// The steps.
    pub steps: Vec<TraceStep>,
}

/// One step of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TraceStep {
    /// The request target and the transport were looked at.
    Target {
        /// `canonical`, or the code of the denial.
        outcome: &'static str,
    },
    /// The route was looked up.
    Route {
        /// `matched`, or the code of the denial.
        outcome: &'static str,
        /// The route that was matched.
        #[serde(skip_serializing_if = "Option::is_none")]
        route_id: Option<String>,
    },
    /// A credential was looked at.
    Credential {
        /// Its name in the policy.
        credential: String,
        /// `proven`, `absent`, or the code of the denial.
        outcome: &'static str,
    },
    /// An alternative was held against the proven credentials.
    Alternative {
        /// Its index.
        index: usize,
        /// `satisfied`, or the code of the denial.
        outcome: &'static str,
        /// The scopes it still lacks.
        missing: Vec<String>,
    },
}
