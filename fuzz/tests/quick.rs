//! A quick run of every fuzz target: seeds from the examples, mutated by a fixed generator, so that each run is the same.

use scopegate_fuzz as targets;

const CASES: &str = include_str!("../../examples/jobiflow/cases.json");

/// xorshift64*: enough to mutate bytes, the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

const SPICE: [&[u8]; 14] = [
    b"%2e", b"%2F", b"..", b"//", b"\0", b"\xff", b"1e400", b"\"\\u0061\"", b"{\"a\":", b"[", b".", b"=", b",", b"-1",
];

fn mutate(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(6) {
            0 if !bytes.is_empty() => {
                let last = bytes.len() - 1;
                bytes[at.min(last)] ^= 1 << random.below(8);
            }
            1 => bytes.truncate(at),
            2 => {
                let from = random.below(bytes.len() + 1);
                let piece = bytes[from.min(at)..from.max(at)].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                bytes.splice(at..at, SPICE[random.below(SPICE.len())].iter().copied());
            }
            4 => {
                let from = random.below(other.len() + 1);
                bytes.splice(at..at, other[from..].iter().copied().take(64));
            }
            _ => bytes.insert(at, random.next() as u8),
        }
        bytes.truncate(20_000);
    }
    bytes
}

fn run(name: &str, seeds: &[Vec<u8>], rounds: usize, target: fn(&[u8])) {
    let mut random = Random(0x5C0F_E6A7_E000_0001);
    for seed in seeds {
        target(seed);
    }
    for round in 0..rounds {
        let seed = &seeds[random.below(seeds.len())];
        let other = &seeds[random.below(seeds.len())];
        let input = mutate(seed, other, &mut random);
        let caught = std::panic::catch_unwind(|| target(&input));
        assert!(caught.is_ok(), "{name}, round {round}, input {:?}", String::from_utf8_lossy(&input));
    }
}

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
    let ask = format!("response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid+keys&state=a&nonce=n&code_challenge={BYTES}&code_challenge_method=S256&prompt=none&max_age=1&resource=https%3A%2F%2Fapi.example%2Fv1");
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

#[test]
fn nothing_that_is_parsed_panics() {
    let (goals, keys, tokens, whole, sets, records) = seeds();
    run("target", &goals, 200_000, targets::target);
    run("key", &keys, 100_000, targets::key);
    run("token", &tokens, 30_000, targets::token);
    run("decide", &whole, 30_000, targets::decide);
    run("key_set", &sets, 10_000, targets::key_set);
    run("record", &records, 30_000, targets::record);
    run("oauth", &oauth_seeds(), 30_000, targets::oauth);
    run("form", &FORMS.map(|form| form.as_bytes().to_vec()), 100_000, targets::form);
    run("policy", &[targets::POLICY.as_bytes().to_vec()], 1_500, targets::policy);
}
