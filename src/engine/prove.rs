//! From a presented credential to a principal or a refusal, with the needs on the way.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::evaluate::{Pending, Slot};
use super::gate::{BearerState, KeySource};
use super::{Gate, Step};
use crate::credential::Sent;
use crate::decision::{Denial, Malformed, TraceStep, Upgrade};
use crate::host::{KeyAnswer, KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use crate::jwt::TokenRefusal;
use crate::jwt::cache::{AskReason, Plan};
use crate::jwt::claims::{VerifiedClaims, verify_claims};
use crate::jwt::jwk::{Jwk, KeySet};
use crate::jwt::token::UnverifiedToken;
use crate::jwt::verify::{SignatureVerified, VerifyKey};
use crate::key::format::{KeyId, ParsedKey};
use crate::key::record::{KeyRefusal, LiveKey};
use crate::policy::{ApiKeyCredential, BearerCredential, CredentialKind};
use crate::principal::Principal;
