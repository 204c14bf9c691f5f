//! A quick run of every fuzz target: seeds from the examples, mutated.

mod mutate;

use mutate::run;
use scopegate_fuzz as targets;

const CASES: &str = include_str!("../../examples/jobiflow/cases.json");

fn seeds() -> (Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let cases: serde_json::Value = serde_json::from_str(CASES).unwrap();
    let (mut goals, mut keys, mut tokens, mut whole) = (vec![], vec![], vec![], vec![]);
    for case in cases["cases"].as_array().unwrap() {
        let request = &case["request"];
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        goals.push(text(&request["target"]).into_bytes());
        for header in request["headers"].as_array().into_iter().flatten() {
            let (name, value) = (text(&header[0]), text(&header[1]));
            let line = format!("{}\n{}\n{name}\n{value}", text(&request["method"]), text(&request["target"]));
            whole.push(line.into_bytes());
            match value.strip_prefix("Bearer ") {
                Some(token) => tokens.push(token.as_bytes().to_vec()),
                None => keys.push(value.into_bytes()),
            }
        }
    }
    let sets = vec![cases["jwks"]["user"].to_string().into_bytes()];
    let records = cases["keys"].as_array().unwrap().iter().map(|record| record.to_string().into_bytes()).collect();
    (goals, keys, tokens, whole, sets, records)
}

/// Requests to each endpoint of the authorization server.
fn oauth_seeds() -> Vec<Vec<u8>> {
    const GRANT: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    const BYTES: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const FORM: &str = "content-type: application/x-www-form-urlencoded";
    const BASIC: &str = "authorization: Basic d2ViOnM=";
    let ask = format!(
        "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid+keys&state=a&nonce=n&code_challenge={BYTES}&code_challenge_method=S256&prompt=none&max_age=1&resource=https%3A%2F%2Fapi.example%2Fv1"
    );
    [
        format!("GET /oauth2/authorize?{ask}\n\n\n"),
        format!("POST /oauth2/authorize\n{FORM}\n\n{ask}"),
        format!("POST /oauth2/token\n{FORM}\n\ngrant_type=authorization_code&client_id=app&code=ac1.{GRANT}.{BYTES}&code_verifier={BYTES}"),
        format!("POST /oauth2/token\n{FORM}\n{BASIC}\ngrant_type=refresh_token&refresh_token=rt1.s1.{GRANT}.12.{BYTES}&scope=keys"),
        format!("POST /oauth2/revoke\n{FORM}\n{BASIC}\ntoken=rt1.s1.{GRANT}.12.{BYTES}&token_type_hint=refresh_token"),
        format!("POST /oauth2/introspect\n{FORM}\n{BASIC}\ntoken=eyJhbGciOiJSUzI1NiJ9.e30.{BYTES}"),
        format!("POST /userinfo\n{FORM}\norigin: https://app.example\naccess_token=eyJhbGciOiJSUzI1NiJ9.e30.{BYTES}"),
        "GET /userinfo\nauthorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA\n\n".to_owned(),
        "GET /oauth2/jwks\nif-none-match: W/\"x\", *\n\n".to_owned(),
        "GET /.well-known/oauth-protected-resource/v1\n\n\n".to_owned(),
        format!("GET /login\ncookie: __Host-sg_txn={BYTES}\n\ntk1.s1.e30.{BYTES}"),
    ]
    .map(String::into_bytes)
    .into()
}

const FORMS: [&str; 5] = [
    "a=b%20c&d=%C3%A4&e",
    "https://app.example/cb?k=v\nhttps://app.example/cb?k=v",
    "http://127.0.0.1:1/cb\nhttp://127.0.0.1:2/cb",
    "http://[::1]/cb\nhttp://[::1]:2/cb",
    "com.example.app:/cb\ncom.example.app:/cb",
];

const HEADERS: [&str; 5] = [
    "X-API-Key: jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg\nHost: a",
    "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.AA\nauthorization: Basic eA==",
    "Origin: https://a.example\nAccess-Control-Request-Method: PUT",
    "X-HTTP-Method-Override: DELETE\nx-method-override: GET",
    "x-api-key: a, b\nX-Forwarded-For: 192.0.2.1",
];

const BLOCKS: [&str; 6] =
    ["192.0.2.0/24", "192.0.2.7", "::ffff:192.0.2.0/120", "2001:db8::/32", "::/0", "fe80::1%eth0"];

#[test]
fn nothing_that_is_parsed_panics() {
    let (goals, keys, tokens, whole, sets, records) = seeds();
    run("target", &goals, 200_000, targets::target);
    run("key", &keys, 100_000, targets::key);
    run("token", &tokens, 30_000, targets::token);
    run("decide", &whole, 30_000, targets::decide);
    run("headers", &HEADERS.map(|lines| lines.as_bytes().to_vec()), 30_000, targets::headers);
    run("ip", &BLOCKS.map(|block| block.as_bytes().to_vec()), 200_000, targets::ip);
    run("key_set", &sets, 10_000, targets::key_set);
    run("record", &records, 30_000, targets::record);
    run("oauth", &oauth_seeds(), 30_000, targets::oauth);
    run("form", &FORMS.map(|form| form.as_bytes().to_vec()), 100_000, targets::form);
    run("policy", &[targets::POLICY.as_bytes().to_vec()], 1_500, targets::policy);
}
