// A whole API-key decision, and authorisation alone.
import { createGate } from "../../js/entry/node.js";
import { answers, race, rows } from "./harness.js";
import { casbin } from "./peers/casbin.js";
import { cedarWasm } from "./peers/cedar.js";
import { fastKeys, findMyWaySet, pepperedKeys, safeKeys } from "./peers/hand.js";
import { honoSet, prefixedKeys } from "./peers/others.js";
import { keyAnswers, keyRequests, makeKeys, manyRoutes, open, paths, request, seed, writePath } from "./world.js";

const policies = { 30: seed, 1000: manyRoutes(1000) };
const noTokens = { user: { keys: [] } };
const SAFE = "find-my-way, createHash, timingSafeEqual";
const HMAC = "find-my-way, createHmac, timingSafeEqual";
const FAST = "find-my-way, crypto.hash, Map by hash";
const PREFIXED = "prefixed-api-key, its check alone";
const cycle = (decide, requests) => (at) => decide(requests[at & 63]);
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

export async function authorisation() {
  for (const count of [30, 1000]) {
    const policy = policies[count];
    const held = new Set(["jobs:read", "applications:read", "analytics:read"]);
    const gate = createGate({ policy: open(policy), keySets: noTokens });
    const requests = Array.from({ length: 64 }, (_, at) => request("GET", paths[count][at % 4], {}));
    const asked = [
      ["allow", request("GET", paths[count][1], {}), 200], ["a scope that is not held", request("POST", writePath[count], {}), 403],
      ["an unknown path", request("GET", "/public/v1/nowhere", {}), 404], ["a wrong method", request("PUT", paths[count][1], {}), 405],
    ];
    const flat = asked.map(([what, asks, status]) => [what, asks, status === 200 ? 200 : 403]);
    const ours = statusOf(gate);
    const grant = createGate({ policy, keySets: noTokens }).grant("apiKey", [...held]);
    const covers = ({ method, target }) => (grant.covers(method, target) === null ? 403 : 200);
    await answers("ours", ours, asked.filter(([, , status]) => status !== 403));
    await answers("covers", covers, flat);
    const routers = [["find-my-way, Set", findMyWaySet(policy, held)], ["hono RegExpRouter, Set", honoSet(policy, held)]];
    const engines = [
      ["casbin", await casbin(policy, held)], ["cedar-wasm, policies prepared", cedarWasm(policy, held, true)],
      ["cedar-wasm, policies as text", cedarWasm(policy, held, false)],
    ];
    for (const [name, decide] of routers) await answers(name, decide, asked);
    for (const [name, decide] of engines) await answers(name, decide, flat);
    const entries = [["covers", covers], ["a whole decision, every route public", ours], ...routers].map(([name, decide]) => ({ name, run: cycle(decide, requests) }));
    const fast = await race(entries);
    const slow = await race([["covers", covers], ...engines].map(([name, decide]) => ({ name, run: cycle(decide, requests) })), { rounds: 15 });
    const task = `authorisation, ${count} routes`;
    rows(task, fast, [
      ["covers", "find-my-way, Set", 1.1], ["covers", "hono RegExpRouter, Set"], ["a whole decision, every route public", "find-my-way, Set"],
    ]);
    rows(task, slow, [
      ["covers", "casbin"], ["covers", "cedar-wasm, policies prepared", 0.0033], ["covers", "cedar-wasm, policies as text", 0.0033],
    ]);
  }
}
