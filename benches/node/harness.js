// Interleaved rounds: every round runs a batch of each contestant, in an order that turns, so that a machine that slows down
// slows all of them. mitata and tinybench finish one task before they start the next, which is why neither is used here.

const ROUNDS = 41;
const BATCH_MILLISECONDS = 3;
const MOST_CALLS = 200_000;

/**
 * Times contestants side by side.
 * @param {{ name: string, run: (at: number) => unknown, isAsync?: boolean }[]} contestants
 * @returns {Promise<Map<string, number>>} nanoseconds a call: the median of the rounds
 */
export async function race(contestants, { rounds = ROUNDS, batch = BATCH_MILLISECONDS } = {}) {
  // Twice: what runs first is warmed up while nothing else is.
  for (const contestant of contestants) await calibrate(contestant, batch);
  const entries = [];
  for (const contestant of contestants) entries.push({ ...contestant, calls: await calibrate(contestant, batch), times: [] });
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < entries.length; turn++) {
      const entry = entries[(turn + round) % entries.length];
      await idle();
      entry.times.push(await time(entry, entry.calls));
    }
  }
  return new Map(entries.map(({ name, times }) => [name, median(times)]));
}

/** A turn of the event loop, as a server has between its requests: what was collected is told of then, and timers run. */
const idle = () => new Promise((resolve) => setImmediate(resolve));

/** Warms up until the optimiser has seen the code, then says how many calls fill a batch. */
async function calibrate(contestant, batch) {
  let best = Infinity;
  for (let calls = 1, spent = 0; spent < 30 * batch * 1e6; calls = Math.min(calls * 2, MOST_CALLS)) {
    await idle();
    const nanoseconds = await time(contestant, calls);
    // A collection in the middle says nothing of how many calls fill a batch.
    best = Math.min(best, nanoseconds);
    spent += nanoseconds * calls;
  }
  return Math.max(1, Math.min(MOST_CALLS, Math.round((batch * 1e6) / best)));
}

let sink;

async function time({ run, isAsync }, calls) {
  const start = process.hrtime.bigint();
  if (isAsync) for (let at = 0; at < calls; at++) sink = await run(at);
  else for (let at = 0; at < calls; at++) sink = run(at);
  return Number(process.hrtime.bigint() - start) / calls;
}

/** What the last call gave; read, so that no call can be left out. */
export const last = () => sink;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

export function duration(nanoseconds) {
  if (nanoseconds >= 1e6) return `${(nanoseconds / 1e6).toFixed(1)} ms`;
  if (nanoseconds >= 1e4) return `${(nanoseconds / 1e3).toFixed(1)} µs`;
  return nanoseconds >= 1e3 ? `${(nanoseconds / 1e3).toFixed(2)} µs` : `${Math.round(nanoseconds)} ns`;
}

/**
 * Prints one row: ours beside each peer, with the ratios.
 * @param {string} task
 * @param {Map<string, number>} times
 * @param {[string, string, number?][]} pairs ours, the peer, the target ratio where there is one
 */
export function rows(task, times, pairs) {
  for (const [ours, peer, target] of pairs) {
    if (!times.has(ours) || !times.has(peer)) continue;
    const ratio = times.get(ours) / times.get(peer);
    const verdict = target === undefined ? "– | " : `≤ ${target} | ${ratio <= target ? "met" : "missed"}`;
    const shown = ratio < 0.1 ? ratio.toFixed(4) : ratio.toFixed(2);
    console.log(`| ${task}: ${ours} | ${duration(times.get(ours))} | ${peer} | ${duration(times.get(peer))} | ${shown} | ${verdict} |`);
  }
}

export const HEAD = "| task: ours | ours | peer | peer's time | ratio | target | |\n| --- | --- | --- | --- | --- | --- | --- |";

/** A contestant over 64 requests in turn. */
export const cycle = (decide, requests) => (at) => decide(requests[at & 63]);

/** Stops the run when a contestant does not answer as it should: a fast wrong answer is no result. */
export async function answers(name, decide, expected) {
  for (const [what, request, status] of expected) {
    const found = await decide(request);
    if (found !== status) throw new Error(`${name} answers ${found} to ${what}, not ${status}`);
  }
}
