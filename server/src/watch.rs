//! What is looked at from time to time while the server runs.

use std::sync::Arc;
use std::time::Duration;

use scopegate_stores::{ExpiryCursor, KeyStore, MAX_PAGE, StoreError};

use crate::app::App;
use crate::audit::Audit;

/// How often lost audit events are told in the log.
const AUDIT: Duration = Duration::from_secs(10);
/// How often keys near their expiry are counted.
const EXPIRY: Duration = Duration::from_secs(300);
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
