// How a request is laid into the module's memory: whatever its parts are as long as, the whole of each is judged.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createGate } from "../../js/entry/node.js";

const NOW = 1_780_000_000;
const policy = {
  version: 1, name: "tests", https: "optional", scopes: { a: "A" },
  credentials: { key: { type: "apiKey", header: "X-API-Key", prefix: "tst" } },
  routes: [
    { id: "one", match: "GET /a/{x}", allow: [{ key: ["a"] }] }, { id: "two", match: "GET /a/{x}/b", public: true },
    { id: "odd", match: "PROPFIND /a/{x}", public: true },
  ],
};
const store = new Map();
const gate = createGate({ policy, now: () => NOW, keys: { find: (id) => store.get(id) ?? null } });
const { record, rawKey } = gate.keys.issue({ label: "CI", scopes: ["a"], owner: "o", expiresAt: null });
store.set(record.id, record);
const ask = (target, headers = {}, method = "GET") => gate.decideSync({ method, target, headers: { "x-api-key": rawKey, ...headers } });

describe("the parts of a request", () => {
  it("may be of any length, one after the other", () => {
    const lengths = [1, 16, 17, 18, 30, 31, 32, 80, 251, 252, 253, 254, 255, 256, 257, 4000, 7000, 253, 17, 1];
    const others = [{}, { origin: "https://a.example" }, { origin: `https://${"o".repeat(5000)}.example` }];
    for (const length of lengths) {
      for (const other of others) {
        const decision = ask(`/a/${"x".repeat(length)}`, other);
        assert.deepEqual([decision.code, decision.routeId, decision.params.x.length, decision.principal.subject], ["ok", "one", length, "o"], String(length));
        assert.equal(ask(`/a/${"x".repeat(length)}/b?${"q".repeat(length % 1000)}`, other).routeId, "two");
        const odd = { origin: other.origin ?? "x", "x-api-key": `${rawKey}${"k".repeat(length)}` };
        assert.equal(ask(`/a/${"x".repeat(length)}`, odd).code, "malformed_credential", String(length));
      }
    }
  });

  it("are never judged by a part of them", () => {
    const huge = "h".repeat(300 * 1024);
    for (const length of [1, 250, 300, 7000]) {
      const whole = ask(`/a/${"x".repeat(length)}/b`, { "x-api-key": huge, origin: huge });
      assert.deepEqual([whole.routeId, whole.params.x.length], ["two", length], String(length));
      assert.equal(ask(`/a/${"x".repeat(length)}`, { "x-api-key": undefined, origin: huge }).code, "missing_credential");
    }
    assert.equal(ask(`/a/${huge}`).code, "noncanonical_target");
    for (const length of [0, 14, 15, 30, 120, 250, 251, 252, 300]) {
      for (const odd of ["é", "€", "😀"]) assert.equal(ask(`/a/${"x".repeat(length)}${odd}`).code, "noncanonical_target", `${length}${odd}`);
    }
    assert.equal(ask("").code, "noncanonical_target");
    assert.equal(ask("/a/x").code, "ok");
  });

  it("are each request's own, the method too", () => {
    const table = [["GET", "ok"], ["PROPFIND", "ok"], ["GET", "ok"], ["GEt", "method_not_allowed"], ["", "method_not_allowed"], ["GETT", "method_not_allowed"], ["G", "method_not_allowed"], ["GÉT", "method_not_allowed"], ["GET", "ok"], [`GET${" ".repeat(40)}`, "method_not_allowed"], ["PROPFIND", "ok"]];
    for (const [method, code] of table) assert.equal(ask("/a/x", {}, method).code, code, method);
    // What failed to be read leaves nothing behind.
    assert.throws(() => gate.decideSync({ method: 1, target: "/a/x" }), { code: "invalid_request" });
    assert.equal(ask("/a/x").code, "ok");
    assert.equal(ask("/a/x", { "x-api-key": undefined }).code, "missing_credential");
  });
});
