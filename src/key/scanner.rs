//! Finding keys where they should not be: rules for secret scanners, and a scan of one's own that never repeats a secret.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::format::{CHECKSUM_LEN, ID_LEN, KeyFault, KeyFormat, KeyId, SECRET_LEN};

/// The Shannon entropy, in bits a character, below which a match is no random key.
const MIN_ENTROPY: &str = "4.0";
const TAIL_LEN: usize = SECRET_LEN + CHECKSUM_LEN;

/// A secret scanner that rules can be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanner {
    /// Gitleaks: a `[[rules]]` table for its TOML configuration.
    Gitleaks,
    /// `TruffleHog`: a custom detector for its YAML configuration.
    Trufflehog,
    /// GitHub secret scanning: the fields of a custom pattern.
    GitHub,
}

impl Scanner {
    /// The scanner with this name: `gitleaks`, `trufflehog` or `github`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "gitleaks" => Some(Self::Gitleaks),
            "trufflehog" => Some(Self::Trufflehog),
            "github" => Some(Self::GitHub),
            _ => None,
        }
    }
}

/// The regular expression of every key of a format. No leading `\b`: a key glued to a word is leaked all the same.
///
/// ```
/// use scopegate::key::{format::KeyFormat, scanner::pattern};
/// let format = KeyFormat::new("jbf", &["live", "test"]).unwrap();
/// assert_eq!(pattern(&format), "jbf_(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}");
/// ```
#[must_use]
pub fn pattern(format: &KeyFormat) -> String {
    let environments = format.environments().join("|");
    format!("{}_(?:{environments})_[0-9A-Za-z]{{{ID_LEN}}}_[0-9A-Za-z]{{{TAIL_LEN}}}", format.product())
}

/// The rule by which a scanner finds the keys of a format, as text for its configuration.
#[must_use]
pub fn scanner_rules(format: &KeyFormat, scanner: Scanner) -> String {
    let product = format.product();
    let pattern = pattern(format);
    let keywords = |quote: &str| {
        let mut list = String::new();
        for environment in format.environments() {
            let comma = if list.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(list, "{comma}{quote}{product}_{environment}_{quote}");
        }
        list
    };
    match scanner {
        Scanner::Gitleaks => format!(
            "[[rules]]\nid = \"{product}-api-key\"\ndescription = \"{product} API key\"\nregex = '''{pattern}'''\n\
             entropy = {MIN_ENTROPY}\nkeywords = [{}]\n",
            keywords("\"")
        ),
        Scanner::Trufflehog => format!(
            "detectors:\n  - name: {product}-api-key\n    keywords: [{}]\n    regex:\n      key: '{pattern}'\n    \
             entropy: {MIN_ENTROPY}\n",
            keywords("")
        ),
        Scanner::GitHub => format!("Pattern name: {product} API key\nSecret format: {pattern}\n"),
    }
}

/// A key found in a text: who, where, and whether it is whole. Never the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'f> {
    /// The product.
    pub product: &'f str,
    /// The environment.
    pub environment: &'f str,
    /// The public id: what to revoke.
    pub id: KeyId,
    /// Where it starts, in bytes from the start of the text.
    pub offset: usize,
    /// Whether its checksum holds; if not it is no key, or a damaged one.
    pub checksum_ok: bool,
}

/// Every key of these formats in a text, in order. The text may be anything; nothing is copied.
pub fn leak_scan<'s>(text: &'s [u8], formats: &'s [KeyFormat]) -> impl Iterator<Item = Finding<'s>> + 's {
    let mut at = 0_usize;
    core::iter::from_fn(move || {
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some((finding, len)) = formats.iter().find_map(|format| key_at(rest, at, format)) {
                // What is no key may end in the start of one.
                at = at.saturating_add(if finding.checksum_ok { len } else { 1 });
                return Some(finding);
            }
            at = at.saturating_add(1);
        }
        None
    })
}

/// The key that a text starts with, and its length.
fn key_at<'f>(text: &[u8], offset: usize, format: &'f KeyFormat) -> Option<(Finding<'f>, usize)> {
    if !format.is_prefix_of(text) {
        return None;
    }
    format.environments().iter().find_map(|environment| {
        let prefix = format.product().len().saturating_add(environment.len()).saturating_add(2);
        let len = prefix.saturating_add(ID_LEN + 1 + TAIL_LEN);
        let key = text.get(..len)?;
        let checksum_ok = match format.parse(key) {
            Ok(parsed) if parsed.environment() == &**environment => true,
            Err(KeyFault::WrongChecksum) => false,
            Ok(_) | Err(_) => return None,
        };
        let id = key.get(prefix..prefix.saturating_add(ID_LEN))?;
        let id = KeyId::parse(core::str::from_utf8(id).ok()?)?;
        Some((Finding { product: format.product(), environment, id, offset, checksum_ok }, len))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const KEY: &str = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";

    #[test]
    fn rules_hold_the_pattern_and_no_word_boundary() {
        let format = KeyFormat::new("jbf", &["live", "test"]).unwrap();
        for (scanner, name) in
            [(Scanner::Gitleaks, "gitleaks"), (Scanner::Trufflehog, "trufflehog"), (Scanner::GitHub, "github")]
        {
            let rules = scanner_rules(&format, scanner);
            assert_eq!(Scanner::from_name(name), Some(scanner));
            assert!(rules.contains("jbf_(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}"), "{rules}");
            assert!(!rules.contains("\\b"));
            assert_eq!(rules.contains("4.0"), scanner != Scanner::GitHub);
        }
        assert!(scanner_rules(&format, Scanner::Gitleaks).contains(r#"keywords = ["jbf_live_", "jbf_test_"]"#));
        assert_eq!(Scanner::from_name("Gitleaks"), None);
    }

    #[test]
    fn leaks_are_found_anywhere_and_never_repeated() {
        let formats = [KeyFormat::new("jbf", &["li", "live"]).unwrap(), KeyFormat::new("live", &["live"]).unwrap()];
        let damaged = KEY.replace("1O3Seg", "1O3Seh");
        let text =
            alloc::format!("KEY={KEY}\u{e9}x{damaged}{KEY}\n{} jbf_live_ jbf_jbf_{KEY}", KEY.trim_end_matches('g'));
        let found: Vec<_> = leak_scan(text.as_bytes(), &formats).collect();
        assert_eq!(found.iter().map(|one| one.checksum_ok).collect::<Vec<_>>(), [true, false, true, true]);
        for one in &found {
            assert!(text.as_bytes()[one.offset..].starts_with(b"jbf_live_000000000000_"));
            assert_eq!((one.product, one.environment, one.id.as_str()), ("jbf", "live", "000000000000"));
        }
        let printed = alloc::format!("{found:?}");
        assert!(!printed.contains("0000000000000") && !printed.contains("1O3Seg"), "{printed}");
        assert_eq!(leak_scan(&[0xff; 4_096], &formats).count(), 0);
    }
}
