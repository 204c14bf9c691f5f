// The real engine behind the package: refusals first, then what a host may do wrong, then the life of keys.
import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { describe, it } from "node:test";
import { createGate, ScopegateError } from "../../js/entry/node.js";
import { instance } from "../../js/core/runtime.js";

const NOW = 1_780_000_000;
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k1", alg: "RS256", use: "sig" };
const policy = {
  version: 1, name: "tests", https: "optional",
  scopes: { "jobs:read": "Read jobs", "jobs:write": "Write jobs" },
  credentials: {
    key: { type: "apiKey", header: "X-API-Key", prefix: "tst", environments: ["live"], accept: ["live"] },
    user: { type: "bearer", issuer: "https://issuer.example", audiences: ["api"], algorithms: ["RS256"], types: ["at+jwt"] },
  },
  routes: [
    { id: "health", match: "GET /health", public: true },
    { id: "job", match: "GET /jobs/{id}", allow: [{ key: ["jobs:read"] }, { user: ["jobs:read"] }] },
    { id: "both", match: "POST /jobs", allow: [{ key: ["jobs:write"], user: ["jobs:write"] }] },
  ],
};
const peppers = { current: "p1", p1: new Uint8Array(32).fill(7) };
const token = (claims = {}, header = {}) => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${part({ alg: "RS256", typ: "at+jwt", kid: "k1", ...header })}.${part({ iss: "https://issuer.example", aud: "api", sub: "u1", client_id: "app", jti: "1", iat: NOW - 10, exp: NOW + 600, scope: "jobs:read jobs:write", ...claims })}`;
  return `${input}.${sign("sha256", Buffer.from(input), privateKey).toString("base64url")}`;
};
const store = new Map();
const gateOf = (options) => createGate({ policy, peppers, now: () => NOW, keys: { find: (id) => store.get(id) ?? null }, keySets: { user: { keys: [jwk] } }, ...options });
const wanted = { label: "CI", scopes: ["jobs:read"], owner: "company-1", expiresAt: NOW + 3600 };
const issued = gateOf().keys.issue(wanted);
store.set(issued.record.id, issued.record);
const ask = (headers, target = "/jobs/7", method = "GET") => ({ method, target, headers });
const byKey = ask({ "X-API-Key": issued.rawKey });
const byToken = (claims, header) => ask({ authorization: `Bearer ${token(claims, header)}` });

describe("building a gate", () => {
  const refused = [
    ["no policy", {}, "policy_invalid"],
    ["a policy that is none", { policy: 7 }, "policy_invalid"],
    ["a route twice", { policy: { ...policy, routes: [policy.routes[0], policy.routes[0]] } }, "policy_invalid"],
    ["a member twice", { policy: '{"version":1,"version":1}' }, "policy_invalid"],
    ["a short pepper", { policy, peppers: { current: "a", a: "AAAA" } }, "keyring_invalid"],
    ["a pepper that is no base64url", { policy, peppers: { current: "a", a: "!" } }, "secret_invalid"],
    ["a key set for nobody", { policy, keySets: { nobody: { keys: [] } } }, "unknown_credential"],
    ["a key set that is none", { policy, keySets: { user: "x" } }, "key_set_invalid"],
    ...[
      { keys: {} }, { keys: null }, { verify: "nobody" }, { tokenCache: true }, { tokenCache: { entries: -1 } }, { storeTimeout: "5" }, { storeTimeout: 0 },
      { touchInterval: 0.5 }, { trace: "yes" }, { now: 1 }, { trustProxy: { https: "x-forwarded-proto" } }, { trustProxy: { clientIp: { header: "x", hops: 0 } } },
      { onEffects: [] }, { onError: null },
    ].map((options) => [`the option ${JSON.stringify(options)}`, { policy, ...options }, "options_invalid"]),
  ];
  for (const [name, options, code] of refused) {
    it(`refuses ${name}`, () => assert.throws(() => createGate(options), (error) => error instanceof ScopegateError && error.code === code && error.message.length > 10));
  }

  it("names every mistake by its place", () => {
    assert.throws(() => createGate({ policy: { ...policy, routes: [{ id: "x", match: "nonsense", public: true }, { id: "y", match: "GET /y", allow: [{ key: ["none"] }] }] } }), (error) => error.errors.length === 2 && error.errors.some(({ place }) => place === "/routes/0/match"));
  });
});

describe("decisions", () => {
  const gate = gateOf();
  const table = [
    ["nothing", ask({}), 401, "missing_credential"],
    ["a broken key", ask({ "X-API-Key": "tst_live_x" }), 401, "malformed_credential"],
    ["another's secret", ask({ "X-API-Key": gate.keys.issue(wanted).rawKey }), 401, "invalid_credential"],
    ["two keys", ask([["x-api-key", issued.rawKey], ["X-API-Key", issued.rawKey]]), 400, "ambiguous_credentials"],
    ["a signature of nothing", ask({ authorization: `Bearer ${token().split(".").slice(0, 2).join(".")}.AAAA` }), 401, "invalid_token"],
    ["a token for others", byToken({ aud: "x" }), 401, "invalid_token"],
    ["an expired token", byToken({ exp: NOW - 600 }), 401, "invalid_token"],
    ["alg none", byToken({}, { alg: "none" }), 401, "invalid_token"],
    ["an encoded dot", ask({}, "/jobs/%2e%2e"), 400, "noncanonical_target"],
    ["a method nobody has", ask({}, "/jobs/7", "DELETE"), 405, "method_not_allowed"],
    ["half of what is needed", { ...byKey, target: "/jobs", method: "POST" }, 401, "missing_credential"],
    ["a megabyte", ask({}, `/${"a".repeat(2 ** 20)}`), 400, "noncanonical_target"],
    ["a path that is no ASCII", ask({}, "/jobs/é"), 400, "noncanonical_target"],
    ["a key", byKey, 200, "ok"],
    ["a token", byToken(), 200, "ok"],
    ["a public route", ask({}, "/health"), 200, "ok"],
  ];
  for (const [name, request, status, code] of table) {
    it(`of ${name}: ${status} ${code}`, async () => {
      for (const decision of [await gate.decide(request), gate.decideSync(request)]) {
        assert.deepEqual([decision.status, decision.code, decision.allowed], [status, code, status === 200]);
        assert.equal(JSON.parse(decision.toString()).code, code);
        if (status !== 200) assert.equal(decision.toResponse().status, status);
      }
    });
  }

  it("show whom and what they allow, also after the gate is closed", () => {
    const gate = gateOf();
    const decision = gate.decideSync(byKey);
    gate.close();
    assert.deepEqual(decision.params, { id: "7" });
    assert.equal(decision.principal.keyId, issued.record.id);
    assert.deepEqual(JSON.parse(decision.toString()).effects.touch, { id: issued.record.id, at: NOW });
    assert.throws(() => gate.decideSync(byKey), { code: "gate_closed" });
  });

  it("keep their text when a thousand others come between", () => {
    const gate = gateOf({ verify: "node" });
    const first = gate.decideSync(byKey);
    for (let at = 0; at < 1100; at++) gate.decideSync(byToken({ sub: `u${at}` }));
    assert.equal(JSON.parse(first.toString()).principal.keyId, issued.record.id);
  });

  it("hold no credential in what is printed", async () => {
    const { inspect } = await import("node:util");
    for (const request of [byKey, byToken()]) {
      const decision = gate.decideSync(request);
      const secret = Object.values(request.headers)[0].slice(-20);
      assert.ok(!`${inspect(decision, { depth: 9, showHidden: true })}${decision}${JSON.stringify(decision)}`.includes(secret));
    }
  });
});

describe("a host", () => {
  const rubbish = { ...issued.record, expiresAt: NOW + 0.5 };
  const answers = [
    ["throws", () => { throw new Error("down"); }],
    ["rejects", () => Promise.reject(new Error("down"))],
    ["hangs", () => new Promise(() => {})],
    ["answers undefined", () => undefined],
    ["answers text", () => "record"],
    ["answers a float expiry", () => rubbish],
    ["answers a float expiry late", async () => rubbish],
    ["answers a record of hashes that are none", () => ({ ...issued.record, hashes: [{ alg: "md5", hash: "x", kid: null, notAfter: null }] })],
  ];
  for (const [name, find] of answers) {
    it(`that ${name} is an outage, and spoils nothing`, async () => {
      let well = false;
      const reported = [];
      const gate = gateOf({ keys: { find: (id) => (well ? store.get(id) : find(id)) }, storeTimeout: 20, onError: (error) => reported.push(error) });
      const decision = await gate.decide(byKey);
      assert.deepEqual([decision.status, decision.code], [503, "store_unavailable"]);
      assert.equal(reported.length, 1);
      well = true;
      assert.equal((await gate.decide(byKey)).status, 200);
    });
  }

  it("that answers another's record is refused", async () => {
    const other = gateOf().keys.issue(wanted);
    const gate = gateOf({ keys: { find: () => other.record } });
    assert.equal((await gate.decide(byKey)).code, "invalid_credential");
  });

  it("whose key set cannot be had is an outage", async () => {
    for (const user of [() => { throw new Error("down"); }, () => "rubbish", () => ({ jwks: "{}", fetchedAt: 0.5 }), async () => null]) {
      assert.equal((await gateOf({ keySets: { user } }).decide(byToken())).code, "keys_unavailable");
    }
  });

  it("that must be awaited cannot be asked at once", () => {
    assert.throws(() => gateOf({ keys: { find: async () => null } }).decideSync(byKey), { code: "store_is_async" });
  });

  it("whose clock tells no whole seconds decides nothing", () => {
    for (const now of [Number.NaN, 1.5, undefined, "1"]) assert.throws(() => gateOf({ now: () => now }).decideSync(byKey), { code: "clock_invalid" });
  });

  it("may change a record in place: the next decision sees it", () => {
    const record = structuredClone(issued.record);
    const gate = gateOf({ keys: { find: () => record } });
    assert.equal(gate.decideSync(byKey).code, "ok");
    record.revokedAt = NOW - 1;
    assert.equal(gate.decideSync(byKey).code, "key_revoked");
  });

  it("hears of many at once without mixing them up", async () => {
    const gate = gateOf({ keys: { find: async (id) => { await new Promise((turn) => setTimeout(turn, Math.random() * 5)); return store.get(id) ?? null; } } });
    const requests = Array.from({ length: 200 }, (_, at) => [byKey, byToken(), ask({ "X-API-Key": `x${at}` }), { ...byKey, target: `/jobs/${at}` }][at % 4]);
    const decisions = await Promise.all(requests.map((request) => gate.decide(request)));
    decisions.forEach((decision, at) => {
      assert.equal(decision.status, [200, 200, 401, 200][at % 4]);
      if (at % 4 === 3) assert.equal(decision.params.id, String(at));
    });
  });
});

describe("scopes that the application proved", () => {
  const gate = gateOf();
  const reader = gate.grant("key", ["jobs:read", "no:such"]);
  const table = [
    ["GET", "/jobs/7", "job"], ["GET", "/jobs/7?page=2", "job"], ["GET", "/health", "health"],
    ["POST", "/jobs", null], ["GET", "/jobs/../health", null], ["GET", "/nowhere", null], ["PUT", "/jobs/7", null], ["get", "/jobs/7", null],
    ["GET", "/jobs/\u00e9", null], ["G\u00cbT", "/jobs/7", null], ["", "", null], ["GET", `/jobs/${"a".repeat(900)}`, "job"], ["GET", `/jobs/${"a".repeat(9000)}`, null],
    ["GET", `/jobs/${"a".repeat(2000)}`, "job"],
  ];
  for (const [method, target, route] of table) it(`${method} ${target.slice(0, 30)}: ${route}`, () => assert.equal(reader.covers(method, target), route));

  it("of nobody, by another credential or not at all cover public routes alone", () => {
    for (const grant of [gate.grant("key", []), gate.grant("user", ["jobs:write"])]) {
      assert.deepEqual([grant.covers("GET", "/jobs/7"), grant.covers("GET", "/health")], [null, "health"]);
    }
    // Two credentials at once are a decision.
    assert.equal(gate.grant("key", ["jobs:write"]).covers("POST", "/jobs"), null);
  });

  it("are held by a credential of the policy, in a list", () => {
    assert.throws(() => gate.grant("nobody", []), { code: "credential_unknown" });
    for (const scopes of ["jobs:read", null, [7]]) assert.throws(() => gate.grant("key", scopes), { code: "request_invalid" });
    for (const request of [[7, "/"], ["GET"], [undefined, undefined]]) assert.throws(() => reader.covers(...request), { code: "invalid_request" });
  });

  it("outlive the instance, and not the gate", () => {
    const gate = gateOf();
    const grant = gate.grant("key", ["jobs:read"]);
    const { glue } = instance();
    const { covers } = glue.Held.prototype;
    glue.Held.prototype.covers = () => { throw new WebAssembly.RuntimeError("unreachable"); };
    assert.throws(() => grant.covers("GET", "/jobs/7"), { code: "engine_restarted" });
    glue.Held.prototype.covers = covers;
    assert.equal(grant.covers("GET", "/jobs/7"), "job");
    gate.close();
    assert.throws(() => grant.covers("GET", "/jobs/7"), { code: "gate_closed" });
  });
});

describe("tokens that are seen once", () => {
  const secret = new Uint8Array(32).fill(3);
  const user = { ...policy.credentials.user, algorithms: ["HS256"] };
  const options = { policy: { ...policy, credentials: { ...policy.credentials, user } }, keySets: undefined, secrets: { user: secret }, tokenCache: false };
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = part({ alg: "HS256", typ: "at+jwt" });
  const once = (sub) => {
    const input = `${head}.${part({ iss: "https://issuer.example", aud: "api", sub, client_id: "app", iat: NOW, exp: NOW + 60, scope: "jobs:read", name: "Zo\u00eb" })}`;
    return ask({ authorization: `Bearer ${input}.${createHmac("sha256", secret).update(input).digest("base64url")}` });
  };

  it("can be read when their slot is long taken, by the same bytes, and leave nothing in the module", () => {
    const gate = gateOf(options);
    const early = gate.decideSync(once("first"));
    const eager = gateOf({ ...options, json: true }).decideSync(once("first"));
    // Until the allocator has what it works with.
    for (let at = 0; at < 6000; at++) gate.decideSync(once(`warm-${at}`));
    const { memory } = instance();
    const before = memory.buffer.byteLength;
    for (let at = 0; at < 12_000; at++) assert.equal(gate.decideSync(once(`user-${at}`)).status, 200);
    assert.equal(memory.buffer.byteLength, before);
    gate.close();
    assert.equal(early.toString(), eager.toString());
    assert.deepEqual(early.principal, eager.principal);
    assert.deepEqual([early.principal.subject, early.principal.claims.name], ["first", "Zoë"]);
  });
});

describe("a trap", () => {
  it("denies its request, and the next one runs on a fresh instance", async () => {
    const reported = [];
    const gate = gateOf({ onError: (error) => reported.push(error.code) });
    const other = gateOf();
    const early = gate.decideSync(byKey);
    const text = early.toString();
    const { glue } = instance();
    const { begin } = glue.RawGate.prototype;
    glue.RawGate.prototype.begin = () => { throw new WebAssembly.RuntimeError("unreachable"); };
    const broken = gate.decideSync(byKey);
    glue.RawGate.prototype.begin = begin;
    assert.deepEqual([broken.status, broken.code], [503, "engine_restarted"]);
    assert.deepEqual([gate.counts.restarts, reported], [1, ["engine_restarted"]]);
    assert.equal(gate.decideSync(byKey).status, 200);
    assert.equal((await other.decide(byToken())).status, 200);
    assert.equal(early.toString(), text);
    gate.close();
    other.close();
  });
});

describe("a gate that is closed while a decision waits", () => {
  it("denies it, and spoils nothing for others", async () => {
    let answer;
    const gate = gateOf({ keys: { find: () => new Promise((resolve) => (answer = resolve)) } });
    const { glue, memory } = instance();
    const waiting = gate.decide(byKey);
    gate.close();
    answer(issued.record);
    const found = await waiting;
    assert.deepEqual([found.status, found.allowed, gate.counts.restarts], [503, false, 0]);
    assert.ok(instance().glue === glue && instance().memory === memory);
    await assert.rejects(gate.decide(byKey), { code: "gate_closed" });
    assert.equal(gateOf().decideSync(byKey).status, 200);
  });
});

describe("keys", () => {
  const { keys } = gateOf();
  const refused = [
    [{ ...wanted, label: "" }, "label_invalid"], [{ ...wanted, scopes: [] }, "scopes_empty"], [{ ...wanted, scopes: ["x"] }, "scope_unknown"],
    [{ ...wanted, expiresAt: NOW - 1 }, "expiry_past"], [{ ...wanted, expiresAt: NOW + 0.5 }, "request_invalid"], [{ ...wanted, expiresAt: Number.NaN }, "request_invalid"],
    [{ ...wanted, ceiling: [] }, "scope_not_held"], [{ ...wanted, environment: "x" }, "environment_unknown"], [{ ...wanted, surprise: 1 }, "request_invalid"],
    [{ ...wanted, credential: "user" }, "credential_unknown"], [{ ...wanted, expiresAt: undefined }, "request_invalid"], [undefined, "request_invalid"], ["CI", "request_invalid"],
  ];
  for (const [request, code] of refused) it(`are not issued: ${code} ${JSON.stringify(request)?.slice(0, 60)}`, () => assert.throws(() => keys.issue(request), { code }));

  it("live from issue over rotation to revocation", () => {
    const store = new Map();
    const gate = gateOf({ keys: { find: (id) => store.get(id) ?? null } });
    const put = (record) => store.set(record.id, record);
    const code = (key) => gate.decideSync(ask({ "X-API-Key": key })).code;
    const first = gate.keys.issue(wanted);
    put(first.record);
    assert.equal(code(first.rawKey), "ok");
    const second = gate.keys.rotate(first.record, { overlap: 60 });
    put(second.record);
    put(second.old);
    assert.deepEqual([code(first.rawKey), code(second.rawKey), second.record.rotatedFrom], ["ok", "ok", first.record.id]);
    put(gate.keys.revoke(second.record));
    assert.equal(code(second.rawKey), "key_revoked");
    assert.equal(gate.keys.relabel(first.record, "Other").label, "Other");
    assert.throws(() => gate.keys.relabel(first.record, { scopes: [] }), { code: "immutable" });
    assert.throws(() => gate.keys.relabel(first.record), { code: "request_invalid" });
    assert.throws(() => gate.keys.rotate(), { code: "record_invalid" });
    assert.ok(!JSON.stringify(first).includes(first.rawKey));
  });
});
