// A whole API-key decision.
import { createGate } from "../../js/entry/node.js";
import { answers, cycle, race, rows } from "./harness.js";
import { fastKeys, pepperedKeys, safeKeys } from "./peers/hand.js";
import { prefixedKeys } from "./peers/others.js";
import { keyAnswers, keyRequests, makeKeys, manyRoutes, seed } from "./world.js";

const policies = { 30: seed, 1000: manyRoutes(1000) };
const noTokens = { user: { keys: [] } };
const SAFE = "find-my-way, createHash, timingSafeEqual";
const HMAC = "find-my-way, createHmac, timingSafeEqual";
const FAST = "find-my-way, crypto.hash, Map by hash";
const PREFIXED = "prefixed-api-key, its check alone";
const statusOf = (gate) => (asked) => gate.decideSync(asked).status;

/** One gate for every way that a record can be hashed, each with its own store. */
function gates(policy, made) {
  const store = (records, peppers) =>
    createGate({ policy, peppers, keySets: noTokens, keys: { find: (id) => records.get(id) ?? null } });
  return {
    "plain hash": store(made.stores.plain),
    peppered: store(made.stores.peppered, made.peppers),
    sealed: store(made.stores.sealed, made.peppers),
  };
}

export async function keyDecisions() {
  const entries = [];
  for (const count of [30, 1000]) {
    const policy = policies[count];
    const made = makeKeys(policy);
    const asked = keyAnswers(count, made.raw);
    const requests = keyRequests(count, made.raw);
    const contestants = Object.entries(gates(policy, made)).map(([name, gate]) => [name, statusOf(gate)]);
    contestants.push([SAFE, safeKeys(policy, made.hand)], [HMAC, pepperedKeys(policy, made.hand, made.pepper)], [FAST, fastKeys(policy, made.hand)]);
    for (const [name, decide] of contestants) await answers(name, decide, asked);
    for (const [name, decide] of contestants) entries.push({ name: `${name} (${count})`, run: cycle(decide, requests) });
    const prefixed = prefixedKeys(made.raw);
    if (!prefixed(made.raw[0]) || prefixed(made.raw[0], made.raw[1])) throw new Error("prefixed-api-key does not tell keys apart");
    entries.push({ name: `${PREFIXED} (${count})`, run: (at) => prefixed(made.raw[at % made.raw.length]) });
  }
  const times = await race(entries);
  for (const count of [30, 1000]) {
    const pairs = [
      ["plain hash", SAFE, 0.5], ["plain hash", FAST, 1], ["peppered", SAFE, 0.5], ["peppered", HMAC], ["peppered", FAST, 1],
      ["sealed", SAFE, 0.65], ["sealed", HMAC], ["peppered", PREFIXED],
    ];
    rows("key decision", times, pairs.map(([ours, peer, target]) => [`${ours} (${count})`, `${peer} (${count})`, target]));
  }
  rows("key decision", times, [["peppered (1000)", "peppered (30)", 1.05]]);
}
