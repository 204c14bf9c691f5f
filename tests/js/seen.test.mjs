// Tokens that were seen before cross as a number: what they are worth must be asked anew each time.
import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Seen } from "../../js/core/seen.js";
import { createGate } from "../../js/entry/node.js";

const seed = JSON.parse(readFileSync(new URL("../../examples/jobiflow/policy.json", import.meta.url)));
const ORIGIN = "https://api.jobiflow.com";
const NOW = 1_800_000_000;
const pair = (kid) => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { kid, privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, alg: "ES256", use: "sig" } };
};
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const mint = ({ kid, privateKey }, claims) => {
  const input = `${part({ alg: "ES256", typ: "at+jwt", kid })}.${part({
    iss: ORIGIN, aud: ORIGIN, sub: "user-1", client_id: "dashboard", scope: "openid profile email", iat: NOW, exp: NOW + 600, ...claims,
  })}`;
  return `${input}.${sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
};
const policy = { ...seed, tests: [], credentials: { ...seed.credentials, user: { ...seed.credentials.user, algorithms: ["ES256"], leeway: 60 } } };
const one = pair("k1");
const other = pair("k2");
const ask = (token, target = "/settings/api-keys/7", more = {}) => ({ method: "GET", target, headers: { authorization: `Bearer ${token}`, ...more } });
/** As from a socket: never the same string. */
const fresh = (text) => Buffer.from(text).toString("latin1");

function gateAt(clock, options = {}) {
  return createGate({ policy, keySets: { user: { keys: [one.jwk, other.jwk] } }, now: () => clock.now, ...options });
}

describe("tokens that were seen before", () => {
  it("come to the same decision as tokens that are read, in every text", () => {
    const clock = { now: NOW };
    const cached = gateAt(clock);
    const plain = gateAt(clock, { tokenCache: false });
    const tokens = ["a", "b"].map((jti) => mint(one, { jti })).concat(mint(other, { jti: "c", sub: "user-2" }), mint(one, { scope: "email" }));
    for (let round = 0; round < 4; round++) {
      for (const token of tokens) {
        for (const target of ["/settings/api-keys/7", "/settings/api-keys", "/settings/nowhere", "/settings/../x", "/public/v1/job-listings"]) {
          for (const more of [{}, { "x-api-key": "jbf_live_x" }, { "x-http-method-override": "PUT" }]) {
            const [left, right] = [cached, plain].map((gate) => gate.decideSync(ask(fresh(token), target, more)));
            assert.equal(left.toString(), right.toString());
            assert.deepEqual(left.principal, right.principal);
          }
        }
      }
    }
  });

  it("expire", () => {
    const clock = { now: NOW };
    const gate = gateAt(clock);
    const token = mint(one, {});
    for (const [at, status] of [[0, 200], [1, 200], [659, 200], [660, 401], [661, 401], [-3600, 401], [600, 200]]) {
      clock.now = NOW + at;
      assert.equal(gate.decideSync(ask(fresh(token))).status, status, `${at}`);
    }
  });

  it("are refused once their key has left the set", async () => {
    const clock = { now: NOW };
    let keys = [one.jwk, other.jwk];
    const gate = gateAt(clock, { keySets: { user: async () => ({ jwks: { keys }, fetchedAt: clock.now }) } });
    const token = mint(one, {});
    const status = async () => (await gate.decide(ask(fresh(token)))).status;
    for (let at = 0; at < 3; at++) assert.equal(await status(), 200);
    keys = [other.jwk];
    clock.now += 301;
    assert.equal(await status(), 401);
    assert.equal(await status(), 401);
  });

  it("with other claims under the same signature are not those", () => {
    const gate = gateAt({ now: NOW });
    const [head, , tail] = mint(one, {}).split(".");
    const [, claims] = mint(one, { sub: "user-2" }).split(".");
    const token = mint(one, {});
    for (let at = 0; at < 3; at++) assert.equal(gate.decideSync(ask(fresh(token))).status, 200);
    const forged = `${token.split(".")[0]}.${claims}.${token.split(".")[2]}`;
    assert.equal(gate.decideSync(ask(forged)).detail, "signature_invalid");
    assert.equal(gate.decideSync(ask(`${head}.${claims}.${tail}`)).status, 401);
    assert.equal(gate.decideSync(ask(fresh(token))).status, 200);
  });

  it("may be forgotten by the module at any time", () => {
    for (const tokenCache of [{ entries: 1 }, { entries: 2 }, { bytes: 1500 }]) {
      const gate = gateAt({ now: NOW }, { tokenCache });
      const tokens = Array.from({ length: 5 }, (_, at) => mint(one, { jti: `${at}`, sub: `user-${at}` }));
      for (let round = 0; round < 20; round++) {
        const at = (round * round + round) % 5;
        const decision = gate.decideSync(ask(fresh(tokens[at])));
        assert.equal(decision.principal.subject, `user-${at}`);
      }
    }
  });

  it("outlive whom the module remembers", () => {
    const secret = Buffer.alloc(32, 7);
    const hmac = { ...policy, credentials: { ...policy.credentials, user: { ...policy.credentials.user, algorithms: ["HS256"] } } };
    const gate = createGate({ policy: hmac, secrets: { user: secret }, now: () => NOW, tokenCache: { entries: 3000, bytes: 9e6 } });
    const tokens = Array.from({ length: 1500 }, (_, at) => {
      const input = `${part({ alg: "HS256", typ: "at+jwt" })}.${part({
        iss: ORIGIN, aud: ORIGIN, sub: `user-${at}`, client_id: "dashboard", scope: "openid profile email", iat: NOW, exp: NOW + 600,
      })}`;
      return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
    });
    for (let round = 0; round < 3; round++) {
      tokens.forEach((token, at) => assert.equal(gate.decideSync(ask(fresh(token))).principal.subject, `user-${at}`));
    }
  });

  it("are kept in bounds", () => {
    const proofs = { has: () => true };
    const seen = new Seen(proofs, [8, 2000]);
    const line = (at, length = 200) => `${"x".repeat(length - 20)}${String(at).padStart(20, "0")}`.replace(/0/g, (_, place) => String.fromCharCode(65 + (place * 7 + at * 13) % 26));
    const kept = (length) => Array.from({ length: 50 }, (_, at) => line(at, length)).filter((text) => seen.find(text) !== undefined).length;
    for (let at = 0; at < 50; at++) seen.keep(line(at), at, {}, at);
    assert.ok(kept() >= 1 && kept() <= 8, `${kept()}`);
    for (let at = 0; at < 50; at++) seen.keep(line(at, 900), at, {}, at);
    assert.ok(kept(900) >= 1 && kept(900) <= 2 && kept() <= 2);
    seen.keep("short", 1, {}, 1);
    seen.keep(line(1, 3000), 1, {}, 1);
    assert.equal(seen.find("short"), undefined);
    assert.equal(seen.find(line(1, 3000)), undefined);
    const proven = {};
    const gone = new Seen({ has: (slot, known) => slot === 3 && known === proven }, [8, 2000]);
    gone.keep(line(1), 3, proven, 1);
    assert.equal(gone.find(line(1)).proven, proven);
    gone.keep(line(1), 3, {}, 1);
    assert.equal(gone.find(line(1)), undefined);
  });
});
