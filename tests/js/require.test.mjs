// A handler that was registered for one route of the policy.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createGate } from "../../js/entry/node.js";

const NOW = 1_780_000_000;
const policy = {
  version: 1, name: "tests", https: "optional", scopes: { a: "A" }, credentials: { key: { type: "apiKey", header: "X-API-Key", prefix: "tst" } },
  routes: [
    { id: "one", match: "GET /one/{id}", allow: [{ key: ["a"] }] }, { id: "two", match: "GET /two", allow: [{ key: ["a"] }] },
    { id: "health", match: "GET /health", public: true },
  ],
};
const store = new Map();
const heard = [];
const gate = createGate({ policy, now: () => NOW, keys: { find: (id) => store.get(id) ?? null }, onEffects: (effects) => void heard.push(...effects) });
const { record, rawKey } = gate.keys.issue({ label: "CI", scopes: ["a"], owner: "o", expiresAt: null });
store.set(record.id, record);

describe("a gate for one route", () => {
  const table = [
    ["one", "/one/7", rawKey, [200, "ok"], ["touch", "audit"]],
    ["one", "/one/7", undefined, [401, "missing_credential"], ["audit"]],
    ["one", "/two", rawKey, [404, "route_mismatch"], ["audit"]],
    ["one", "/health", undefined, [404, "route_mismatch"], ["audit"]],
    ["health", "/health", undefined, [200, "ok"], ["audit"]],
    ["one", "/nowhere", rawKey, [404, "no_route"], ["audit"]],
  ];
  for (const [route, target, key, [status, code], effects] of table) {
    it(`${route}: ${target} is ${status} ${code}, and so says the audit`, async () => {
      const held = gate.require(route);
      const request = { method: "GET", target, headers: key === undefined ? {} : { "x-api-key": key } };
      for (const decide of [() => held.decide(request), () => held.decideSync(request)]) {
        heard.length = 0;
        const decision = await decide();
        assert.deepEqual([decision.status, decision.code, decision.allowed], [status, code, status === 200]);
        assert.deepEqual(heard.map(({ type }) => type), effects);
        const { event } = heard.at(-1);
        assert.deepEqual([event.status, event.code, event.at], [status, code, NOW]);
        assert.deepEqual(event, decision.effects.audit);
      }
    });
  }

  it("is refused for a route that the policy has not", () => assert.throws(() => gate.require("three"), { code: "route_unknown" }));
});
