//! Authorisation alone: two texts cross, and the number of a route comes back.

use alloc::rc::Rc;
use alloc::vec::Vec;

use wasm_bindgen::prelude::*;

use super::session::{Shared, address};
use super::shape::method_of;
use crate::engine::Gate;
use crate::scope::ScopeSet;

/// Method and target together, in bytes; longer ones cross as texts.
const INPUT: usize = 1024;
/// Where the target begins.
const TARGET_AT: usize = 32;

/// Scopes that a credential is held to have, by a host that proved it itself.
#[wasm_bindgen]
pub struct Held {
    shared: Rc<Shared>,
    credential: usize,
    scopes: ScopeSet,
    input: Vec<u8>,
}

impl Held {
    pub(super) fn new(shared: &Rc<Shared>, credential: usize, scopes: ScopeSet) -> Self {
        Self { shared: Rc::clone(shared), credential, scopes, input: alloc::vec![0; INPUT] }
    }

    fn route(&self, method: &str, target: &[u8]) -> u32 {
        let gate: &Gate = &self.shared.gate;
        match gate.covered(method, target, self.credential, &self.scopes) {
            Some(route) => u32::try_from(route).unwrap_or(u32::MAX).saturating_add(1),
            None => 0,
        }
    }
}

#[wasm_bindgen]
impl Held {
    /// The address of the input, 1024 bytes: 32 for the method, and the rest for the target.
    #[must_use]
    pub fn input(&self) -> u32 {
        address(self.input.as_ptr())
    }

    /// The number of the covered route from 1, by the lengths of method and target in the input; 0 for none.
    #[must_use]
    pub fn covers(&self, method: u32, target: u32) -> u32 {
        let (Some(method), Some(target)) = (
            self.input.get(..method as usize),
            self.input.get(TARGET_AT..).and_then(|input| input.get(..target as usize)),
        ) else {
            return 0;
        };
        self.route(method_of(method), target)
    }

    /// The same of texts.
    #[must_use]
    pub fn covers_text(&self, method: &str, target: &str) -> u32 {
        self.route(method, target.as_bytes())
    }
}
