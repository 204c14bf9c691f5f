//! Who was proven lately: numbers cross instead of texts, and the text of an allow is made when somebody reads it.

use alloc::borrow::Cow;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use wasm_bindgen::prelude::*;

use super::error::Thrown;
use super::instant;
use crate::decision::Decision;
use crate::json::write::Writer;
use crate::jwt::claims::VerifiedClaims;
use crate::key::record::KeyRecord;
use crate::policy::{CredentialKind, Policy};
use crate::principal::Principal;
use crate::request::{ascii_text, gate_target};
use crate::response::json::principal_members;
use crate::scope::ScopeSet;

/// How many principals are remembered; the next one takes the oldest one's slot.
const SLOTS: usize = 1024;
/// Slots are found by groups of so many.
const WAYS: usize = 4;
const GROUP_BITS: u32 = 9;
/// No slot.
const NONE: u16 = u16::MAX;
/// The batch of principals that are made again for one call.
const AGAIN: u32 = u32::MAX;

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
    /// The slots by their identity: a few for each group of identities. One that finds no place is not found again.
    groups: Vec<[u16; WAYS]>,
    next: usize,
    /// The slot that was found last, and whose it is: it is asked for twice in one decision.
    last: Cell<(Identity, u16)>,
    generation: u32,
    /// Batches in order of their number.
    kept: Vec<(u32, Vec<Principal>)>,
    batch: u32,
    /// The claims that were read last of a token that was seen before.
    decoded: String,
}

impl Principals {
    /// The slot of a principal and the generation of the slot.
    pub(super) fn place(&mut self, principal: &Principal) -> (u32, u32) {
        // A slot keeps the record or the claims alive, so that an address in use names them and nothing else.
        let address = match (principal.key(), principal.claims()) {
            (Some(key), _) => address_of(key.record()),
            (None, Some(claims)) => address_of(claims),
            (None, None) => 0,
        };
        let identity = (address, principal.credential());
        let at = self.found(&identity).unwrap_or_else(|| self.enter(identity, principal));
        let generation = self.slots.get(usize::from(at)).map_or(0, |slot| slot.generation);
        (at.into(), generation)
    }

    fn found(&self, identity: &Identity) -> Option<u16> {
        let is_it = |at: &&u16| self.slots.get(usize::from(**at)).is_some_and(|slot| slot.identity == *identity);
        let (last, at) = self.last.get();
        if last == *identity && is_it(&&at) {
            return Some(at);
        }
        let found = self.groups.get(group_of(identity))?.iter().find(is_it).copied()?;
        self.last.set((*identity, found));
        Some(found)
    }

    fn enter(&mut self, identity: Identity, principal: &Principal) -> u16 {
        if self.groups.is_empty() {
            self.groups = alloc::vec![[NONE; WAYS]; 1 << GROUP_BITS];
        }
        self.generation = self.generation.wrapping_add(1);
        let slot = Slot { identity, generation: self.generation, principal: principal.clone() };
        let at = u16::try_from(self.next).unwrap_or_default();
        match self.slots.get_mut(self.next) {
            Some(old) => {
                let old = core::mem::replace(old, slot).identity;
                let group = self.groups.get_mut(group_of(&old));
                if let Some(place) = group.and_then(|group| group.iter_mut().find(|place| **place == at)) {
                    *place = NONE;
                }
            }
            None => self.slots.push(slot),
        }
        self.next = self.next.wrapping_add(1) % SLOTS;
        if let Some(group) = self.groups.get_mut(group_of(&identity)) {
            let free = group.iter().position(|place| *place == NONE).unwrap_or(usize::from(at) % WAYS);
            if let Some(place) = group.get_mut(free) {
                *place = at;
            }
        }
        at
    }

    fn keep(&mut self, slot: u32) -> u32 {
        let Some(principal) = self.at(slot).cloned() else { return u32::MAX };
        self.keep_in(self.batch, principal)
    }

    fn keep_in(&mut self, number: u32, principal: Principal) -> u32 {
        let at = match self.batch_of(number) {
            Ok(at) => at,
            Err(at) => {
                self.kept.insert(at, (number, Vec::new()));
                at
            }
        };
        self.kept.get_mut(at).map_or(u32::MAX, |(_, batch)| {
            batch.push(principal);
            u32::try_from(batch.len().saturating_sub(1)).unwrap_or(u32::MAX)
        })
    }

    fn batch_of(&self, number: u32) -> Result<usize, usize> {
        self.kept.binary_search_by(|(known, _)| known.cmp(&number))
    }

    fn kept(&self, batch: u32, place: u32) -> Option<&Principal> {
        self.kept.get(self.batch_of(batch).ok()?)?.1.get(place as usize)
    }

    fn forget(&mut self, batch: u32) {
        if let Ok(at) = self.batch_of(batch) {
            self.kept.remove(at);
        }
    }

    /// What this credential may do by a record that proved somebody before.
    pub(super) fn scopes_of(&self, credential: usize, record: &Arc<KeyRecord>) -> Option<ScopeSet> {
        let at = self.found(&(address_of(record), credential))?;
        let principal = &self.slots.get(usize::from(at))?.principal;
        let same = principal.key().is_some_and(|key| Arc::ptr_eq(key.record(), record));
        same.then(|| principal.scopes().clone())
    }

    /// Whom a slot has, as long as it is of this generation.
    pub(super) fn proven(&self, slot: u32, generation: u32) -> Option<Principal> {
        let found = self.slots.get(slot as usize)?;
        if found.generation != generation {
            return None;
        }
        self.last.set((found.identity, u16::try_from(slot).ok()?));
        Some(found.principal.clone())
    }

    fn at(&self, slot: u32) -> Option<&Principal> {
        self.slots.get(slot as usize).map(|slot| &slot.principal)
    }
}

fn address_of<T>(shared: &Arc<T>) -> usize {
    Arc::as_ptr(shared) as usize
}

/// The group of an identity; addresses differ in the bits above the lowest four.
const fn group_of((address, credential): &Identity) -> usize {
    (*address >> 4 ^ *credential).wrapping_mul(0x9e37_79b1) >> (usize::BITS - GROUP_BITS)
}

fn describe(principal: &Principal, policy: &Policy) -> String {
    Writer::object_text(|json| {
        principal_members(principal, policy, json);
        json.name("logId").nullable(principal.log_id().as_deref());
        if let Some(claims) = principal.claims() {
            json.name("claims").json(&claims.json());
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
            principals.batch = (principals.batch.wrapping_add(1) % AGAIN).max(1);
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
            principals.forget(batch);
        }
    }

    /// The address of the claims that proved the principal of a slot; they stay there until the module is called again.
    pub fn claims(&self, slot: u32) -> u32 {
        self.of_claims(slot, |text| u32::try_from(text.as_ptr() as usize).ok())
    }

    /// The length of these claims in bytes; 0 when a key proved it.
    pub fn claims_bytes(&self, slot: u32) -> u32 {
        self.of_claims(slot, |text| u32::try_from(text.len()).ok())
    }

    /// The credential that these claims are of.
    pub fn claims_of(&self, slot: u32) -> u32 {
        let principals = self.principals.try_borrow().ok();
        let found = principals.as_ref().and_then(|principals| u32::try_from(principals.at(slot)?.credential()).ok());
        found.unwrap_or_default()
    }

    fn of_claims(&self, slot: u32, read: fn(&str) -> Option<u32>) -> u32 {
        let Ok(mut principals) = self.principals.try_borrow_mut() else { return 0 };
        let found = match principals.at(slot).and_then(Principal::claims).map(|claims| claims.json()) {
            None => None,
            Some(Cow::Borrowed(text)) => read(text),
            Some(Cow::Owned(text)) => {
                principals.decoded = text;
                read(&principals.decoded)
            }
        };
        found.unwrap_or_default()
    }

    /// Keeps the principal of claims that were verified at this instant, once more, for the calls that follow; its batch.
    ///
    /// # Errors
    /// `engine_misuse` when they were not.
    pub fn recall(&self, credential: u32, claims: &[u8], now: f64) -> Result<u32, JsValue> {
        let found = self.policy.credentials().get(credential as usize).map(|found| found.kind());
        let Some(CredentialKind::Bearer(bearer)) = found else { return Err(misuse().into()) };
        let now = instant(now).ok_or_else(misuse)?;
        let claims = VerifiedClaims::again(claims, bearer.rules(), now).ok_or_else(misuse)?;
        let principal = Principal::from_claims(credential as usize, Arc::new(claims), self.policy.scopes());
        let mut principals = self.principals.try_borrow_mut().map_err(|_| misuse())?;
        principals.forget(AGAIN);
        principals.keep_in(AGAIN, principal);
        Ok(AGAIN)
    }

    /// A kept principal as JSON: as decisions show it, with `logId` and, of a token, `claims`.
    ///
    /// # Errors
    /// `engine_misuse` when it is not kept.
    pub fn principal(&self, batch: u32, place: u32) -> Result<String, JsValue> {
        let principals = self.principals.try_borrow().map_err(|_| misuse())?;
        Ok(principals.kept(batch, place).map(|principal| describe(principal, &self.policy)).ok_or_else(misuse)?)
    }

    /// The parameters of a target that this route was found for, as JSON.
    ///
    /// # Errors
    /// `engine_misuse` when it was not.
    pub fn params(&self, target: &str, route: u32) -> Result<String, JsValue> {
        let target = gate_target(target.as_bytes()).map_err(|_| misuse())?;
        Ok(Writer::object_text(|json| {
            for (name, value) in self.policy.table().params(route as usize, ascii_text(target.path_bytes())) {
                json.name(name).string(value);
            }
        }))
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
