//! The canary: no step, no decision, no answer and no audit event of any case of the example shows a part of the credential, in any form
//! that Rust can print.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

use std::collections::HashMap;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::engine::{Gate, Step};
use scopegate::host::{KeyAnswer, KeysAnswer, VerifyAnswer};
use scopegate::key::hash::Keyring;
use scopegate::key::record::KeyRecord;
use scopegate::policy::Policy;
use scopegate::request::Request;
use scopegate::time::UnixSeconds;
use serde_json::Value;

/// The shortest part of a credential that is looked for.
const PART: usize = 16;

/// Texts that must be nowhere: what is secret of a header's value, as text and as the list of its bytes.
fn secrets(value: &str) -> Vec<String> {
    let parts: Vec<&str> = match value.split_once(' ') {
        Some((_, token)) => token.split('.').skip(1).filter(|part| part.len() >= PART).collect(),
        None if value.len() > 40 => vec![&value[value.len() - 40..]],
        None => Vec::new(),
    };
    let bytes = |part: &[u8]| format!("{:?}", &part[..PART]).replace(['[', ']'], "");
    let signatures = parts.iter().filter_map(|part| Base64UrlUnpadded::decode_vec(part).ok());
    let signatures: Vec<String> = signatures.filter(|part| part.len() >= PART).map(|part| bytes(&part)).collect();
    let texts = parts.iter().flat_map(|part| [part[part.len() - PART..].to_owned(), bytes(part.as_bytes())]);
    texts.chain(signatures).collect()
}

#[test]
fn no_step_and_no_decision_shows_a_credential() {
    let document: Value = serde_json::from_str(include_str!("../examples/jobiflow/cases.json")).unwrap();
    let policy = Arc::new(Policy::from_json(include_str!("../examples/jobiflow/policy.json")).unwrap());
    let (kid, pepper) = document["peppers"].as_object().unwrap().iter().next().unwrap();
    let pepper = Base64UrlUnpadded::decode_vec(pepper.as_str().unwrap()).unwrap();
    let records: Vec<KeyRecord> = serde_json::from_value(document["keys"].clone()).unwrap();
    let records: HashMap<_, _> = records.into_iter().map(|record| (record.id, Arc::new(record))).collect();
    let jwks: Arc<str> = document["jwks"]["user"].to_string().into();
    let now = UnixSeconds::new(document["now"].as_i64().unwrap()).unwrap();
    let (mut looked_for, mut signatures, mut printed) = (0, 0, 0);
    for case in document["cases"].as_array().unwrap() {
        let request = &case["request"];
        let headers: Vec<(String, String)> =
            serde_json::from_value(request.get("headers").cloned().unwrap_or(Value::Array(Vec::new()))).unwrap();
        let secrets: Vec<String> = headers.iter().flat_map(|(_, value)| secrets(value)).collect();
        let target = request["target"].as_str().unwrap();
        for on_host in [false, true] {
            let builder =
                Gate::builder(Arc::clone(&policy)).keyring(Keyring::new([(kid.as_str(), pepper.as_slice())]).unwrap());
            let gate = builder.host_verification(on_host).trace(true).token_cache(8, 65_536).build().unwrap();
            let request = Request {
                method: request["method"].as_str().unwrap(),
                target: target.as_bytes(),
                headers: &headers,
                https: true,
                client_ip: None,
            };
            let mut shown = format!("{request:?} {gate:?}");
            let mut step = gate.begin(&request, now);
            let decision = loop {
                step = match step {
                    Step::Done(decision) => break decision,
                    Step::NeedKey(need) => {
                        let answer =
                            records.get(need.id()).map_or(KeyAnswer::Missing, |found| KeyAnswer::Found(found.clone()));
                        shown += &format!("{:?} {answer:?}", need.id());
                        need.answer(answer)
                    }
                    Step::NeedKeys(need) => {
                        shown += &format!("{:?} {:?} {:?}", need.credential(), need.issuer(), need.reason());
                        need.answer(KeysAnswer::Found { jwks: Arc::clone(&jwks), fetched_at: now })
                    }
                    Step::NeedVerify(need) => {
                        signatures += 1;
                        shown += &format!("{:?}", need.check());
                        need.answer(VerifyAnswer::Valid)
                    }
                };
            };
            shown += &format!("{decision:?} {:?} {:#?}", decision.denial(), decision.audit());
            shown += &format!("{:?} {:?} {:?}", decision.problem(), decision.response(), decision.trace());
            shown += &decision.to_json();
            shown += &serde_json::to_string(&decision.audit()).unwrap();
            for principal in decision.principals() {
                shown += &format!("{principal:?} {:?} {:?}", principal.claims(), principal.key());
            }
            // Lists of bytes may be printed over several lines.
            let shown = shown.replace(",\n", ", ").replace("    ", "");
            for secret in &secrets {
                assert!(!shown.contains(secret), "{}: {secret} is in {shown}", case["name"]);
                looked_for += 1;
            }
            printed += shown.len();
        }
    }
    assert!(looked_for > 300 && signatures > 10 && printed > 100_000, "{looked_for} {signatures} {printed}");
}
