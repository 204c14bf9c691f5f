//! What is looked at from time to time while the server runs.

use std::sync::Arc;
use std::time::Duration;

use scopegate_stores::{ExpiryCursor, GrantStore, KeyStore, MAX_PAGE, StoreError};

use crate::app::App;
use crate::audit::Audit;
use crate::oauth::Oauth;

/// How often lost audit events are told in the log.
const AUDIT: Duration = Duration::from_secs(10);
/// How often keys near their expiry are counted.
const EXPIRY: Duration = Duration::from_secs(300);
/// How often changed signing keys are looked for: long before one that was published signs.
const SIGNING_KEYS: Duration = Duration::from_secs(20);
/// How often what is spent is forgotten.
const SPENT: Duration = Duration::from_secs(600);
/// The most pages of keys that are counted.
const MAX_PAGES: usize = 100;

/// Tells in the log what the audit has lost.
pub(crate) async fn audit(audit: Audit) {
    let mut ticks = tokio::time::interval(AUDIT);
    loop {
        ticks.tick().await;
        audit.report();
    }
}

/// Counts the keys that expire within so many seconds.
pub(crate) async fn expiry(app: Arc<App>, seconds: i64) {
    let mut ticks = tokio::time::interval(EXPIRY);
    loop {
        ticks.tick().await;
        match near_expiry(&app, seconds).await {
            Ok(keys) => app.metrics.near_expiry(keys),
            Err(error) => tracing::warn!(error = %error, "keys near their expiry could not be counted"),
        }
    }
}

async fn near_expiry(app: &App, seconds: i64) -> Result<usize, StoreError> {
    let now = app.now();
    let (mut keys, mut after) = (0_usize, Some(ExpiryCursor::start(now)));
    for _ in 0..MAX_PAGES {
        let Some(place) = after else { break };
        let page = app.store.expiring(now.saturating_add(seconds), place, MAX_PAGE).await?;
        keys = keys.saturating_add(page.len());
        after = page.last().filter(|_| page.len() == MAX_PAGE).and_then(ExpiryCursor::after);
    }
    Ok(keys)
}

/// Takes over signing keys that another instance or the command has changed.
pub(crate) async fn signing_keys(app: Arc<App>, oauth: Arc<Oauth>) {
    let mut ticks = tokio::time::interval(SIGNING_KEYS);
    loop {
        ticks.tick().await;
        if let Err(error) = oauth.reload(app.now()).await {
            tracing::warn!(error = %error, "signing keys could not be loaded; those in use stay");
        }
    }
}

/// Forgets grants whose every token is dead, and tickets that are over.
pub(crate) async fn spent(app: Arc<App>) {
    let mut ticks = tokio::time::interval(SPENT);
    loop {
        ticks.tick().await;
        if let Err(error) = app.store.purge(app.now()).await {
            tracing::warn!(error = %error, "spent grants could not be forgotten");
        }
    }
}
