//! Every grant of a user is revoked: the hook for a change of password, a logout, a deletion.
//!
//! A grant may be inserted behind the page that is being worked on. So the list is read again from its beginning until it names nothing
//! new: what was inserted before the last pass began is revoked. What a request still under way inserts after that, a host keeps from
//! giving out a code (`docs/oauth.md`, "Revoking a user").

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::json;

use super::error::unavailable;
use super::flow::{Context, Halt};
use super::grant::{State, Why};
use super::http::HttpResponse;
use super::step::{Need, Swap};
use super::token;

/// How many ids a page has at most.
const PAGE: usize = 100;

/// How often a grant that others change meanwhile is tried.
const ATTEMPTS: usize = 16;

/// How often the list is read before a user who is granted something all the time is an outage.
const PASSES: usize = 8;

/// How far it has come.
pub(super) struct RevokeAll {
    sub: String,
    client_id: Option<String>,
    after: Option<String>,
    ids: VecDeque<String>,
    /// What was listed, this time or before, in order.
    seen: Vec<String>,
    /// Whether this pass was told of a grant that none before it was.
    is_new: bool,
    passes: usize,
    revoked: u64,
}

impl RevokeAll {
    pub const fn new(sub: String, client_id: Option<String>) -> Self {
        Self {
            sub,
            client_id,
            after: None,
            ids: VecDeque::new(),
            seen: Vec::new(),
            is_new: false,
            passes: 1,
            revoked: 0,
        }
    }
}

/// One page or one grant further; the response when there are no more.
pub(super) fn advance(context: &mut Context<'_>, progress: &mut RevokeAll) -> Result<Option<HttpResponse>, Halt> {
    let Some(id) = progress.ids.front() else {
        let (sub, after) = (progress.sub.clone(), progress.after.clone());
        let ids = context.grants(|| Need::GrantsOf { sub, after, limit: PAGE })?;
        // A store that does not go on would keep this going for ever.
        let ascends = ids.windows(2).all(|pair| pair.first() < pair.last());
        if !ascends || ids.first().is_some_and(|first| Some(first) <= progress.after.as_ref()) {
            return Err(Halt::Outage);
        }
        let Some(last) = ids.last() else {
            if !progress.is_new {
                return Ok(Some(HttpResponse::json(200, &json!({ "revoked": progress.revoked }))));
            }
            if progress.passes >= PASSES {
                return Err(unavailable().into());
            }
            progress.passes = progress.passes.saturating_add(1);
            (progress.is_new, progress.after) = (false, None);
            return Ok(None);
        };
        progress.after = Some(last.clone());
        for id in ids {
            if let Err(at) = progress.seen.binary_search(&id) {
                progress.seen.insert(at, id.clone());
                progress.ids.push_back(id);
                progress.is_new = true;
            }
        }
        return Ok(None);
    };
    for _ in 0..ATTEMPTS {
        let outcome = match token::load(context, id)? {
            Some((grant, stored)) => {
                let meant = grant.sub == progress.sub
                    && progress.client_id.as_ref().is_none_or(|client_id| *client_id == grant.client_id);
                if !meant || matches!(grant.state, State::Revoked(_)) {
                    Swap::Missing
                } else {
                    token::swap(context, id, &stored, &grant.revoked(Why::Requested))?
                }
            }
            None => Swap::Missing,
        };
        if outcome != Swap::Conflict {
            progress.revoked = progress.revoked.saturating_add(u64::from(outcome == Swap::Swapped));
            progress.ids.pop_front();
            return Ok(None);
        }
    }
    Err(unavailable().into())
}
