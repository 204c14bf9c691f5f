// The authorization server in this runtime: the flow table, what is refused at its creation, and a host that fails in every way.
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { Readable } from "node:stream";
import { inspect } from "node:util";
import { describe, it } from "node:test";
import * as oauth from "../../js/oauth/entry/node.js";
import { ask, operations } from "../../js/oauth/host.js";
import { glue } from "../../js/oauth/runtime.js";
import { memoryGrants } from "../../js/stores/memory.js";
import { workersKvGrants, workersKvKeys } from "../../js/stores/workers-kv.js";
import { Browser, client, FLOWS, ISSUER, now, optionsOver, privateJwk, RACES, redeem, refresh, runFlows, slow } from "./lib/oauth-flows.mjs";

const jwkOf = (key) => createPrivateKey(key).export({ format: "jwk" });
const { createAuthorizationServer, nodeSigner, webCryptoSigner } = oauth;
const over = (store, more) => optionsOver(oauth, store, more);
const pem = (type = "rsa", options = { modulusLength: 2048 }) =>
  generateKeyPairSync(type, { ...options, privateKeyEncoding: { type: "pkcs8", format: "pem" }, publicKeyEncoding: { type: "spki", format: "pem" } }).privateKey;

describe("the flow table", () => {
  it("holds over a store that answers at once", async () => assert.deepEqual((await runFlows(oauth, () => memoryGrants())).failures, []));
  it("holds over a store that takes 15 ms", async () => {
    const { failures, count } = await runFlows(oauth, () => slow(memoryGrants()));
    assert.deepEqual([failures, count], [[], RACES.length + FLOWS.length]);
  });
});

describe("what is no server", () => {
  const store = memoryGrants();
  const lacking = (capability) => ({ ...store, capabilities: { ...store.capabilities, [capability]: false } });
  const kv = { get: async () => null, put: async () => {} };
  const signer = { kid: "k", alg: "RS256", status: "active", since: 0, publicJwk: { kty: "RSA", n: "x".repeat(342), e: "AQAB" }, sign: () => new Uint8Array(256) };
  const table = [
    ["store_lacks_cas", { store: lacking("cas") }],
    ["store_lacks_cas", { store: kv }, "a binding of Workers KV"],
    ["store_lacks_cas", { store: workersKvKeys(kv) }],
    ["store_lacks_read_your_writes", { store: lacking("readYourWrites") }],
    ["store_lacks_put_once", { store: lacking("putOnce") }],
    ["store_invalid", { store: undefined }],
    ["store_invalid", { store: null }],
    ["store_invalid", { store: { capabilities: store.capabilities } }],
    ...["http://op.example", "https://op.example/", "https://op.example?x", "ftp://op.example", "https://", "https://a@b"].map((issuer) => ["issuer_invalid", { issuer }]),
    ["issuer_invalid", { issuer: undefined }],
    ["scope_invalid", { scopes: ["a b"] }],
    ["options_invalid", { scopes: "openid" }],
    ["options_invalid", { scope: ["openid"] }, "a misspelt option"],
    ["options_invalid", { claims: {} }],
    ["options_invalid", { timeout: 0 }],
    ["options_invalid", { lifetimes: { code: "60" } }],
    ["options_invalid", { lifetimes: { codes: 60 } }],
    ["lifetime_invalid", { lifetimes: { code: 601 } }],
    ["lifetime_invalid", { lifetimes: { accessToken: 0 } }],
    ["lifetime_invalid", { lifetimes: { refreshLeeway: -1 } }],
    ["resource_invalid", { resources: [{ uri: "https://api.example/#x", scopes: [] }] }],
    ["secrets_invalid", { secrets: undefined }],
    ["secrets_invalid", { secrets: { current: "s2", s1: new Uint8Array(32) } }],
    ["secrets_invalid", { secrets: { current: "s1", s1: new Uint8Array(31) } }],
    ["secrets_invalid", { secrets: { current: "s1", s1: "no base64url!" } }],
    ["secrets_invalid", { secrets: { current: "s1", s1: 7 } }],
    ["secrets_invalid", { secrets: { current: "s 1", "s 1": new Uint8Array(32) } }],
    ["keys_invalid", { keys: undefined }],
    ["keys_invalid", { keys: [] }],
    ["keys_invalid", { keys: [signer, signer] }],
    ["keys_invalid", { keys: [signer, { ...signer, kid: "other" }] }, "two active keys"],
    ["keys_invalid", { keys: [{ ...signer, sign: undefined }] }],
    ["keys_invalid", { keys: [{ ...signer, status: "next" }] }],
    ["key_invalid", { keys: [{ ...signer, publicJwk: { kty: "EC" } }] }],
    ["key_invalid", { keys: [{ ...signer, status: "old" }] }],
    ["algorithm_unsupported", { keys: [{ ...signer, alg: "none" }] }],
    ["algorithm_unsupported", { keys: [{ ...signer, alg: "HS256" }] }],
    ["clients_invalid", { clients: undefined }],
    ["clients_invalid", { clients: {} }],
    ["client_invalid", { clients: [client("a"), client("a")] }],
    ["client_invalid", { clients: [undefined] }],
    ["client_invalid", { clients: [client("a", { auth: "secret" })] }],
    ["client_invalid", { clients: [client("a", { auth: { method: "client_secret_basic", hashes: ["short"] } })] }],
    ["client_invalid", { clients: [client("a", { redirecturis: [] })] }],
    ["client_invalid", { clients: [client("a", { grantTypes: ["password"] })] }],
    ...["http://app.example/cb", "https://app.example/#x", "javascript:alert(1)", "https://u@app.example/", "myapp:/cb"]
      .map((uri) => ["client_invalid", { clients: [client("a", { redirectUris: [uri] })] }]),
  ];
  for (const [code, more, name] of table) {
    it(`${code}: ${name ?? inspect(more, { depth: 2, breakLength: Infinity }).slice(0, 90)}`, async () => {
      const options = await over(store, more);
      assert.throws(() => createAuthorizationServer(options), { code });
    });
  }
  it("options_invalid: no options", () => {
    for (const options of [undefined, null, "x"]) assert.throws(() => createAuthorizationServer(options), { code: "options_invalid" });
  });
  it("store_lacks_cas: the grants of Workers KV", () => assert.throws(() => workersKvGrants(kv), { code: "store_lacks_cas" }));
  it("tells no secret", async () => {
    const options = await over(store, { secrets: { current: "s1", s1: "my secret of no 32 bytes" } });
    assert.throws(() => createAuthorizationServer(options), (error) => !inspect(error).includes("my secret"));
  });
});

const HANGS = () => new Promise(() => {});
const FAILURES = [() => { throw new Error("down"); }, async () => { throw new Error("down"); }, HANGS];
const swaps = [undefined, null, true, "ok", "inserted", {}];
/** What is asked, how to bring the server to ask it, and answers that are none. */
const BROKEN = [
  ["getGrant", "redeem", [undefined, {}, "x", 7, { row: 1, version: 1 }, { row: "rubbish", version: 1 }, { row: "\u0001{}", version: 1 }, { row: "x", version: 1.5 }, { row: "x", version: -1 }]],
  ["swapGrant", "redeem", swaps],
  ["insertGrant", "approve", [undefined, null, true, "ok", "swapped"]],
  ["putOnce", "login", [undefined, null, true, "inserted"]],
  ["getConsent", "login", [undefined, "openid", [1], {}]],
  ["saveConsent", "approve", []],
  ["signedIn", "approve", [undefined, null, 1, "true"]],
  ["claims", "redeem", [undefined, null, "x", ["email"], 7]],
  ["sign", "redeem", [undefined, null, "signature", new Uint8Array(0), new Uint8Array(255), new Uint8Array(257)]],
  ["clients", "redeem", ["x", 7, [], {}, { clientId: "app" }, client("app", { redirectUris: ["http://app.example/"] })]],
  ["verifySecret", "web", [undefined, null, 1, "true"]],
];

describe("a host that fails", () => {
  for (const [name, where, rubbish] of BROKEN) {
    it(`${name}: 503 and no tokens, and nothing is burnt`, async () => {
      for (const broken of [...FAILURES, ...rubbish.map((answer) => async () => answer)]) {
        let whole = true;
        const errors = [];
        const right = memoryGrants();
        const parts = { claims: () => ({}), signedIn: () => true, verifySecret: () => true, clients: (id) => (id === "nobody" ? null : client(id, id === "web" ? { auth: { method: "client_secret_post" } } : {})) };
        const key = await webCryptoSigner({ jwk: await privateJwk(), kid: "k1" });
        const either = (part, method) => (...rest) => (part === name && !whole ? broken(...rest) : method(...rest));
        const store = Object.fromEntries(Object.entries(right).map(([part, method]) => [part, typeof method === "function" ? either(part, method) : method]));
        for (const part of Object.keys(parts)) parts[part] = either(part, parts[part]);
        const keys = [{ ...key, sign: either("sign", key.sign) }];
        const server = createAuthorizationServer(await over(store, { ...parts, keys, timeout: 25, onError: (error, operation) => errors.push([error, operation]) }));
        const browser = new Browser();
        const attempts = {
          async redeem() {
            const { code } = await new Browser().authorize(server);
            return () => redeem(server, code);
          },
          async web() {
            const { code } = await new Browser().authorize(server, { client_id: "web" });
            return () => redeem(server, code, { client_id: "web", client_secret: "x" });
          },
          login: () => () => browser.authorize(server),
          approve: () => () => browser.authorize(server),
        };
        const attempt = await attempts[where]();
        whole = false;
        const found = await attempt();
        // A page for a person, a redirect where one is trusted, JSON for a client.
        const said = found instanceof Response ? { status: found.status, error: (await found.text()).split(":")[0] } : found;
        assert.ok((said.location === undefined ? [503] : [302, 303]).includes(said.status), inspect(said));
        assert.equal(said.error, "temporarily_unavailable");
        assert.doesNotMatch(JSON.stringify(said), /token"|code=/);
        assert.ok(errors.length > 0 || (name === "getGrant" && rubbish.length > 0), "the operator hears of it");
        assert.ok(server.counts.hostFailures === errors.length);
        whole = true;
        const again = await attempt();
        assert.ok(again.status === 200 || again.code !== undefined, inspect(again));
        server.close();
      }
    });
  }

  it("a store that never lets a swap through", async () => {
    const store = memoryGrants();
    const server = createAuthorizationServer(await over({ ...store, swapGrant: () => "conflict" }));
    assert.equal((await redeem(server, (await new Browser().authorize(server)).code)).status, 503);
  });

  it("who is to hear of events or errors and throws changes no answer", async () => {
    const thrower = () => { throw new Error("deaf"); };
    const server = createAuthorizationServer(await over(memoryGrants(), { onEvent: thrower, onError: thrower }));
    const { code } = await new Browser().authorize(server);
    assert.equal((await redeem(server, code)).status, 200);
    assert.equal((await redeem(server, code)).error, "invalid_grant");
  });

  it("a trap is one 503, and the next request is answered", async () => {
    const errors = [];
    const server = createAuthorizationServer(await over(memoryGrants(), { onError: (error) => errors.push(error.code) }));
    const { code } = await new Browser().authorize(server);
    const { RawServer } = glue();
    const { step } = RawServer.prototype;
    RawServer.prototype.step = () => { throw new WebAssembly.RuntimeError("unreachable"); };
    try {
      assert.deepEqual(await redeem(server, code), { status: 503, error: "temporarily_unavailable", error_description: "try again" });
    } finally {
      RawServer.prototype.step = step;
    }
    assert.deepEqual([errors, server.counts], [["engine_restarted"], { restarts: 1, hostFailures: 1 }]);
    assert.equal((await redeem(server, code)).status, 200);
  });

  it("a store that cannot tell whose grants are whose, or fails at it, revokes none", async () => {
    const right = memoryGrants();
    const lacking = createAuthorizationServer(await over({ ...right, capabilities: { ...right.capabilities, list: false } }));
    await assert.rejects(lacking.revokeAll("u1"), { code: "store_lacks_list" });
    const tooMany = Array.from({ length: 101 }, (_, at) => `grant-${1000 + at}`);
    for (const broken of [...FAILURES, ...[undefined, null, "x", [1], ["b", "a"], tooMany].map((answer) => async () => answer)]) {
      const server = createAuthorizationServer(await over({ ...right, grantsOf: broken }, { timeout: 25 }));
      await assert.rejects(server.revokeAll("u1"), { code: "store_unavailable" });
    }
    for (const wrong of [undefined, "", 7]) await assert.rejects(lacking.revokeAll(wrong), { code: "request_invalid" });
    // A store that does not go on.
    const server = createAuthorizationServer(await over({ ...right, grantsOf: async () => ["same"] }));
    await assert.rejects(server.revokeAll("u1"), { code: "store_unavailable" });
  });

  it("what is granted while all is revoked is revoked as well, and not for ever", async () => {
    const store = memoryGrants();
    let [row, swaps] = [[], 0];
    const insertGrant = (...given) => store.insertGrant(...(row = given));
    const swapGrant = async (...given) => {
      if (swaps++ === 0) await store.insertGrant("0".repeat(22), ...row.slice(1));
      return store.swapGrant(...given);
    };
    const server = createAuthorizationServer(await over({ ...store, insertGrant, swapGrant }));
    await new Browser().authorize(server, {}, { login: { sub: "u1", authTime: now() } });
    assert.deepEqual(await server.revokeAll("u1"), { revoked: 2 });
    let left = 100;
    const grantsOf = async (sub, after, limit) => {
      if (after !== null) await store.insertGrant(String(left--).padStart(22, "0"), ...row.slice(1));
      return store.grantsOf(sub, after, limit);
    };
    const busy = createAuthorizationServer(await over({ ...store, grantsOf }));
    await assert.rejects(busy.revokeAll("u1"), { code: "store_unavailable" });
    assert.ok(left > 50, `${left} left`);
  });

  it("who is signed out while something is granted gets no code of it", async () => {
    const store = memoryGrants();
    const sessions = new Set(["s1"]);
    const errors = [];
    const signOut = async () => {
      sessions.delete("s1");
      return server.revokeAll("u1");
    };
    const insertGrant = async (...given) => {
      assert.deepEqual(await signOut(), { revoked: 0 }, "the grant is not there yet");
      return store.insertGrant(...given);
    };
    const more = { signedIn: (sub, session) => sub === "u1" && sessions.has(session), onError: ({ code }, operation) => errors.push([code, operation]) };
    const server = createAuthorizationServer(await over({ ...store, insertGrant }, more));
    const login = { sub: "u1", authTime: now() };
    const start = () => new Request(`${ISSUER}/oauth2/authorize?${new URLSearchParams({ response_type: "code", client_id: "app", redirect_uri: "https://app.example/cb?kept=1", scope: "keys", code_challenge: "x".repeat(43), code_challenge_method: "S256" })}`);
    const request = start();
    const consent = await server.resumeLogin(request, await server.handle(request, "s1"), login, "s1");
    const reply = await server.resumeConsent(request, consent, "u1", { scopes: ["keys"] }, "s1");
    const { code, error } = Object.fromEntries(new URL(reply.headers.get("location")).searchParams);
    assert.deepEqual([code, error, errors], [undefined, "temporarily_unavailable", [["signed_out", "grant_insert"]]]);
  });

  it("a clock that tells no seconds is a 503", async () => {
    for (const wrong of [1.5, NaN, -1, "now"]) {
      const server = createAuthorizationServer(await over(memoryGrants(), { now: () => wrong }));
      assert.equal((await server.handle(new Request(`${ISSUER}/oauth2/jwks`))).status, 503);
    }
  });

  it("an operation that is none is an outage", async () => {
    const errors = [];
    const asking = { timeout: 1000, onError: (error, operation) => errors.push([error.code, operation]) };
    for (const op of ["drop", "constructor", "__proto__"]) assert.equal(await ask(operations({ store: {} }), { op }, undefined, asking), '"unavailable"');
    assert.deepEqual(errors.map(([code]) => code), Array(3).fill("operation_unknown"));
  });

  it("a provider's answer is cut where it may end, and its redirects are not followed", async () => {
    const sent = [];
    const fetch = async (url, init) => {
      sent.push([url, init.method, init.redirect]);
      return new Response("x".repeat(100), { status: 302, headers: { location: "https://elsewhere.example/" } });
    };
    const need = { op: "http", method: "GET", url: "https://op.example/", headers: [], body: "", timeoutMs: 1000 };
    const asking = { timeout: 1000, onError: () => {} };
    const host = operations({ store: {}, fetch });
    const found = JSON.parse(await ask(host, { ...need, maxBytes: 100 }, undefined, asking));
    assert.deepEqual([found.http.status, found.http.body.length, sent[0]], [302, 134, ["https://op.example/", "GET", "manual"]]);
    assert.equal(await ask(host, { ...need, maxBytes: 99 }, undefined, asking), '"unavailable"');
  });
});

describe("requests of strangers", () => {
  it("are answered, whatever they are", async () => {
    const server = createAuthorizationServer(await over(memoryGrants()));
    let seed = 1;
    const below = (most) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * most);
    };
    const pick = (list) => list[below(list.length)];
    const names = ["client_id", "grant_type", "code", "refresh_token", "redirect_uri", "scope", "response_type", "token", "state", "code_challenge", "prompt", "%zz", "\u0000", "x"];
    const values = ["app", "web", "code", "authorization_code", "refresh_token", "openid", "https://app.example/cb?kept=1", "ac1.x.y", "rt1.s1.a.0.b", "%", "é\u2028", "", "a".repeat(3000), "none login"];
    const text = () => Array.from({ length: below(6) }, () => (below(5) === 0 ? `${pick(names)}=${pick(values)}` : new URLSearchParams([[pick(names), pick(values)]]).toString())).join(pick(["&", "&&", ";"]));
    const statuses = new Map();
    for (let at = 0; at < 1500; at++) {
      const method = pick(["GET", "POST", "POST", "PUT", "OPTIONS", "HEAD", "DELETE"]);
      const path = pick(["/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/userinfo", "/oauth2/jwks", "/.well-known/openid-configuration", "/x", "//", "/oauth2/token/"]);
      const headers = { "content-type": pick(["application/x-www-form-urlencoded", "application/json", "text/plain", ""]), authorization: pick(["", "Basic", "Basic !", "Basic d2ViOng=", "Bearer x.y.z", "Bearer ", "Basic d2ViOng=, Bearer x"]), cookie: pick(["", "=", "__Host-sg_txn=1", ";;;"]), origin: pick(["null", "https://app.example"]) };
      const body = method === "GET" || method === "HEAD" ? undefined : pick([text(), crypto.getRandomValues(new Uint8Array(below(200)))]);
      const reply = await server.handle(new Request(`${ISSUER}${path}?${encodeURI(text())}`, { method, headers, body }));
      const status = reply.ask === undefined ? reply.status : "interaction";
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    assert.deepEqual([...statuses.keys()].filter((status) => status >= 500), []);
    assert.ok(statuses.get(400) > 100 && statuses.get(401) > 10 && statuses.get(405) > 10, inspect(statuses));
    assert.deepEqual(server.counts, { restarts: 0, hostFailures: 0 });
  });
});

describe("misuse", () => {
  it("is an error with a code", async () => {
    const server = createAuthorizationServer(await over(memoryGrants()));
    const page = new Request(`${ISSUER}/login`);
    for (const request of [undefined, null, {}, "GET /"]) await assert.rejects(server.handle(request), { code: "request_invalid" });
    const used = new Request(`${ISSUER}/oauth2/token`, { method: "POST", body: "x" });
    await used.text();
    await assert.rejects(server.handle(used), { code: "request_invalid" });
    const parsed = Object.assign(Readable.from(["a=b"]), { method: "POST", url: "/oauth2/token", rawHeaders: [] });
    await parsed.toArray();
    await assert.rejects(server.handle(parsed), { code: "request_invalid" });
    for (const login of [undefined, null, "loggedIn", {}, { sub: "" }, { sub: "u", authTime: 1.5 }, { sub: "u", authTime: 1, amr: "pwd" }, { sub: "u", authTime: 1, acr: 1 }]) {
      await assert.rejects(server.resumeLogin(page, "t", login), { code: "outcome_invalid" });
    }
    for (const consent of [undefined, null, true, {}, { scopes: "a" }, { scopes: [1] }]) {
      await assert.rejects(server.resumeConsent(page, "t", "u", consent), { code: "outcome_invalid" });
    }
    for (const present of [undefined, "", 7, { scopes: [] }]) {
      await assert.rejects(server.resumeConsent(page, "t", present, { scopes: [] }), { code: "outcome_invalid" });
    }
    const start = () => new Request(`${ISSUER}/oauth2/authorize?client_id=app&redirect_uri=${encodeURIComponent("https://app.example/cb?kept=1")}&response_type=code&code_challenge=${"x".repeat(43)}&code_challenge_method=S256`);
    const interaction = await server.handle(start());
    assert.equal(interaction.ask.type, "login");
    await assert.rejects(server.resumeLogin(start(), interaction, "denied"), { code: "request_invalid" });
    server.close();
    server.close();
    await assert.rejects(server.handle(page), { code: "server_closed" });
  });
});

describe("signing keys", () => {
  it("of node:crypto and WebCrypto sign the same tokens", async () => {
    const key = pem();
    const [one, other] = [nodeSigner({ key }), await webCryptoSigner({ jwk: jwkOf(key) })];
    assert.deepEqual([one.kid, one.publicJwk], [other.kid, other.publicJwk]);
    const bytes = new TextEncoder().encode("input");
    assert.deepEqual(new Uint8Array(await one.sign(bytes)), await other.sign(bytes));
    for (const alg of ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]) {
      for (const keys of [[nodeSigner({ key, alg })], [await webCryptoSigner({ jwk: jwkOf(key), alg })]]) {
        const server = createAuthorizationServer(await over(memoryGrants(), { keys }));
        const tokens = await redeem(server, (await new Browser().authorize(server)).code);
        const headers = { authorization: `Bearer ${tokens.access_token}` };
        assert.equal((await server.handle(new Request(`${ISSUER}/userinfo`, { headers }))).status, 200, alg);
      }
    }
  });

  it("cannot be read out, and show no private half", async () => {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
    const [open, closed] = [await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]), await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"])];
    await assert.rejects(webCryptoSigner(open), { code: "key_extractable" });
    const signer = await webCryptoSigner(closed);
    const jwk = await privateJwk();
    for (const shown of [signer, await webCryptoSigner({ jwk }), nodeSigner({ key: pem() })]) {
      assert.deepEqual(Object.keys(shown).sort(), ["alg", "kid", "publicJwk", "sign", "since", "status"]);
      assert.ok(!inspect(shown, { depth: 9 }).includes(jwk.d));
    }
    await assert.rejects(webCryptoSigner({ privateKey: closed.privateKey, publicKey: open.publicKey }), { code: "key_invalid" });
    await assert.rejects(webCryptoSigner({ privateKey: closed.privateKey, publicKey: closed.publicKey, alg: "RS512" }), { code: "key_invalid" });
  });

  it("that are none are refused", async () => {
    for (const [key, code] of [
      [{}, "key_invalid"], [{ jwk: { kty: "EC" } }, "key_invalid"], [{ jwk: { kty: "RSA", n: "AQAB", e: "AQAB", d: "AQAB" } }, "key_invalid"],
      [{ jwk: await privateJwk(), alg: "ES256" }, "algorithm_unsupported"], [{ jwk: await privateJwk(), since: -1 }, "key_invalid"],
      [{ jwk: await privateJwk(), kid: "" }, "key_invalid"],
    ]) await assert.rejects(webCryptoSigner(key), { code });
    for (const key of [undefined, "pem", pem("ec", { namedCurve: "P-256" })]) assert.throws(() => nodeSigner({ key }), { code: "key_invalid" });
  });

  it("rotate: what an old key signed stays good while it is published", async () => {
    const make = (status, at) => nodeSigner({ key: at, status });
    const [old, next] = [pem(), pem()];
    const server = createAuthorizationServer(await over(memoryGrants(), { keys: [make("active", old), make("next", next)] }));
    const first = await redeem(server, (await new Browser().authorize(server)).code);
    const userinfo = async ({ access_token: value }) => (await server.handle(new Request(`${ISSUER}/userinfo`, { headers: { authorization: `Bearer ${value}` } }))).status;
    server.setKeys([make("retiring", old), make("active", next)]);
    const second = await refresh(server, first.refresh_token);
    const kid = ({ access_token: value }) => JSON.parse(Buffer.from(value.split(".")[0], "base64url")).kid;
    assert.notEqual(kid(first), kid(second));
    assert.deepEqual([await userinfo(first), await userinfo(second)], [200, 200]);
    server.setKeys([make("active", next)]);
    assert.deepEqual([await userinfo(first), await userinfo(second)], [401, 200]);
    assert.throws(() => server.setKeys([]), { code: "keys_invalid" });
    assert.equal(await userinfo(second), 200);
  });

  it("that change while a request waits sign nothing of it", async () => {
    const store = memoryGrants();
    const getGrant = async (id) => {
      server.setKeys([nodeSigner({ key: pem(), kid: "k2" })]);
      return store.getGrant(id);
    };
    const server = createAuthorizationServer(await over({ ...store, getGrant }));
    const { access_token: value } = await redeem(server, (await new Browser().authorize(server)).code);
    assert.equal(JSON.parse(Buffer.from(value.split(".")[0], "base64url")).kid, "k1");
  });
});

describe("what waits for nobody", () => {
  it("time is an argument: codes and refresh tokens end", async () => {
    let at = now();
    const clock = () => at;
    const server = createAuthorizationServer(await over(memoryGrants({ now: clock }), { now: clock }));
    const login = { sub: "u1", authTime: at };
    const late = await new Browser().authorize(server, {}, { login });
    const good = await new Browser().authorize(server, {}, { login });
    const { refresh_token: value } = await redeem(server, good.code);
    at += 60;
    assert.equal((await redeem(server, late.code)).error, "invalid_grant");
    at += 14 * 86_400;
    assert.equal((await refresh(server, value)).error, "invalid_grant");
  });
});
