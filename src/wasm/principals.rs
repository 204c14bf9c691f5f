//! Who was proven lately: numbers cross instead of texts, and the text of an allow is made when somebody reads it.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;

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
    kept: HashMap<u32, Vec<Principal>>,
    batch: u32,
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

    fn keep(&mut self, slot: u32) -> u32 {
        let Some(principal) = self.slots.get(slot as usize).map(|slot| slot.principal.clone()) else { return u32::MAX };
        let batch = self.kept.entry(self.batch).or_default();
        batch.push(principal);
        u32::try_from(batch.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    fn kept(&self, batch: u32, place: u32) -> Option<&Principal> {
        self.kept.get(&batch)?.get(place as usize)
    }
}

fn describe(principal: &Principal, policy: &Policy) -> String {
    Writer::object_text(|json| {
        principal_members(principal, policy, json);
        json.name("logId").nullable(principal.log_id().as_deref());
        if let Some(claims) = principal.claims() {
            json.name("claims").json(claims.json());
        }
    })
}

/// The proven principals that decisions still point at, in batches: the text of an allow can be made at any time later, also
/// when the slot is taken by another and the gate is freed. JavaScript says when a batch is no longer pointed at.
#[wasm_bindgen]
pub struct Proofs {
    policy: Arc<Policy>,
    principals: Rc<RefCell<Principals>>,
}

impl Proofs {
    pub(super) fn new(policy: &Arc<Policy>, principals: &Rc<RefCell<Principals>>) -> Self {
        Self { policy: Arc::clone(policy), principals: Rc::clone(principals) }
    }
}

#[wasm_bindgen]
impl Proofs {
    /// Begins a batch; its number, from 1.
    pub fn batch(&self) -> u32 {
        self.principals.try_borrow_mut().map_or(0, |mut principals| {
            principals.batch = principals.batch.wrapping_add(1).max(1);
            principals.batch
        })
    }

    /// Keeps the principal of a slot in the batch begun last; its place there.
    pub fn keep(&self, slot: u32) -> u32 {
        self.principals.try_borrow_mut().map_or(u32::MAX, |mut principals| principals.keep(slot))
    }

    /// Forgets a batch.
    pub fn forget(&self, batch: u32) {
        if let Ok(mut principals) = self.principals.try_borrow_mut() {
            principals.kept.remove(&batch);
        }
    }

    /// A kept principal as JSON: as decisions show it, with `logId` and, of a token, `claims`.
    ///
    /// # Errors
    /// `engine_misuse` when it is not kept.
    pub fn principal(&self, batch: u32, place: u32) -> Result<String, JsValue> {
        let principals = self.principals.try_borrow().map_err(|_| misuse())?;
        Ok(principals.kept(batch, place).map(|principal| describe(principal, &self.policy)).ok_or_else(misuse)?)
    }

    /// The decision's JSON of an allow of this principal alone, without an upgrade; of batch 0 for a public route.
    ///
    /// # Errors
    /// `engine_misuse` when the arguments are not those of a decision.
    #[expect(clippy::too_many_arguments, reason = "numbers cross, objects would not")]
    pub fn allow(
        &self,
        batch: u32,
        place: u32,
        target: &str,
        route: u32,
        alternative: Option<u32>,
        touch: bool,
        now: f64,
    ) -> Result<String, JsValue> {
        let principal = match batch {
            0 => None,
            _ => {
                let principals = self.principals.try_borrow().map_err(|_| misuse())?;
                Some(principals.kept(batch, place).cloned().ok_or_else(misuse)?)
            }
        };
        let now = instant(now).ok_or_else(misuse)?;
        let alternative = alternative.map(|index| index as usize);
        let decision =
            Decision::allowed_again(&self.policy, target, route as usize, alternative, principal, touch, now);
        Ok(decision.map(|decision| decision.to_json()).ok_or_else(misuse)?)
    }
}

fn misuse() -> Thrown {
    Thrown::new("engine_misuse", "this is no decision of the policy")
}
