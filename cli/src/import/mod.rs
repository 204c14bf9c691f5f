//! `scopegate import`: records from what another system stored of its keys. Only hashes come in; a key is upgraded when it is first used.

mod members;
mod rows;
mod store;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use scopegate::key::foreign::{ForeignIssuer, ForeignRow};
use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::policy::{CredentialKind, Policy};
use scopegate::time::UnixSeconds;

use self::members::{Members, Wrong, wrong};
use self::rows::rows;
pub use self::store::{Stored, store};
use crate::error::Misuse;
use crate::input::{clock, read, read_policy};
use crate::secrecy::redact;

/// What `import` is told.
#[derive(Debug)]
pub struct ImportOptions {
    /// The system that stored the rows.
    pub from: ForeignIssuer,
    /// A JSON list, JSON lines or CSV with a head.
    pub file: PathBuf,
    /// The environment of the keys.
    pub environment: String,
    /// Whose keys they are, where a row does not say.
    pub owner: Option<String>,
    /// What a key may do, where its row does not say.
    pub scopes: Vec<String>,
    /// What a scope is called here, by what it was called there.
    pub renamed: Vec<(String, String)>,
    /// A policy that must take these keys and declare their scopes.
    pub policy: Option<PathBuf>,
    /// Whether keys with a limited number of uses lose the limit instead of being refused.
    pub drop_limits: bool,
}

/// A row that made no record.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line where the row begins, from 1.
    pub line: usize,
    /// The member, as records name it.
    pub member: &'static str,
    /// What was expected; never what was found.
    pub expected: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: expected {}", self.line, self.member, redact(&self.expected))
    }
}

/// What came of a file.
#[derive(Debug, Default)]
pub struct Import {
    /// The records, each with the line of its row.
    pub records: Vec<(usize, KeyRecord)>,
    /// The rows that made none.
    pub faults: Vec<Fault>,
}

/// Makes records of the rows of a file. A row that makes none is reported and does not stop the others.
///
/// # Errors
/// [`Misuse`] when the file or the policy cannot be used at all.
pub fn import(options: &ImportOptions) -> Result<Import, Misuse> {
    let policy = options.policy.as_deref().map(read_policy).transpose()?;
    if let Some(policy) = &policy {
        takes(policy, options)?;
    }
    let (now, text) = (clock(), read(&options.file)?);
    let (mut found, mut lines) = (Import::default(), HashMap::<KeyId, usize>::new());
    for row in rows(&options.file, &text)? {
        let made =
            row.members.and_then(|row| record(&Members::new(options.from, &row)?, options, policy.as_ref(), now));
        let line = row.line;
        match made {
            Err(Wrong { member, expected }) => found.faults.push(Fault { line, member, expected }),
            Ok(record) => match lines.insert(record.id, line) {
                Some(first) => {
                    let expected = format!("another hash than that of line {first}");
                    found.faults.push(Fault { line, member: "hash", expected });
                    lines.insert(record.id, first);
                }
                None => found.records.push((line, record)),
            },
        }
    }
    Ok(found)
}

/// Holds that the policy would look at such keys.
fn takes(policy: &Policy, options: &ImportOptions) -> Result<(), Misuse> {
    let taken = policy.credentials().iter().any(|credential| match credential.kind() {
        CredentialKind::ApiKey(key) => {
            key.imported().iter().any(|keys| keys.issuer() == options.from && keys.environment() == options.environment)
        }
        CredentialKind::Bearer(_) => false,
    });
    let entry = format!(r#"{{ "from": "{}", "environment": "{}" }}"#, options.from.name(), options.environment);
    let path = options.policy.as_deref().unwrap_or(&options.file);
    if taken {
        return Ok(());
    }
    Err(Misuse::file(path, format!("no credential takes these keys; expected {entry} among the \"imported\" of one")))
}

fn record(
    row: &Members<'_>,
    options: &ImportOptions,
    policy: Option<&Policy>,
    now: UnixSeconds,
) -> Result<KeyRecord, Wrong> {
    if row.is_limited() && !options.drop_limits {
        return Err(wrong(
            "remaining",
            "no limited number of uses, which records do not hold; --drop-limits imports without it",
        ));
    }
    let hash = row.text("hash")?.ok_or_else(|| wrong("hash", format!("one of {}", row.names("hash"))))?;
    let owner = row.text("owner")?.or(options.owner.clone());
    let owner = owner.ok_or_else(|| wrong("owner", format!("one of {}, or --owner", row.names("owner"))))?;
    let label = row.text("label")?.unwrap_or_else(|| format!("Imported from {}", options.from.name()));
    let mut scopes = row.scopes()?;
    if scopes.is_empty() {
        scopes.clone_from(&options.scopes);
    }
    for scope in &mut scopes {
        if let Some((_, new)) = options.renamed.iter().find(|(old, _)| old == scope) {
            scope.clone_from(new);
        }
        if policy.is_some_and(|policy| policy.scopes().index_of(scope).is_none()) {
            return Err(wrong(
                "scopes",
                format!("scopes of the policy, not {scope:?}; --rename-scope OLD=NEW renames one"),
            ));
        }
    }
    let off = row.flag("enabled")? == Some(false) || row.flag("disabled")? == Some(true);
    let revoked_at = match (row.time("revokedAt")?, off) {
        (None, true) => Some(row.time("updatedAt")?.map_or(now, |at| at.min(now))),
        (revoked_at, _) => revoked_at,
    };
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let made = ForeignRow {
        issuer: options.from,
        hash: &hash,
        environment: &options.environment,
        owner: &owner,
        label: &label,
        scopes: &scopes,
        created_at: row.time("createdAt")?.unwrap_or(now),
        expires_at: row.time("expiresAt")?,
        revoked_at,
        last_used_at: row.time("lastUsedAt")?,
    };
    made.record().map_err(|error| wrong(error.member, error.expected))
}
