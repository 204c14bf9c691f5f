//! Rounds of ours and the peer in turn, medians and their ratio, as rows of `benches/RESULTS.md`.

use std::time::Instant;

/// The head of the table.
pub const HEADER: &str = "| task | ours | peer | peer's time | ratio | target |\n| --- | --- | --- | --- | --- | --- |";

/// Interleaved rounds of each pair.
const ROUNDS: usize = 41;

/// Nanoseconds a call of one batch of `f`.
fn batch(calls: u32, f: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        f();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Times ours and the peer in turn and prints a row with the ratio of the medians.
pub fn pair(task: &str, peer: &str, target: &str, calls: u32, ours: &mut dyn FnMut(), theirs: &mut dyn FnMut()) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    batch(calls / 4 + 1, ours);
    batch(calls / 4 + 1, theirs);
    for _ in 0..ROUNDS {
        a.push(batch(calls, ours));
        b.push(batch(calls, theirs));
    }
    let (a, b) = (median(a), median(b));
    println!("| {task} | {} | {peer} | {} | {:.2} | {target} |", time(a), time(b), a / b);
}

fn time(nanoseconds: f64) -> String {
    if nanoseconds >= 1e6 {
        format!("{:.2} ms", nanoseconds / 1e6)
    } else if nanoseconds >= 1e4 {
        format!("{:.1} µs", nanoseconds / 1e3)
    } else {
        format!("{nanoseconds:.0} ns")
    }
}
