//! Mutates seeds by a fixed generator, so that each run is the same on every machine. Also read by the quick runs of command and server.

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

const SPICE: [&[u8]; 14] =
    [b"%2e", b"%2F", b"..", b"//", b"\0", b"\xff", b"1e400", b"\"\\u0061\"", b"{\"a\":", b"[", b".", b"=", b",", b"-1"];

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

/// Runs a target on the seeds and on this many mutations of them; what panics is told with the input that made it.
pub fn run(name: &str, seeds: &[Vec<u8>], rounds: usize, target: fn(&[u8])) {
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
