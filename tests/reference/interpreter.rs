//! The policy document read in the most naive way: no tree, no masks, no compile step. A differential test holds the
//! engine against it. It takes canonical paths, credentials that are proven already, and no claims.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde_json::Value;

/// What the naive reading of a policy answers; `missing` is what the nearest alternative still lacks, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub effect: &'static str,
    pub status: u16,
    pub code: &'static str,
    pub missing: Vec<String>,
}

const ALLOW: Answer = Answer { effect: "allow", status: 200, code: "ok", missing: Vec::new() };

fn deny(status: u16, code: &'static str) -> Answer {
    Answer { effect: "deny", status, code, missing: Vec::new() }
}

/// What `policy` says of a request with the credentials `granted`, each with the scopes it carries.
pub fn interpret(policy: &Value, method: &str, path: &str, granted: &[(&str, &[&str])]) -> Answer {
    let matching: Vec<(Vec<Rank>, &str, &Value)> = array(&policy["routes"])
        .iter()
        .filter_map(|route| {
            let (verb, pattern) = text(&route["match"]).split_once(' ')?;
            Some((specificity(policy, pattern, path)?, verb, route))
        })
        .collect();
    let Some(best) = matching.iter().map(|(ranks, ..)| ranks).min() else { return deny(404, "no_route") };
    let verbs = if method == "HEAD" { vec!["HEAD", "GET"] } else { vec![method] };
    let of_verb = |wanted: &&str| matching.iter().find(|(ranks, verb, _)| ranks == best && verb == wanted);
    match verbs.iter().find_map(of_verb) {
        Some((_, _, route)) => evaluate(policy, route, granted),
        None if policy["hide"] == true => deny(404, "no_route"),
        None => deny(405, "method_not_allowed"),
    }
}

/// How specific one segment of a pattern is, the most specific first: literal, partly literal (the longer the better),
/// typed, any segment, the rest.
type Rank = (u8, Reverse<usize>, u8);

/// The rank of each segment of a pattern that matches the path; `None` when it does not.
fn specificity(policy: &Value, pattern: &str, path: &str) -> Option<Vec<Rank>> {
    let fold = |text: &str| if policy["caseInsensitive"] == true { text.to_ascii_lowercase() } else { text.to_owned() };
    let trim = |text: &str| match text.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() && policy["trailingSlash"] == "same" => shorter.to_owned(),
        _ => text.to_owned(),
    };
    let pattern = trim(&format!("{}{pattern}", policy["base"].as_str().unwrap_or("")));
    let path = trim(path);
    let mut segments = path.split('/');
    let mut ranks = Vec::new();
    for part in pattern.split('/') {
        if part.starts_with('{') && part.ends_with("...}") {
            let rest: Vec<&str> = segments.collect();
            let whole = !rest.is_empty() && rest.iter().all(|segment| !segment.is_empty());
            ranks.push((3, Reverse(0), 0));
            return whole.then_some(ranks);
        }
        let segment = segments.next()?;
        let parameter = part.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
        let Some((before, (inner, after))) = parameter else {
            ranks.push((fold(part) == fold(segment)).then_some((0, Reverse(0), 0))?);
            continue;
        };
        let folded = fold(segment);
        let value = folded.strip_prefix(&*fold(before))?.strip_suffix(&*fold(after))?;
        let kind = inner.split_once(':').map(|(_, kind)| kind);
        if value.is_empty() || !has_kind(value, kind) {
            return None;
        }
        let literal = before.len().saturating_add(after.len());
        ranks.push((if literal > 0 { 1 } else { 2 }, Reverse(literal), u8::from(kind.is_none())));
    }
    segments.next().is_none().then_some(ranks)
}

fn has_kind(value: &str, kind: Option<&str>) -> bool {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    match kind {
        None => true,
        Some("int") => value.len() <= 20 && value.bytes().all(|b| b.is_ascii_digit()),
        Some("hex") => hex(value),
        Some("uuid") => value.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && value.split('-').all(hex),
        Some("slug") => value
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())),
        Some(_) => false,
    }
}

fn evaluate(policy: &Value, route: &Value, granted: &[(&str, &[&str])]) -> Answer {
    if route["public"] == true {
        return ALLOW;
    }
    let mut nearest: Option<BTreeSet<String>> = None;
    let mut claims_only = false;
    for alternative in array(&route["allow"]).iter().filter_map(Value::as_object) {
        let mut missing = BTreeSet::new();
        let (mut absent, mut claims) = (false, false);
        for (credential, asked) in alternative {
            let given = granted.iter().find(|(name, _)| name == credential);
            absent |= given.is_none();
            let held: BTreeSet<String> =
                given.iter().flat_map(|(_, scopes)| *scopes).flat_map(|scope| closure(policy, scope)).collect();
            let wanted = array(if asked.is_array() { asked } else { &asked["scopes"] });
            let lacking: Vec<&str> = wanted.iter().map(text).filter(|scope| !held.contains(*scope)).collect();
            claims |= lacking.is_empty() && asked["claims"].as_object().is_some_and(|claims| !claims.is_empty());
            missing.extend(lacking.into_iter().map(String::from));
        }
        // What another missing scope brings along need not be asked for.
        let comes_along =
            |scope: &String| missing.iter().any(|other| other != scope && closure(policy, other).contains(scope));
        let smallest: BTreeSet<String> = missing.iter().filter(|scope| !comes_along(scope)).cloned().collect();
        match (absent, claims, smallest.len()) {
            (true, ..) => {}
            (false, true, _) => claims_only = true,
            (false, false, 0) => return ALLOW,
            (false, false, fewer) if nearest.as_ref().is_none_or(|best| fewer < best.len()) => nearest = Some(smallest),
            (false, false, _) => {}
        }
    }
    match nearest {
        Some(missing) => Answer { missing: missing.into_iter().collect(), ..deny(403, "insufficient_scope") },
        None if claims_only => deny(403, "claim_mismatch"),
        None => deny(401, "missing_credential"),
    }
}

/// A scope and all it implies; nothing for a scope that is not declared.
fn closure(policy: &Value, scope: &str) -> BTreeSet<String> {
    let Some(declared) = policy["scopes"].get(scope) else { return BTreeSet::new() };
    let implied = array(&declared["implies"]).iter().flat_map(|implied| closure(policy, text(implied)));
    implied.chain([scope.to_owned()]).collect()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}
