//! The gate on the request target: every row of the policy's table in several spellings, and an independent look at what passed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

use proptest::prelude::*;
use scopegate::request::{HeaderSource, MAX_SEGMENTS, MAX_TARGET_BYTES, Request, TargetFault, gate_target};

/// The expected fault by its code, and the targets that have it.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "dot_segment",
        &[
            "/.",
            "/..",
            "/./",
            "/../",
            "/a/.",
            "/a/..",
            "/a/./b",
            "/a/../b",
            "/..?x",
            "/%2e",
            "/%2E",
            "/%2e%2e",
            "/%2E%2e",
            "/.%2e",
            "/%2E.",
            "/a/%2e./b",
            "/a/.%2E/b",
            "/a/%2e%2E?x",
            "/..%2f",
            "/..%2Fadmin",
            "/a%2f..",
            "/a%2F..%2Fb",
            "/a/%2e%2e%2fb",
            "/a%2f%2E/b",
            "/a%2f.%2e%2Fb",
        ],
    ),
    (
        "matrix_parameter",
        &["/a;v=1", "/;", "/a;/b", "/..;/admin", "/admin;.css", "/a;jsessionid=1?x", "/.;/a", "/api/..;/x/.."],
    ),
    (
        "encoded_delimiter",
        &[
            "/a%5c",
            "/%5C",
            "/a%5Cb",
            "/..%5c..",
            "/a%00",
            "/%00",
            "/a%00.css",
            "/a%3b",
            "/a%3Bv=1",
            "/..%3b/x",
            "/a%3f",
            "/a%3Fb",
            "/a%23",
            "/%23x",
            "/a%25",
            "/%25",
            "/%252e%252e",
            "/%252fadmin",
            "/a%2525",
        ],
    ),
    (
        "encoded_unreserved",
        &[
            "/%61dmin",
            "/admi%6e",
            "/admi%6E",
            "/%41",
            "/%5A",
            "/%7a",
            "/a%30",
            "/%39",
            "/a%2d",
            "/a%2Db",
            "/a%5f",
            "/a%5F",
            "/a%7e",
            "/a%7E",
            "/a%2e",
            "/a%2Ejs",
            "/%2e%2e%2e",
            "/%2ewell-known",
            "/...%2e",
            "/.%2e.",
        ],
    ),
    ("backslash", &["/\\", "/a\\b", "/\\admin", "/..\\..", "/a/\\"]),
    ("fragment", &["/#", "/a#b", "/a#", "/..#", "/a?x#y", "/a?#"]),
    (
        "control_character",
        &[
            "/a\0",
            "/\0",
            "/a\tb",
            "/a\r\nb",
            "/a\nb",
            "/a\u{1f}",
            "/a\u{7f}",
            "/a%01",
            "/a%0a",
            "/a%0A",
            "/a%0d%0a",
            "/a%09",
            "/%1f",
            "/%1F",
            "/a%7f",
            "/%7F",
            "/a%c2%80",
            "/a%C2%85",
            "/%c2%9F",
            "/a?\r",
            "/a?x\ny",
            "/a?\0",
            "/a?\u{7f}",
        ],
    ),
    ("non_ascii", &["/é", "/a/ü", "/\u{2028}", "/a?é", "/．．/x", "/a\u{200b}", "/a?\u{a0}"]),
    (
        "invalid_utf8",
        &[
            "/%80",
            "/a%bf",
            "/%c0%80",
            "/%c0%ae%c0%ae",
            "/%c0%af",
            "/%c1%9c",
            "/%e0%80%af",
            "/%e0%9f%bf",
            "/%f0%80%80%af",
            "/%f0%8f%bf%bf",
            "/%ed%a0%80",
            "/%ed%bf%bf",
            "/%ed%a0%80%ed%b0%80",
            "/%f4%90%80%80",
            "/%f5%80%80%80",
            "/%f8%88%80%80%80",
            "/%ff",
            "/%fe",
            "/%c3",
            "/%c3x",
            "/%c3/",
            "/%c3?x",
            "/%c3%28",
            "/%e2%82",
            "/%e2%82a",
            "/%f0%9f%98",
            "/%c3%2f",
        ],
    ),
    ("empty_segment", &["//", "//admin", "/admin//x", "/a//", "/a/b//c", "///", "//?x"]),
    (
        "bad_percent_encoding",
        &[
            "/%", "/a%", "/a%2", "/%2", "/%zz", "/%2g", "/%g2", "/%%", "/%%41", "/%u002e", "/a%/b", "/a% 41", "/%+1",
            "/%-1", "/%c3%", "/%c3%a", "/%c3%zz", "/a%2?x",
        ],
    ),
    (
        "invalid_character",
        &[
            "/a b",
            "/ ",
            "/a ",
            "/<script>",
            "/a>",
            "/\"",
            "/{id}",
            "/a}",
            "/a|b",
            "/a^b",
            "/a`b",
            "/[x]",
            "/a]",
            "/a?x y",
            "/a? ",
        ],
    ),
    (
        "not_absolute_path",
        &[
            "",
            "*",
            "a",
            "admin/x",
            "http://h/a",
            "HTTP://h",
            "h:443",
            "?x",
            "#",
            " /a",
            "%2Fadmin",
            ".",
            "..",
            "\t/a",
            "é",
        ],
    ),
];

const ACCEPTED: &[&str] = &[
    "/",
    "/?",
    "/?x",
    "/a",
    "/a/",
    "/a/?x=1",
    "/public/v1/job-listings/42/publish",
    "/...",
    "/..a",
    "/a..",
    "/api../x",
    "/.well-known/x",
    "/a.b.c",
    "/.a./..b",
    "/~user/_x-y.z",
    "/!$&'()*+,=:@",
    "/a@b.example:8",
    "/caf%C3%A9",
    "/caf%c3%a9",
    "/%E2%82%AC/%F0%9F%98%80",
    "/%c2%a0",
    "/%ef%bf%bf",
    "/%f4%8f%bf%bf",
    "/%ed%9f%bf",
    "/a%20b",
    "/a%40b%3Ac%2B",
    "/%22%3C%3E%5B%5D%5E%60%7B%7C%7D",
    "/a%2Fb",
    "/a%2fb/c",
    "/%2F",
    "/a%2F%2Fb",
    "/a?b?c",
    "/a?/../..//",
    "/a?x=%",
    "/a?x=%2e%zz;\\y={\"a\":[1]}",
    "/__proto__/constructor",
];

#[test]
fn each_row_of_the_table_is_refused_in_every_spelling() {
    for (code, targets) in REFUSED {
        for target in *targets {
            let found = gate_target(target.as_bytes()).map(|target| target.path().to_owned());
            assert_eq!(found.map_err(TargetFault::code), Err(*code), "{target:?}");
        }
    }
}

#[test]
fn what_is_canonical_passes_as_it_is() {
    for target in ACCEPTED {
        let found = gate_target(target.as_bytes());
        let found = found.unwrap_or_else(|fault| panic!("{target:?}: {fault}"));
        let (path, query) = target.split_once('?').map_or((*target, None), |(path, query)| (path, Some(query)));
        assert_eq!((found.path(), found.query()), (path, query), "{target:?}");
        assert_eq!(found.has_encoded_slash(), path.to_ascii_lowercase().contains("%2f"), "{target:?}");
        assert_eq!(found.has_escape(), path.contains('%'), "{target:?}");
        assert_eq!(naive_fault(target.as_bytes()), None, "{target:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for byte in 0x80..=0xff {
        assert_eq!(gate_target(&[b'/', byte]).err(), Some(TargetFault::NonAscii));
        assert_eq!(gate_target(&[b'/', b'?', byte]).err(), Some(TargetFault::NonAscii));
    }
}

#[test]
fn a_fault_is_found_wherever_it_stands() {
    let faults = [
        ("//", "empty_segment"),
        ("/../", "dot_segment"),
        ("/%2e/", "dot_segment"),
        ("%61", "encoded_unreserved"),
        ("%00", "encoded_delimiter"),
        ("%", "bad_percent_encoding"),
        (";", "matrix_parameter"),
        ("\\", "backslash"),
        ("#", "fragment"),
        ("\0", "control_character"),
        (" ", "invalid_character"),
        ("é", "non_ascii"),
    ];
    for before in 0..140 {
        for (fault, code) in faults {
            for after in ["zz", "zz?a//b"] {
                let target = format!("/{}{fault}{after}", "a".repeat(before));
                // At the root, what begins with a slash follows another.
                let code = if before == 0 && fault.starts_with('/') { "empty_segment" } else { code };
                assert_eq!(
                    gate_target(target.as_bytes()).map(|_| ()).map_err(TargetFault::code),
                    Err(code),
                    "{target:?}"
                );
            }
        }
        for good in ["/b/", "/b?a//b", "/b?/", "%2F", "/b?"] {
            let target = format!("/a{}{good}", "a".repeat(before));
            let path = target.split('?').next();
            assert_eq!(gate_target(target.as_bytes()).ok().map(|target| target.path()), path, "{target}");
        }
    }
}

#[test]
fn size_and_segments_are_limited() {
    let longest = format!("/{}", "a".repeat(MAX_TARGET_BYTES - 1));
    let query = format!("/?{}", "a".repeat(MAX_TARGET_BYTES - 2));
    let most = "/a".repeat(MAX_SEGMENTS);
    for good in [&longest, &query, &most, &format!("{most}/"), &format!("{most}?/b"), &format!("{most}%2Fb")] {
        assert!(gate_target(good.as_bytes()).is_ok(), "{good}");
    }
    for bad in [format!("{longest}a"), format!("{query}a")] {
        assert_eq!(gate_target(bad.as_bytes()).err(), Some(TargetFault::TooLong));
    }
    for bad in [format!("{most}/a"), format!("{most}/a/"), format!("{most}/a?x"), "/a".repeat(4_000)] {
        assert_eq!(gate_target(bad.as_bytes()).err(), Some(TargetFault::TooManySegments));
    }
}

#[test]
fn every_code_and_sentence_is_its_own() {
    use TargetFault as F;
    let all = [
        F::DotSegment,
        F::EncodedDelimiter,
        F::EncodedSlash,
        F::EncodedUnreserved,
        F::MatrixParameter,
        F::Backslash,
        F::Fragment,
        F::ControlCharacter,
        F::NonAscii,
        F::InvalidUtf8,
        F::EmptySegment,
        F::NotAbsolutePath,
        F::BadPercentEncoding,
        F::InvalidCharacter,
        F::TooLong,
        F::TooManySegments,
    ];
    let codes: std::collections::BTreeSet<_> = all.iter().map(|fault| fault.code()).collect();
    let sentences: std::collections::BTreeSet<_> = all.iter().map(|fault| fault.to_string()).collect();
    assert_eq!((codes.len(), sentences.len()), (all.len(), all.len()));
}

#[test]
fn nothing_secret_is_shown() {
    let headers = [("Authorization", "Bearer hunter2")];
    let request =
        Request { method: "GET", target: b"/a?token=hunter2", headers: &headers, https: true, client_ip: None };
    let shown = format!("{request:?} {:?}", gate_target(request.target).unwrap());
    assert!(shown.contains("/a") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn every_source_of_headers_shows_each_line_in_order() {
    fn lines(source: &dyn HeaderSource) -> Vec<(String, Vec<u8>)> {
        let mut seen = Vec::new();
        source.visit(&mut |name, value| seen.push((name.to_owned(), value.to_owned())));
        seen
    }
    let array = [("B", "2"), ("A", "1"), ("B", "3")];
    let slice: &[(&str, &str)] = &array;
    let owned: Vec<(String, String)> = array.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let expected: Vec<_> = array.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    for source in [&array as &dyn HeaderSource, &slice, &array.to_vec(), &owned, &owned.as_slice()] {
        assert_eq!(lines(source), expected);
    }
    assert_eq!(lines(&()), []);
}

/// A second, slow look, written from the policy's table: whole-text searches, `str::from_utf8`, no shared code.
fn naive_fault(raw: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(raw) else { return Some("not ASCII") };
    if text.len() > 8192 || !text.starts_with('/') || text.contains('#') {
        return Some("length, slash or fragment");
    }
    if !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Some("space, control or non-ASCII");
    }
    let path = text.split('?').next().unwrap();
    if path.contains("//") || path.contains([';', '\\', '"', '<', '>', '[', ']', '^', '`', '{', '|', '}']) {
        return Some("empty segment or character");
    }
    let pieces: Vec<&str> = path.split('%').collect();
    let mut decoded = pieces[0].as_bytes().to_vec();
    for piece in &pieces[1..] {
        let Some(digits) = piece.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit())) else {
            return Some("escape");
        };
        let byte = u8::from_str_radix(digits, 16).unwrap();
        if byte.is_ascii_alphanumeric() || b"-._~\\;?#%".contains(&byte) || byte.is_ascii_control() {
            return Some("needless or hidden character");
        }
        decoded.push(byte);
        decoded.extend_from_slice(&piece.as_bytes()[2..]);
    }
    let Ok(decoded) = String::from_utf8(decoded) else { return Some("UTF-8") };
    if decoded.chars().any(char::is_control) || decoded.split('/').any(|segment| segment == "." || segment == "..") {
        return Some("control character or dot segment");
    }
    let segments = path.split('/').skip(1).filter(|segment| !segment.is_empty()).count();
    (segments > 64).then_some("segments")
}

/// Bytes such as an attacker would try: escapes in both cases, dots, slashes, delimiters, and anything at all.
fn targets() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec!["/", "/", "/", "a", "b", ".", "..", "api", "-", ":", "@"]).prop_map(|s| s.as_bytes().to_vec()),
        4 => (any::<u8>(), any::<bool>())
            .prop_map(|(b, up)| if up { format!("%{b:02X}") } else { format!("%{b:02x}") }.into_bytes()),
        2 => any::<char>().prop_map(|c| {
            c.to_string().bytes().map(|b| format!("%{b:02X}")).collect::<String>().into_bytes()
        }),
        2 => prop::sample::select(vec!["%2e", "%2E", "%2f", "%2F", "?", ";", "\\", "#", "%", "%2"]).prop_map(|s| s.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|b| vec![b]),
    ];
    (any::<bool>(), prop::collection::vec(piece, 0..12)).prop_map(|(slash, pieces)| {
        let mut bytes = if slash { vec![b'/'] } else { Vec::new() };
        bytes.extend(pieces.concat());
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gate_agrees_with_a_naive_one(raw in targets()) {
        let found = gate_target(&raw);
        prop_assert_eq!(found.is_ok(), naive_fault(&raw).is_none(), "{:?}: {:?}", String::from_utf8_lossy(&raw), found.map(|_| ()));
    }

    #[test]
    fn no_bytes_make_it_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(gate_target(&raw).is_ok(), naive_fault(&raw).is_none());
    }
}
