// What surrounds the module: records, key sets, signatures.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign, createHash } from "node:crypto";
import * as crypto from "node:crypto";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { remoteKeySet } from "../../js/core/keyset.js";
import { Records } from "../../js/core/records.js";
import { keySetAnswer, peppersOf, splitKeySets, within } from "../../js/core/store.js";
import { VERIFY, nodeVerifier, webVerifier } from "../../js/core/verify.js";

const record = () => ({
  v: 1, id: "Q9s9Xw1BgXP4", env: "live", owner: "o", label: "l", scopes: ["a"], hashes: [{ alg: "hmac-sha256", kid: "p1", hash: "x", notAfter: null }],
  sealed: false, createdAt: 1, expiresAt: null, revokedAt: null, graceUntil: null, lastUsedAt: null, ipAllow: [], rotatedFrom: null, version: 1,
});

describe("key records", () => {
  const counting = () => {
    const calls = { parsed: [], dropped: [] };
    return { calls, records: new Records({ record: (text) => calls.parsed.push(text), drop_record: (handle) => calls.dropped.push(handle) }) };
  };

  it("that are rubbish are refused before they reach the module", () => {
    const { calls, records } = counting();
    const broken = [
      undefined, 1, "x", [], {}, { expiresAt: 1.5 }, { expiresAt: Number.NaN }, { expiresAt: Infinity }, { expiresAt: "1" }, { expiresAt: undefined },
      { expiresAt: new Date() }, { revokedAt: 10n }, { scopes: "a" }, { scopes: [1] }, { hashes: [null] }, { hashes: {} }, { sealed: 1 }, { version: null },
    ];
    for (const change of broken) {
      const rubbish = change && typeof change === "object" && !Array.isArray(change) && Object.keys(change).length > 0 ? { ...record(), ...change } : change;
      assert.throws(() => records.handle("Q9s9Xw1BgXP4", rubbish), { code: "record_invalid" });
    }
    assert.equal(calls.parsed.length, 0);
  });

  it("cross once while they stay the same, and again after any change, in place too", () => {
    const scalars = Object.keys(record()).filter((name) => !Array.isArray(record()[name]));
    const other = (value) => (typeof value === "string" ? `${value}x` : typeof value === "boolean" ? !value : (value ?? 0) + 7);
    const changes = [
      ...scalars.map((name) => Object.defineProperty((r) => { r[name] = name === "rotatedFrom" ? "x" : other(r[name]); }, "toString", { value: () => name })),
      (r) => { r.hashes[0].alg = "sha256"; }, (r) => { r.hashes[0].kid = "p2"; }, (r) => { r.hashes.push({ ...r.hashes[0] }); },
      (r) => { r.revokedAt = 5; }, (r) => { r.scopes.push("b"); }, (r) => { r.scopes[0] = "c"; }, (r) => { r.hashes[0].hash = "y"; },
      (r) => { r.hashes[0].notAfter = 9; }, (r) => { r.ipAllow.push("192.0.2.0/24"); }, (r) => { r.sealed = true; }, (r) => { r.version = 2; }, (r) => { r.env = "test"; },
    ];
    for (const change of changes) {
      const { calls, records } = counting();
      const kept = record();
      records.handle("Q9s9Xw1BgXP4", kept);
      records.handle("Q9s9Xw1BgXP4", record());
      assert.equal(calls.parsed.length, 1, String(change));
      const known = records.of(records.handle("Q9s9Xw1BgXP4", kept));
      assert.ok(records.isStill(known, kept) && !records.isStill(known, null) && !records.isStill(known, undefined));
      change(kept);
      assert.ok(!records.isStill(known, kept), String(change));
      records.handle("Q9s9Xw1BgXP4", kept);
      // Given up: nobody comes by the old handle any more.
      assert.ok(records.of(1) === undefined && !records.isStill(known, record()));
      assert.equal(calls.parsed.length, 2, String(change));
      assert.equal(calls.dropped.length, 1);
    }
  });
});

describe("answers of the host", () => {
  it("of a store that hangs are an outage once the time is over, and no timer stays behind", async () => {
    const running = new Map();
    const timers = { setTimeout: (run, milliseconds) => running.set(milliseconds, run) && milliseconds, clearTimeout: (timer) => running.delete(timer) };
    const hanging = within(new Promise(() => {}), 5000, "The key store", timers);
    assert.deepEqual([...running.keys()], [5000]);
    running.get(5000)();
    await assert.rejects(hanging, { code: "store_timeout" });
    assert.equal(await within(Promise.resolve(7), 5000, "The key store", timers), 7);
    assert.equal(running.size, 0);
  });

  it("of key-set sources have one of a few shapes", () => {
    for (const rubbish of [undefined, null, 1, {}, { jwks: "{}" }, { jwks: undefined, fetchedAt: 1 }, { jwks: "{}", fetchedAt: 1.5 }]) {
      assert.equal(keySetAnswer(rubbish, 7), undefined);
    }
    assert.deepEqual(keySetAnswer({ keys: [] }, 7), { jwks: '{"keys":[]}', fetchedAt: 7 });
    assert.deepEqual(keySetAnswer({ jwks: { keys: [] }, fetchedAt: 3 }, 7), { jwks: '{"keys":[]}', fetchedAt: 3 });
    assert.throws(() => splitKeySets({ user: 1 }), { code: "key_set_invalid" });
    assert.throws(() => peppersOf({ current: "p2", p1: "x" }), { code: "keyring_invalid" });
    assert.deepEqual(peppersOf({ current: "p1", p1: new Uint8Array([251, 255]) }), { current: "p1", plainHashes: false, keys: { p1: "-_8" } });
  });
});

describe("remote key sets", () => {
  it("join callers, follow no redirect, wait after a failure", async (t) => {
    let hits = 0;
    let status = 200;
    const server = createServer((_, res) => {
      hits += 1;
      res.writeHead(status, { location: "/elsewhere" }).end('{"keys":[]}');
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const source = remoteKeySet(`http://127.0.0.1:${server.address().port}/jwks`);
    const answers = await Promise.all([source.keys(), source.keys(), source.keys()]);
    assert.equal(hits, 1);
    assert.equal(answers[0].jwks, '{"keys":[]}');
    status = 302;
    await assert.rejects(source.keys(), { code: "key_set_unavailable" });
    assert.equal(hits, 2);
    await assert.rejects(source.keys(), { code: "key_set_unavailable" });
    assert.equal(hits, 2);
  });

  it("are fetched over https", () => {
    assert.throws(() => remoteKeySet("http://issuer.example/jwks"), { code: "key_set_url_insecure" });
  });
});

describe("signatures by the host", async () => {
  const pss = { padding: 6, saltLength: 32 };
  const p1363 = { dsaEncoding: "ieee-p1363" };
  const table = [
    ["RS256", "rsa", { modulusLength: 2048 }, "sha256", {}], ["PS256", "rsa", { modulusLength: 2048 }, "sha256", pss],
    ["ES256", "ec", { namedCurve: "P-256" }, "sha256", p1363], ["ES384", "ec", { namedCurve: "P-384" }, "sha384", p1363], ["EdDSA", "ed25519", {}, null, {}],
  ];
  for (const [algorithm, type, made, digest, how] of table) {
    it(`${algorithm} by node:crypto and by WebCrypto`, async () => {
      const { privateKey, publicKey } = generateKeyPairSync(type, made);
      const input = Buffer.from("header.payload");
      const signature = sign(digest, input, { key: privateKey, ...how });
      const jwk = publicKey.export({ format: "jwk" });
      const key = { thumbprint: createHash("sha256").update(JSON.stringify(jwk)).digest("base64url"), jwk };
      for (const verify of [nodeVerifier(crypto), webVerifier(globalThis.crypto.subtle)]) {
        assert.equal(await verify(algorithm, key, input, signature), VERIFY.VALID);
        assert.equal(await verify(algorithm, key, Buffer.from("header.other"), signature), VERIFY.INVALID);
      }
    });
  }

  it("leaves what WebCrypto does not know to the module", async () => {
    const verify = webVerifier({ importKey: async () => { throw new Error("unknown"); } });
    assert.equal(await verify("EdDSA", { thumbprint: "t", jwk: {} }, new Uint8Array(), new Uint8Array()), VERIFY.HERE);
  });
});
