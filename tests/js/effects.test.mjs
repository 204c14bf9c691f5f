// What is stored after an answer: the sink of a gate, and what may go wrong with it.
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { describe, it } from "node:test";
import { createGate } from "../../js/entry/node.js";
import { instance } from "../../js/core/runtime.js";

const NOW = 1_780_000_000;
const policy = {
  version: 1, name: "tests", https: "optional", scopes: { a: "A" },
  credentials: { key: { type: "apiKey", header: "X-API-Key", prefix: "tst" }, user: { type: "bearer", issuer: "https://i.example", audiences: ["a"], algorithms: ["RS256"] } },
  routes: [{ id: "a", match: "GET /a", allow: [{ key: ["a"] }] }],
};
const wanted = { label: "CI", scopes: ["a"], owner: "o", expiresAt: null };
const failure = new Error("the sink is down");

/** A gate with a key, and what it reports. */
function site(onEffects) {
  const store = new Map();
  const errors = [];
  const gate = createGate({ policy, now: () => NOW, keys: { find: (id) => store.get(id) ?? null }, onEffects, onError: (error) => errors.push(error) });
  const { record, rawKey } = gate.keys.issue(wanted);
  store.set(record.id, record);
  return { gate, errors, id: record.id, ask: { method: "GET", target: "/a", headers: { "x-api-key": rawKey } } };
}

describe("a sink of effects", () => {
  const failing = {
    "that throws": () => { throw failure; },
    "that rejects": async () => { throw failure; },
    "whose late work rejects": (_, ctx) => { ctx.waitUntil(Promise.reject(failure)); },
    "whose late work rejects after it answered": (_, ctx) => ctx.waitUntil(turn().then(() => Promise.reject(failure))),
  };
  for (const [name, onEffects] of Object.entries(failing)) {
    it(`${name} changes no decision and is counted`, async () => {
      const { gate, errors, ask } = site(onEffects);
      assert.deepEqual([(await gate.decide(ask)).status, gate.decideSync(ask).status], [200, 200]);
      await turn();
      await turn();
      assert.deepEqual([gate.counts.effectFailures, errors], [2, [failure, failure]]);
    });
  }

  it("hears of every decision: uses of keys on allow alone, the audit always", async () => {
    const heard = [];
    const { gate, id, ask } = site((effects, ctx) => ctx.waitUntil(Promise.resolve(heard.push(...effects))));
    await gate.decide(ask);
    await gate.decide({ ...ask, headers: {} });
    assert.deepEqual(heard.map(({ type }) => type), ["touch", "audit", "audit"]);
    assert.deepEqual(heard[0], { type: "touch", id, at: NOW });
    assert.deepEqual([heard[1].event.code, heard[2].event.code], ["ok", "missing_credential"]);
    assert.ok(!JSON.stringify(heard).includes(ask.headers["x-api-key"].slice(-49)));
  });

  it("is handed the caller's context, whose waitUntil gets its promise", async () => {
    const waited = [];
    const contexts = [];
    const context = { waitUntil: (promise) => waited.push(promise), env: { name: "edge" } };
    const { gate, ask } = site(async (_, ctx) => contexts.push(ctx));
    await gate.decide(ask, context);
    await gate.decide(ask, { env: context.env });
    assert.equal(waited.length, 1);
    assert.equal(contexts[0], context);
    assert.equal(contexts[1].env, context.env);
    assert.equal(typeof contexts[1].waitUntil, "function");
    await Promise.all(waited);
  });
});

describe("what a gate is given", () => {
  for (const [name, source] of [["nobody", async () => ({ keys: [] })], ["key", async () => ({ keys: [] })], ["nobody", { keys: () => ({ jwks: '{"keys":[]}', fetchedAt: NOW }) }]]) {
    it(`is no source of key sets for ${name}`, () => assert.throws(() => createGate({ policy, keySets: { [name]: source } }), { code: "unknown_credential" }));
  }
});

describe("a hash that was made without a pepper", () => {
  const { record, rawKey } = createGate({ policy, now: () => NOW }).keys.issue(wanted);
  const p1 = new Uint8Array(32).fill(1);
  for (const [peppers, status, types] of [
    [{ current: "p1", p1 }, 401, ["audit"]],
    [{ current: "p1", p1, acceptPlainHashes: false }, 401, ["audit"]],
    [{ current: "p1", p1, acceptPlainHashes: true }, 200, ["touch", "upgrade", "audit"]],
  ]) {
    it(`is ${status} with ${Object.keys(peppers)} ${peppers.acceptPlainHashes}`, () => {
      const heard = [];
      const gate = createGate({ policy, now: () => NOW, peppers, keys: { find: () => record }, onEffects: (effects) => void heard.push(...effects) });
      assert.equal(gate.decideSync({ method: "GET", target: "/a", headers: { "x-api-key": rawKey } }).status, status);
      assert.deepEqual(heard.map(({ type }) => type), types);
    });
  }
});

describe("a trap outside of a decision", () => {
  it("is told, and what comes next runs on a fresh instance", () => {
    const { gate, ask } = site();
    const { prototype } = instance().glue.RawGate;
    const { issue } = prototype;
    prototype.issue = () => { throw new WebAssembly.RuntimeError("unreachable"); };
    assert.throws(() => gate.keys.issue(wanted), { code: "engine_restarted" });
    prototype.issue = issue;
    assert.equal(gate.counts.restarts, 1);
    assert.equal(gate.keys.issue(wanted).record.label, "CI");
    assert.equal(gate.decideSync(ask).status, 200);
  });
});
