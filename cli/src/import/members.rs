//! The members of a row by what they mean, under the names that each system gives them, in camel case and in snake case.

use scopegate::key::foreign::ForeignIssuer;
use scopegate::policy::document::StrictValue;
use scopegate::time::UnixSeconds;
use serde_json::{Map, Value};

/// What is wrong with a row.
#[derive(Debug)]
pub struct Wrong {
    pub member: &'static str,
    pub expected: String,
}

pub fn wrong(member: &'static str, expected: impl Into<String>) -> Wrong {
    Wrong { member, expected: expected.into() }
}

/// From which number on a time is milliseconds: as seconds it would be after the year 5100.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// The names of a member, best first.
fn names(issuer: ForeignIssuer, member: &'static str) -> &'static [&'static str] {
    match (issuer, member) {
        (ForeignIssuer::Seam, "hash") => &["longTokenHash", "hash"],
        (ForeignIssuer::BetterAuth, "hash") => &["key", "hash"],
        (ForeignIssuer::Keypal, "hash") => &["keyHash", "hash"],
        (_, "hash") => &["hash"],
        (ForeignIssuer::Unkey, "owner") => &["externalId", "ownerId", "owner"],
        (ForeignIssuer::BetterAuth, "owner") => &["referenceId", "userId", "owner"],
        (_, "owner") => &["owner", "ownerId"],
        (ForeignIssuer::Seam, "label") => &["label", "name", "shortToken"],
        (_, "label") => &["label", "name", "start"],
        (_, "scopes") => &["scopes", "permissions"],
        (_, "createdAt") => &["createdAt", "createdAtM"],
        (_, "updatedAt") => &["updatedAt", "updatedAtM"],
        (_, "expiresAt") => {
            &["expiresAt", "expires", "expiresOn", "expiry", "expiryDate", "expiration", "expirationDate", "validUntil"]
        }
        (_, "revokedAt") => &["revokedAt", "deletedAt", "deletedAtM"],
        (_, "lastUsedAt") => &["lastUsedAt", "lastRequest"],
        (_, "enabled") => &["enabled", "active", "isEnabled", "isActive"],
        (_, "disabled") => &["disabled", "isDisabled", "revoked", "isRevoked", "deleted", "isDeleted"],
        (_, "remaining") => &["remaining", "remainingRequests"],
        _ => &[],
    }
}

/// A row.
pub struct Members<'r> {
    issuer: ForeignIssuer,
    row: &'r Map<String, Value>,
    /// keypal keeps all but the hash in a member of its own, as an object or as its text.
    metadata: Option<Map<String, Value>>,
}

impl<'r> Members<'r> {
    pub fn new(issuer: ForeignIssuer, row: &'r Map<String, Value>) -> Result<Self, Wrong> {
        // What keypal keeps there ends and limits keys: unread, they would never end.
        let expected = || wrong("metadata", "an object, each member once");
        let metadata = match row.get("metadata").filter(|_| issuer == ForeignIssuer::Keypal) {
            None | Some(Value::Null) => None,
            Some(Value::Object(members)) => Some(members.clone()),
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(StrictValue(Value::Object(members))) => Some(members),
                _ => return Err(expected()),
            },
            Some(_) => return Err(expected()),
        };
        Ok(Self { issuer, row, metadata })
    }

    /// The names under which a member is looked for.
    pub fn names(&self, member: &'static str) -> String {
        names(self.issuer, member).join(", ")
    }

    /// The value of a member; null is none.
    fn get(&self, member: &'static str) -> Option<&Value> {
        let rows = || [Some(self.row), self.metadata.as_ref()].into_iter().flatten();
        names(self.issuer, member)
            .iter()
            .flat_map(|name| rows().flat_map(move |row| [row.get(*name), row.get(&snake(name))]))
            .flatten()
            .find(|value| !value.is_null())
    }

    /// A text; an empty one is none.
    pub fn text(&self, member: &'static str) -> Result<Option<String>, Wrong> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong(member, "a text")),
        }
    }

    /// An instant: RFC 3339, or whole Unix seconds or milliseconds.
    pub fn time(&self, member: &'static str) -> Result<Option<UnixSeconds>, Wrong> {
        let expected = || wrong(member, "a time like 2027-01-31T00:00:00Z, or whole Unix seconds or milliseconds");
        let number = match self.get(member) {
            None => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => match text.parse() {
                Ok(number) => Some(number),
                Err(_) => {
                    let instant = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
                    return instant.and_then(UnixSeconds::new).map(Some).ok_or_else(expected);
                }
            },
            Some(_) => None,
        };
        let seconds = number.map(|number| if number < MILLISECONDS_FROM { number } else { number / 1_000 });
        seconds.and_then(UnixSeconds::new).map(Some).ok_or_else(expected)
    }

    /// Yes or no, also as databases write it.
    pub fn flag(&self, member: &'static str) -> Result<Option<bool>, Wrong> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::Number(number)) if number.as_u64() == Some(1) => Ok(Some(true)),
            Some(Value::Number(number)) if number.as_u64() == Some(0) => Ok(Some(false)),
            Some(Value::String(text)) => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "1" => Ok(Some(true)),
                "false" | "f" | "0" => Ok(Some(false)),
                _ => Err(wrong(member, "true or false")),
            },
            Some(_) => Err(wrong(member, "true or false")),
        }
    }

    /// Whether the key could be used a limited number of times.
    pub fn is_limited(&self) -> bool {
        self.get("remaining").is_some_and(|value| !matches!(value, Value::String(text) if text.is_empty()))
    }

    /// Scopes: a list, a text with spaces or commas between, or better-auth's lists of actions by resource; each also as JSON text.
    pub fn scopes(&self) -> Result<Vec<String>, Wrong> {
        let expected = || wrong("scopes", "a list of scope names, or lists of actions by resource");
        let value = match self.get("scopes") {
            None => return Ok(Vec::new()),
            Some(Value::String(text)) if text.starts_with(['[', '{']) => {
                serde_json::from_str::<StrictValue>(text).map_err(|_| expected())?.0
            }
            Some(Value::String(text)) => {
                let names = text.split([' ', ',', ';']).filter(|name| !name.is_empty());
                return Ok(names.map(str::to_owned).collect());
            }
            Some(value) => value.clone(),
        };
        let texts = |list: &[Value]| -> Option<Vec<String>> {
            list.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        };
        match value {
            Value::Array(list) => texts(&list).ok_or_else(expected),
            Value::Object(resources) => {
                let mut scopes = Vec::new();
                for (resource, actions) in &resources {
                    let actions = actions.as_array().and_then(|list| texts(list)).ok_or_else(expected)?;
                    scopes.extend(actions.iter().map(|action| format!("{resource}:{action}")));
                }
                Ok(scopes)
            }
            _ => Err(expected()),
        }
    }
}

/// `createdAt` as `created_at`.
fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}
