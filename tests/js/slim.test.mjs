// The slim module: HMAC is its own, every other signature is the runtime's, and what nobody can verify is an outage.
import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createGate, init, ScopegateError } from "../../js/entry/slim.js";

init(readFileSync(new URL("../../pkg/scopegate_slim_bg.wasm", import.meta.url)));

const NOW = 1_780_000_000;
const secret = new Uint8Array(32).fill(9);
const SIGNERS = {
  RS256: ["rsa", { modulusLength: 2048 }, "sha256", {}],
  PS256: ["rsa", { modulusLength: 2048 }, "sha256", { padding: 6, saltLength: 32 }],
  ES256: ["ec", { namedCurve: "P-256" }, "sha256", { dsaEncoding: "ieee-p1363" }],
  ES384: ["ec", { namedCurve: "P-384" }, "sha384", { dsaEncoding: "ieee-p1363" }],
  EdDSA: ["ed25519", {}, null, {}],
};
const pairs = Object.fromEntries(Object.entries(SIGNERS).map(([algorithm, [type, options]]) => [algorithm, generateKeyPairSync(type, options)]));
const keys = Object.entries(pairs).map(([algorithm, { publicKey }]) => ({ ...publicKey.export({ format: "jwk" }), kid: algorithm, alg: algorithm, use: "sig" }));
/** A point of order 1: under such a key there is a signature that fits every message. */
const small = { kty: "OKP", crv: "Ed25519", x: Buffer.from([1, ...new Uint8Array(31)]).toString("base64url"), kid: "small" };
const short = { ...keys[0], kid: "short", n: Buffer.from(keys[0].n, "base64url").subarray(0, 128).toString("base64url") };
const policy = (algorithms) => ({
  version: 1, name: "slim", https: "optional", scopes: { "jobs:read": "Read jobs" },
  credentials: { user: { type: "bearer", issuer: "https://issuer.example", audiences: ["api"], algorithms } },
  routes: [{ id: "job", match: "GET /jobs/{id}", allow: [{ user: ["jobs:read"] }] }],
});
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const input = (alg, kid = alg) => `${part({ alg, typ: "at+jwt", kid })}.${part({ iss: "https://issuer.example", aud: "api", sub: "u1", iat: NOW, exp: NOW + 60, scope: "jobs:read" })}`;
const signature = (algorithm, text) => {
  if (algorithm === "HS256") return createHmac("sha256", secret).update(text).digest();
  const [, , digest, how] = SIGNERS[algorithm];
  return sign(digest, Buffer.from(text), { key: pairs[algorithm].privateKey, ...how });
};
const ask = (text, proof) => ({ method: "GET", target: "/jobs/7", headers: { authorization: `Bearer ${text}.${proof.toString("base64url")}` } });
const gateOf = (options, algorithms = Object.keys(SIGNERS)) => createGate({ policy: policy(algorithms), keySets: { user: { keys: [...keys, small, short] } }, now: () => NOW, tokenCache: false, ...options });

describe("the slim module", () => {
  for (const algorithm of Object.keys(SIGNERS)) {
    it(`leaves ${algorithm} to the runtime`, async () => {
      const text = input(algorithm);
      const good = ask(text, signature(algorithm, text));
      const bad = ask(text, signature(algorithm, `${text}x`));
      for (const gate of [gateOf({ verify: "node" }), gateOf({ verify: "webcrypto" })]) {
        const allowed = await gate.decide(good);
        assert.deepEqual([allowed.status, allowed.principal?.subject], [200, "u1"]);
        const denied = await gate.decide(bad);
        assert.deepEqual([denied.status, denied.detail], [401, "signature_invalid"]);
      }
    });
  }

  it("verifies HMAC itself", () => {
    const gate = createGate({ policy: policy(["HS256"]), secrets: { user: secret }, now: () => NOW, verify: "wasm" });
    const text = input("HS256");
    assert.equal(gate.decideSync(ask(text, signature("HS256", text))).status, 200);
    assert.equal(gate.decideSync(ask(text, signature("HS256", `${text}x`))).status, 401);
  });

  it("refuses a policy whose signatures nobody would verify", () => {
    assert.throws(() => gateOf({ verify: "wasm" }), (error) => error instanceof ScopegateError && error.code === "algorithm_unsupported");
  });

  it("skips weak and broken keys as the whole module does", () => {
    const gate = gateOf({ verify: "node" });
    const proof = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);
    const found = gate.decideSync(ask(input("EdDSA", "small"), proof));
    assert.deepEqual([found.status, found.detail], [401, "key_invalid"]);
    const weak = gate.decideSync(ask(input("RS256", "short"), Buffer.alloc(128, 1)));
    assert.deepEqual([weak.status, weak.detail], [401, "key_weak"]);
    const other = gate.decideSync(ask(input("ES256", "RS256"), Buffer.alloc(64, 1)));
    assert.deepEqual([other.status, other.detail], [401, "alg_key_mismatch"]);
  });

  it("counts a signature that the runtime cannot verify, or not at once, as an outage", async () => {
    const reported = [];
    const gate = gateOf({ verify: "webcrypto", onError: (error) => reported.push(error.code) });
    const text = input("ES256");
    const good = ask(text, signature("ES256", text));
    const late = gate.decideSync(good);
    assert.deepEqual([late.status, late.code], [503, "keys_unavailable"]);
    const { subtle } = globalThis.crypto;
    subtle.importKey = () => Promise.reject(new Error("unknown"));
    try {
      const unknown = await gateOf({ verify: "webcrypto", onError: (error) => reported.push(error.code) }).decide(good);
      assert.deepEqual([unknown.status, unknown.code], [503, "keys_unavailable"]);
    } finally {
      delete subtle.importKey;
    }
    assert.deepEqual(reported, ["algorithm_unsupported", "algorithm_unsupported"]);
    assert.equal((await gate.decide(good)).status, 200);
  });
});
