//! `scopegate keys`: make, inspect, hash and find API keys. A raw key is shown once; given keys come by file or standard input.

use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use scopegate::key::format::{ENTROPY_BYTES, KeyFormat, KeyFormatError};
use scopegate::key::hash::Keyring;
use scopegate::key::lifecycle::{IssueRequest, IssueRules, Issued, issue};
use scopegate::key::record::KeyRecord;
use scopegate::key::scanner::{Scanner, leak_scan, scanner_rules};
use scopegate::scope::is_scope_name;
use scopegate::time::UnixSeconds;

use crate::decide::pairs_of;
use crate::error::Misuse;
use crate::input::{clock, instant, keyring, read_secret, standard_input_once};

/// The name of a pepper that stands in its file without one, also for `scopegate serve`.
const NAMELESS: &str = "p1";

/// A key format from arguments.
///
/// # Errors
/// [`Misuse`] that says which part is wrong.
pub fn format(product: &str, environments: &[String]) -> Result<KeyFormat, Misuse> {
    let names: Vec<&str> = environments.iter().map(String::as_str).collect();
    KeyFormat::new(product, &names).map_err(|error: KeyFormatError| Misuse::argument(error.to_string()))
}

/// What `keys new` is told.
#[derive(Debug)]
pub struct NewKey {
    /// The product.
    pub product: String,
    /// The environment.
    pub environment: String,
    /// Whose key it is.
    pub owner: String,
    /// What people call it.
    pub label: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it expires: an instant, or a duration like `90d`.
    pub expires: String,
    /// The pepper's name and file.
    pub pepper: Option<(Option<String>, PathBuf)>,
}

/// Seconds of a duration: a number and `s`, `m`, `h`, `d` or `y` (365 days).
#[must_use]
pub fn duration(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "y" => 31_536_000,
        _ => return None,
    };
    number.parse::<i64>().ok().filter(|number| *number > 0)?.checked_mul(seconds)
}

fn expiry(text: &str, now: UnixSeconds) -> Result<UnixSeconds, Misuse> {
    let end = match duration(text) {
        Some(seconds) => now.get().checked_add(seconds).and_then(UnixSeconds::new),
        None => instant(text).ok(),
    };
    end.filter(|end| *end > now).ok_or_else(|| {
        Misuse::argument(
            "--expires: expected a duration like 90d, or a time like 2027-01-31T00:00:00Z, in the future and before the year 10000",
        )
    })
}

/// A keyring from a file as `scopegate serve` reads it, or none. The name is that of a pepper that stands there alone, or chooses one of several.
///
/// # Errors
/// [`Misuse`] when the file cannot be used.
pub fn pepper(pepper: Option<&(Option<String>, PathBuf)>) -> Result<Keyring, Misuse> {
    let Some((name, path)) = pepper else { return Ok(Keyring::plain()) };
    let text = read_secret(path)?;
    let name = name.as_deref();
    if text.trim_start().starts_with('{') {
        return pairs_of(path, &text, |secrets, current| keyring(secrets, name.or(current)));
    }
    let decoded = crate::input::decode_secrets([(name.unwrap_or(NAMELESS), text.trim())].into_iter());
    let secrets = decoded.map_err(|(_, error)| Misuse::file(path, error))?;
    keyring(secrets, None).map_err(|(_, error)| Misuse::file(path, error))
}

/// Makes a key.
///
/// # Errors
/// [`Misuse`] that names the argument.
pub fn new_key(wanted: &NewKey) -> Result<Issued, Misuse> {
    let format = format(&wanted.product, std::slice::from_ref(&wanted.environment))?;
    let keyring = pepper(wanted.pepper.as_ref())?;
    let now = clock();
    let scopes: Vec<&str> = wanted.scopes.iter().map(String::as_str).collect();
    if !scopes.iter().all(|scope| is_scope_name(scope)) {
        return Err(Misuse::argument("--scopes: expected scope names like jobs:read, separated by commas"));
    }
    let request = IssueRequest {
        label: &wanted.label,
        scopes: &scopes,
        environment: &wanted.environment,
        owner: &wanted.owner,
        expires_at: Some(expiry(&wanted.expires, now)?),
        ip_allow: &[],
    };
    let rules = IssueRules { declared: &scopes, ..IssueRules::default() };
    let mut entropy = zeroize::Zeroizing::new([0_u8; ENTROPY_BYTES]);
    getrandom::fill(entropy.as_mut_slice()).map_err(|error| Misuse::argument(format!("no random bytes: {error}")))?;
    issue(&request, &rules, &format, &keyring, &entropy, now).map_err(|error| Misuse::argument(error.to_string()))
}

/// A record as JSON, indented.
///
/// # Errors
/// [`Misuse`] when it does not serialise, which does not happen.
pub fn record_json(record: &KeyRecord) -> Result<String, Misuse> {
    serde_json::to_string_pretty(record).map_err(|error| Misuse::argument(error.to_string()))
}

/// A record as JSON, on one line.
///
/// # Errors
/// As [`record_json`].
pub fn record_line(record: &KeyRecord) -> Result<String, Misuse> {
    serde_json::to_string(record).map_err(|error| Misuse::argument(error.to_string()))
}

/// What a key's text says of itself: never the secret.
///
/// # Errors
/// [`Misuse`] when it is no key of the format.
pub fn inspect(path: &Path, format: &KeyFormat) -> Result<String, Misuse> {
    let key = read_secret(path)?;
    let parsed =
        format.parse(key.as_bytes()).map_err(|fault| Misuse::file(path, format!("{} ({})", fault, fault.code())))?;
    let prefix = format.key_prefix(parsed.environment(), parsed.id());
    Ok(format!(
        "id           {}\nenvironment  {}\nkeyPrefix    {prefix}\nchecksum     ok",
        parsed.id(),
        parsed.environment()
    ))
}

/// The hash entry of a key for a record: hexadecimal, and as the record's JSON has it. A sealed record's hash also covers what the
/// record says.
///
/// # Errors
/// [`Misuse`] when it is no key of the format.
pub fn hash(path: &Path, format: &KeyFormat, keyring: &Keyring, record: &KeyRecord) -> Result<String, Misuse> {
    let key = read_secret(path)?;
    let parsed =
        format.parse(key.as_bytes()).map_err(|fault| Misuse::file(path, format!("{} ({})", fault, fault.code())))?;
    let entry = keyring.hash(&parsed, record);
    let mut hex = String::with_capacity(64);
    for byte in entry.hash.as_bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    let json = serde_json::to_string(&entry).map_err(|error| Misuse::argument(error.to_string()))?;
    Ok(format!("{hex}\n{json}"))
}

/// The rules of a scanner.
///
/// # Errors
/// [`Misuse`] for an unknown scanner.
pub fn rules(scanner: &str, format: &KeyFormat) -> Result<String, Misuse> {
    let scanner = Scanner::from_name(scanner)
        .ok_or_else(|| Misuse::argument("--for: expected gitleaks, trufflehog or github"))?;
    Ok(scanner_rules(format, scanner).trim_end().to_owned())
}

/// Looks for keys in files; reports file, offset, id, environment and checksum. Returns how many were found.
///
/// # Errors
/// [`Misuse`] for the first file that cannot be read.
pub fn leak_check(files: &[PathBuf], formats: &[KeyFormat], mut report: impl FnMut(&str)) -> Result<usize, Misuse> {
    standard_input_once(files)?;
    let mut found = 0_usize;
    for path in files {
        let bytes = if path == Path::new("-") {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(path)
        };
        let bytes = bytes.map_err(|error| Misuse::file(path, format!("cannot be read: {error}")))?;
        for finding in leak_scan(&bytes, formats) {
            found = found.saturating_add(1);
            let checksum = if finding.checksum_ok { "ok" } else { "wrong" };
            report(&format!(
                "{}: offset {}: {}_{}_{} checksum {checksum}",
                path.display(),
                finding.offset,
                finding.product,
                finding.environment,
                finding.id
            ));
        }
    }
    Ok(found)
}

/// A record that stands for every unsealed one.
///
/// # Errors
/// [`Misuse`] when it cannot be made, which does not happen.
pub fn unsealed() -> Result<KeyRecord, Misuse> {
    let text = r#"{"v":1,"id":"000000000000","env":"live","owner":"-","label":"-","scopes":[],
        "hashes":[{"alg":"sha256","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}],"sealed":false,"createdAt":0,
        "expiresAt":null,"revokedAt":null,"graceUntil":null,"lastUsedAt":null,"ipAllow":[],"rotatedFrom":null,"version":1}"#;
    serde_json::from_str(text).map_err(|error| Misuse::argument(error.to_string()))
}
