// Where the time of a key decision goes: its parts alone, what is around the key, and the whole for every way that a record is hashed.
import { RawEngine } from "../../js/core/raw.js";
import { readRequest } from "../../js/core/request.js";
import { createGate } from "../../js/entry/node.js";
import { duration, race } from "./harness.js";
import { keyRequests, makeKeys, open, request, seed } from "./world.js";

/** Compressions of SHA-256 that a sealed record takes more than a peppered one. */
const SEAL_BLOCKS = 4;

export async function parts() {
  const made = makeKeys(seed);
  const records = made.stores.peppered;
  const keySets = { user: '{"keys":[]}' };
  const engine = new RawEngine(JSON.stringify(seed), JSON.stringify({
    peppers: { current: "p1", plainHashes: false, keys: { p1: made.pepper.toString("base64url") } },
    secrets: {}, keySets, tokenCache: null, hostVerification: false, trace: false, touchInterval: 60,
  }));
  const gate = (kind) => createGate({
    policy: seed, peppers: kind === "plain" ? undefined : made.peppers, keySets, keys: { find: (id) => made.stores[kind].get(id) ?? null },
  });
  const requests = keyRequests(30, made.raw);
  const session = engine.acquire();
  const now = Math.floor(Date.now() / 1000);
  const idOf = ({ headers }) => headers["x-api-key"].split("_")[2];
  const stored = requests.map((one) => [idOf(one), records.get(idOf(one))]);
  const encoder = new TextEncoder();
  const room = new Uint8Array(512);
  const read = (at) => readRequest(session.view, requests[at & 63], engine.names);
  const handle = (at) => engine.records.handle(...stored[at & 63]);
  const answer = (at) => {
    read(at);
    session.begin(now, false);
    return session.answerKey(handle(at));
  };
  const decided = (decide, asked) => (at) => decide.decideSync(asked[at & 63]);
  const gates = Object.fromEntries(["plain", "peppered", "sealed"].map((kind) => [kind, gate(kind)]));
  const free = createGate({ policy: open(seed), keySets });
  const without = requests.map(({ method, target }) => request(method, target, {}));
  const steps = {
    "the clock": () => Math.floor(Date.now() / 1000),
    "a key and a target as bytes": (at) => {
      const { headers, target } = requests[at & 63];
      return encoder.encodeInto(headers["x-api-key"], room).written + encoder.encodeInto(target, room).written;
    },
    "a record from a Map, by an id cut from its key": (at) => records.get(requests[at & 63].headers["x-api-key"].substring(9, 21)),
    "the request read into strings": read,
    "the record compared with the one that the module has": handle,
    "both, the request into the module, the key proven, the decision made": answer,
    "a decision on a public route": decided(free, without),
    "plain hash: a whole decision": decided(gates.plain, requests),
    "peppered: a whole decision": decided(gates.peppered, requests),
    "sealed: a whole decision": decided(gates.sealed, requests),
  };
  if (answer(0) !== 0 || Object.values(gates).some((one) => one.decideSync(requests[0]).status !== 200)) throw new Error("the key is not accepted");
  const times = await race(Object.entries(steps).map(([name, run]) => ({ name, run })));
  console.log("\n| part of a key decision | time |\n| --- | --- |");
  for (const [name, time] of times) console.log(`| ${name} | ${duration(time)} |`);
  const seal = times.get("sealed: a whole decision") - times.get("peppered: a whole decision");
  console.log(`| one compression of SHA-256 in the module, of ${SEAL_BLOCKS} more for a seal | ${duration(seal / SEAL_BLOCKS)} |`);
}
