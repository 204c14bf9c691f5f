//! `scopegate keys expiring`: the keys of every owner that end soon.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use scopegate_cli::error::Misuse;
use scopegate_cli::input::clock;
use scopegate_cli::keys::duration;
use scopegate_server::store::AnyStore;
use scopegate_stores::{ExpiryCursor, KeyStore, MAX_PAGE};
use serde_json::json;

use crate::imports::{database, in_database};

#[derive(Args)]
pub struct ExpiringArgs {
    /// The database: sqlite:FILE, postgres://… or redis://…, without a password
    #[arg(long, conflicts_with = "db_file", required_unless_present = "db_file")]
    db: Option<String>,
    /// A file that holds what --db would, with its password
    #[arg(long)]
    db_file: Option<PathBuf>,
    /// How soon: a duration like 14d
    #[arg(long, default_value = "14d")]
    within: String,
}

/// Prints the keys that are not revoked and end soon, a line of JSON each, those that end first first.
pub fn run(args: &ExpiringArgs) -> Result<u8, Misuse> {
    let seconds = duration(&args.within).ok_or_else(|| Misuse::argument("--within: expected a duration like 14d"))?;
    let database = database(args.db.as_deref(), args.db_file.as_deref())?;
    let database = database.ok_or_else(|| Misuse::argument("--db: expected a database"))?;
    // Opening would make a new one.
    if let Some(file) = database.sqlite_file().map(Path::new).filter(|file| !file.exists()) {
        return Err(Misuse::file(file, "there is no such database"));
    }
    in_database(&database, async |store: &AnyStore| {
        let now = clock();
        let mut place = Some(ExpiryCursor::start(now));
        while let Some(after) = place {
            let page = store.expiring(now.saturating_add(seconds), after, MAX_PAGE).await?;
            let mut out = std::io::stdout().lock();
            for record in &page {
                // A closed pipe is no reason to panic.
                let _ = writeln!(out, "{}", line(record));
            }
            place = page.last().filter(|_| page.len() == MAX_PAGE).and_then(ExpiryCursor::after);
        }
        Ok(0)
    })
}

fn instant(at: Option<UnixSeconds>) -> Option<String> {
    at.and_then(|at| Timestamp::from_second(at.get()).ok()).map(|at| at.to_string())
}

fn line(record: &KeyRecord) -> String {
    json!({
        "id": record.id.as_str(),
        "owner": &*record.owner,
        "label": &*record.label,
        "endsAt": instant(record.ends_at()),
        "expiresAt": instant(record.expires_at),
        "graceUntil": instant(record.grace_until),
        "lastUsedAt": instant(record.last_used_at),
    })
    .to_string()
}
