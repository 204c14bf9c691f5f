//! Who was proven lately: numbers cross instead of texts, and the text of an allow is made when somebody reads it.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use hashbrown::HashMap;
use wasm_bindgen::prelude::*;

use super::error::Thrown;
use super::instant;
use crate::decision::Decision;
use crate::json::write::Writer;
use crate::policy::Policy;
use crate::principal::Principal;
use crate::response::json::principal_members;

/// How many principals are remembered; the next one takes the oldest one's slot.
const SLOTS: usize = 1024;

/// What a principal was proven by: the record or the claims, while they live, and the credential.
type Identity = (usize, usize);

struct Slot {
    identity: Identity,
    generation: u32,
    principal: Principal,
}

/// The principals proven lately.
#[derive(Default)]
pub(super) struct Principals {
    slots: Vec<Slot>,
    known: HashMap<Identity, usize>,
    next: usize,
    generation: u32,
}

impl Principals {
    /// The slot of a principal and the generation of the slot.
    pub(super) fn place(&mut self, principal: &Principal) -> (u32, u32) {
        // A slot keeps the record or the claims alive, so that an address in use names them and nothing else.
        let address = match (principal.key(), principal.claims()) {
            (Some(key), _) => Arc::as_ptr(key.record()) as usize,
            (None, Some(claims)) => Arc::as_ptr(claims) as usize,
            (None, None) => 0,
        };
        let identity = (address, principal.credential());
        let known = self.known.get(&identity).copied();
        let at = known.unwrap_or_else(|| self.enter(identity, principal));
        let generation = self.slots.get(at).map_or(0, |slot| slot.generation);
        (u32::try_from(at).unwrap_or(u32::MAX), generation)
    }

    fn enter(&mut self, identity: Identity, principal: &Principal) -> usize {
        self.generation = self.generation.wrapping_add(1);
        let slot = Slot { identity, generation: self.generation, principal: principal.clone() };
        let at = self.next;
        self.next = self.next.wrapping_add(1) % SLOTS;
        match self.slots.get_mut(at) {
            Some(old) => {
                self.known.remove(&old.identity);
                *old = slot;
            }
            None => self.slots.push(slot),
        }
        self.known.insert(identity, at);
        at
    }

    fn get(&self, slot: u32) -> Option<&Principal> {
        self.slots.get(slot as usize).map(|slot| &slot.principal)
    }

    pub(super) fn describe(&self, slot: u32, policy: &Policy) -> String {
        let Some(principal) = self.get(slot) else { return String::from("null") };
        Writer::object_text(|json| {
            principal_members(principal, policy, json);
            json.name("logId").nullable(principal.log_id().as_deref());
            if let Some(claims) = principal.claims() {
                json.name("claims").json(claims.json());
            }
        })
    }

    pub(super) fn proof(&self, slot: Option<u32>, policy: &Arc<Policy>) -> Proof {
        Proof { policy: Arc::clone(policy), principal: slot.and_then(|slot| self.get(slot)).cloned() }
    }
}

/// Keeps a principal, so that the text of an allow can be made at any time later. Freed with its JavaScript object.
#[wasm_bindgen]
pub struct Proof {
    policy: Arc<Policy>,
    principal: Option<Principal>,
}

#[wasm_bindgen]
impl Proof {
    /// The decision's JSON of an allow of this principal alone, without an upgrade.
    ///
    /// # Errors
    /// `engine_misuse` when the arguments are not those of a decision.
    pub fn allow(
        &self,
        target: &str,
        route: u32,
        alternative: Option<u32>,
        touch: bool,
        now: f64,
    ) -> Result<String, JsValue> {
        let decision = instant(now).and_then(|now| {
            let alternative = alternative.map(|index| index as usize);
            Decision::allowed_again(
                &self.policy,
                target,
                route as usize,
                alternative,
                self.principal.clone(),
                touch,
                now,
            )
        });
        match decision {
            Some(decision) => Ok(decision.to_json()),
            None => Err(Thrown::new("engine_misuse", "this is no decision of the policy").into()),
        }
    }
}
