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

#[test]
fn nothing_that_is_parsed_panics() {
    let (goals, keys, tokens, whole, sets, records) = seeds();
    run("target", &goals, 200_000, targets::target);
    run("key", &keys, 100_000, targets::key);
    run("token", &tokens, 30_000, targets::token);
    run("decide", &whole, 30_000, targets::decide);
    run("key_set", &sets, 10_000, targets::key_set);
    run("record", &records, 30_000, targets::record);
    run("policy", &[targets::POLICY.as_bytes().to_vec()], 1_500, targets::policy);
}
