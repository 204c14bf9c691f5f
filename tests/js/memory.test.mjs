// V35: no secret stays in the module's memory, which a bug of the module could read out.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { it } from "node:test";
import { createGate } from "../../js/entry/node.js";
import { instance } from "../../js/core/runtime.js";

const NOW = 1_780_000_000;
const secret = new Uint8Array(32).fill(3);
const policy = {
  version: 1, name: "tests", https: "optional", scopes: { a: "A" },
  credentials: {
    key: { type: "apiKey", header: "X-API-Key", prefix: "tst" },
    user: { type: "bearer", issuer: "https://issuer.example", audiences: ["a"], algorithms: ["HS256"] },
  },
  routes: [{ id: "a", match: "GET /a", allow: [{ key: ["a"] }, { user: ["a"] }] }],
};
const stays = (text) => Buffer.from(instance().memory.buffer).includes(text);
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const input = `${part({ alg: "HS256", typ: "at+jwt" })}.${part({ iss: "https://issuer.example", aud: "a", sub: "u", iat: NOW - 1, exp: NOW + 60, scope: "a" })}`;
const signature = createHmac("sha256", secret).update(input).digest("base64url");

it("V35 keys and tokens are gone from the module's memory after each call", async () => {
  const store = new Map();
  const gate = createGate({
    policy, now: () => NOW, peppers: { current: "p1", p1: new Uint8Array(32).fill(9) }, secrets: { user: secret }, tokenCache: false,
    keys: { find: (id) => store.get(id) ?? null },
  });
  const { record, rawKey } = gate.keys.issue({ label: "CI", scopes: ["a"], owner: "o", expiresAt: null });
  store.set(record.id, record);
  const rotated = gate.keys.rotate(record, { overlap: 60 });
  const ask = (headers, target = "/a") => ({ method: "GET", target, headers });
  const asked = {
    "a good key": ask({ "x-api-key": rawKey }),
    "a wrong key": ask({ "x-api-key": `${rawKey.slice(0, -1)}!` }),
    "a key in the query": ask({}, `/a?key=${rawKey}`),
    "a good token": ask({ authorization: `Bearer ${input}.${signature}` }),
    "a token of another": ask({ authorization: `Bearer ${input}.${signature.replace(/^./, "_")}` }),
  };
  const secrets = [rawKey, rotated.rawKey].map((key) => key.slice(22, 65));
  for (const one of secrets) assert.ok(!stays(one), "a key that was issued stays");
  for (const [name, request] of Object.entries(asked)) {
    const decision = await gate.decide(request);
    decision.toString();
    for (const one of [...secrets, signature, input]) assert.ok(!stays(one), `${name} stays: ${decision.code}`);
  }
});

it("V35 nor does a key stay whose record is not sealed, however it was hashed", () => {
  const pepper = new Uint8Array(32).fill(9);
  const digests = {
    sha256: (rawKey) => ({ alg: "sha256", hash: createHash("sha256").update(rawKey).digest("base64url") }),
    "hmac-sha256": (rawKey) => ({ alg: "hmac-sha256", kid: "p1", hash: createHmac("sha256", pepper).update(`apikey/v1\0${rawKey}`).digest("base64url") }),
  };
  for (const [name, hashed] of Object.entries(digests)) {
    const store = new Map();
    const gate = createGate({
      policy, now: () => NOW, peppers: name === "sha256" ? undefined : { current: "p1", p1: pepper }, secrets: { user: secret },
      keys: { find: (id) => store.get(id) ?? null },
    });
    for (let at = 0; at < 8; at++) {
      const { record, rawKey } = gate.keys.issue({ label: "CI", scopes: ["a"], owner: "o", expiresAt: null });
      store.set(record.id, { ...record, sealed: false, hashes: [{ ...hashed(rawKey), notAfter: null }] });
      assert.equal(gate.decideSync({ method: "GET", target: "/a", headers: { "x-api-key": rawKey } }).code, "ok", name);
      for (const part of [rawKey.slice(22, 65), rawKey.slice(22, 38), rawKey.slice(40, 56)]) assert.ok(!stays(part), `a part of a key stays: ${name}`);
    }
  }
});
