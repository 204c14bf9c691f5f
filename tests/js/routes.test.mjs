// Many routes side by side: where an address has 32 bits the table must find them as natively.
import assert from "node:assert/strict";
import { it } from "node:test";
import { createGate } from "../../js/entry/node.js";

it("finds each of many routes, and nothing beside them", () => {
  const paths = Array.from({ length: 1000 }, (_, at) => `/api/thing-${at}${at % 3 === 0 ? "/{id}" : at % 3 === 1 ? "/a-rather-long-literal-segment" : ""}`);
  const gate = createGate({
    policy: {
      version: 1, name: "many", scopes: { read: "Read" }, credentials: { key: { type: "apiKey", header: "X-API-Key", prefix: "abc" } },
      routes: paths.map((path, at) => ({ id: `r${at}`, match: `GET ${path}`, allow: [{ key: ["read"] }] })),
    },
  });
  const held = gate.grant("key", ["read"]);
  paths.forEach((path, at) => {
    const target = path.replace("{id}", "4711");
    assert.equal(held.covers("GET", target), `r${at}`);
    assert.equal(held.covers("GET", `${target}x/y`), null);
    assert.equal(gate.decideSync({ method: "GET", target }).routeId, `r${at}`);
  });
});
