// Sign-in with providers in JavaScript. Our own authorization server is the provider: `fetch` reaches it without a network.
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { inspect } from "node:util";
import { describe, it } from "node:test";
import * as oauth from "../../js/oauth/entry/node.js";
import { glue } from "../../js/oauth/runtime.js";
import { memoryGrants } from "../../js/stores/memory.js";
import { read } from "./lib/files.mjs";
import { ISSUER as OP, now, optionsOver, secrets } from "./lib/oauth-flows.mjs";

const { createAuthorizationServer, createSocialLogin, hashSecret, Identity, linkIdentity, SignInFailure } = oauth;
const ISSUER = "https://app.example/at";
const SECRET = "a secret: %+/=";
const TICKET = "tk1.s1.cGF5bG9hZA.bWFj";
const CORP = { preset: "oidc", id: "corp", name: "Corp", issuer: OP, clientId: "social", clientSecret: SECRET };
const json = (body, status = 200, headers = {}) => Response.json(body, { status, headers });

/** A provider that signs in whoever comes, and a list of what it was asked. `change` lays over its answers by the end of their path. */
async function upstream(change = {}) {
  const social = {
    clientId: "social", auth: { method: "client_secret_basic", hashes: [hashSecret(SECRET)] }, grantTypes: ["authorization_code"],
    redirectUris: [`${ISSUER}/login/oauth2/code/corp`], scopes: ["openid", "profile", "email"], trusted: true, skipConsent: true,
  };
  const claims = () => ({ email: "ada@example.com", email_verified: true, name: "Ada" });
  const server = createAuthorizationServer({ ...(await optionsOver(oauth, memoryGrants())), clients: [social], claims });
  const calls = [];
  return {
    server, calls, change,
    async fetch(url, init) {
      calls.push(`${init.method} ${new URL(url).pathname}`);
      assert.equal(init.redirect, "manual");
      const [, instead] = Object.entries(change).find(([end]) => new URL(url).pathname.endsWith(end)) ?? [];
      if (instead !== undefined) return instead(url, init, () => server.handle(new Request(url, init)));
      return server.handle(new Request(url, init));
    },
    /** What the browser comes back with from the provider's page. */
    async visit(location) {
      const request = new Request(location);
      return (await server.resumeLogin(request, await server.handle(request), { sub: "ada-at-corp", authTime: now() })).headers.get("location");
    },
  };
}

const loginOver = (op, more = {}) =>
  createSocialLogin({ issuer: ISSUER, secrets, store: memoryGrants(), providers: [CORP], fetch: op.fetch, ...more });
const cookieOf = (response) => response.headers.getSetCookie()[0].split(";")[0];
const back = (url, cookie) => new Request(url, { headers: cookie === undefined ? {} : { cookie } });

/** To the provider and back: the request that the browser makes in the end. */
async function away(social, op) {
  const there = await social.handle(new Request(new URL(social.startPath("corp", TICKET), ISSUER)));
  assert.equal(there.status, 302);
  return { there, url: await op.visit(there.headers.get("location")), cookie: cookieOf(there) };
}

async function signIn(social, op) {
  const { url, cookie } = await away(social, op);
  return social.handle(back(url, cookie));
}

describe("sign-in with a provider", () => {
  it("goes there and back, and says who it is", async () => {
    const op = await upstream();
    const social = loginOver(op);
    assert.deepEqual(social.providers, [
      { id: "corp", name: "Corp", startPath: "/at/oauth2/authorization/corp", redirectUri: `${ISSUER}/login/oauth2/code/corp` },
    ]);
    const { there, url, cookie } = await away(social, op);
    const asked = new URL(there.headers.get("location"));
    assert.equal(asked.origin + asked.pathname, `${OP}/oauth2/authorize`);
    assert.equal(asked.searchParams.get("code_challenge_method"), "S256");
    assert.match(there.headers.getSetCookie()[0], /^__Host-sg_social=[^;]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/);
    const identity = await social.handle(back(url, cookie));
    assert.ok(identity instanceof Identity, inspect(identity));
    const { claims, headers, ...about } = identity;
    assert.deepEqual(about, {
      provider: "corp", providerSub: "ada-at-corp", issuer: OP, email: "ada@example.com", emailVerified: true, name: "Ada", ticket: TICKET,
    });
    assert.equal(claims.sub, "ada-at-corp");
    assert.match(headers.getSetCookie()[0], /^__Host-sg_social=; Path=\/; Max-Age=0; /);
    const answer = identity.onto(new Response(null, { status: 302, headers: { location: "/", "set-cookie": "mine=1" } }));
    assert.deepEqual([answer.status, answer.headers.getSetCookie().length, answer.headers.get("cache-control")], [302, 2, "no-store"]);
    assert.deepEqual(op.calls, ["GET /.well-known/openid-configuration", "POST /oauth2/token", "GET /oauth2/jwks", "GET /userinfo"]);
    // The documents are kept for a while, the rest is asked anew.
    op.calls.length = 0;
    assert.ok((await signIn(social, op)) instanceof Identity);
    assert.deepEqual(op.calls, ["POST /oauth2/token", "GET /userinfo"]);
  });

  it("starts without a link of its own", async () => {
    const op = await upstream();
    const social = loginOver(op);
    const there = await social.start("corp");
    const identity = await social.handle(back(await op.visit(there.headers.get("location")), cookieOf(there)));
    assert.deepEqual([identity.providerSub, identity.ticket], ["ada-at-corp", null]);
  });

  it("answers its paths alone", async () => {
    const social = loginOver(await upstream());
    for (const [path, own] of [
      ["/at/oauth2/authorization/corp?ticket=x", true], ["/at/login/oauth2/code/corp", true], ["/at/oauth2/authorization/other", false],
      ["/oauth2/authorization/corp", false], ["/at/login", false],
    ]) {
      assert.equal(social.owns(new Request(`https://app.example${path}`)), own, path);
      assert.equal(social.owns({ url: path }), own, path);
    }
    for (const [path, status] of [["/elsewhere", 404], ["/at/oauth2/authorization/other", 404], ["/at/login/oauth2/code/other", 404]]) {
      assert.equal((await social.handle(new Request(`https://app.example${path}`))).status, status, path);
    }
    for (const url of ["*", "", "x:y"]) assert.equal(social.owns({ url }), false, url);
    assert.deepEqual([social.startPath("corp", null), social.startPath("corp")], Array(2).fill("/at/oauth2/authorization/corp"));
    await assert.rejects(social.start("other"), { code: "provider_unknown" });
    await assert.rejects(social.start("corp", { ticket: 7 }), { code: "request_invalid" });
    assert.throws(() => social.startPath("other"), { code: "provider_unknown" });
  });

  it("of another browser, another transaction or a second time is refused", async () => {
    const op = await upstream();
    const social = loginOver(op);
    const [one, two] = [await away(social, op), await away(social, op)];
    const page = async (url, cookie) => {
      const answer = await social.handle(back(url, cookie));
      return answer instanceof Response ? [answer.status, (await answer.text()).split(":")[0]] : answer.code ?? "an identity";
    };
    assert.deepEqual(await page(one.url), [400, "state_invalid"]);
    assert.deepEqual(await page(one.url, two.cookie), [400, "state_invalid"]);
    assert.deepEqual(await page(one.url, `${one.cookie}; ${one.cookie}`), [400, "state_invalid"]);
    assert.deepEqual(await page(one.url, one.cookie.replace("tk1", "tk2")), [400, "state_invalid"]);
    assert.equal(await page(one.url.replace(/iss=[^&]+/, "iss=https%3A%2F%2Fevil.example"), one.cookie), "issuer_parameter_mismatch");
    assert.equal(await page(one.url, one.cookie), "state_replayed", "what went wrong is not tried again");
    assert.equal(await page(two.url, two.cookie), "an identity");
    assert.equal(await page(two.url, two.cookie), "state_replayed");
  });

  const elsewhere = () => new Response(null, { status: 307, headers: { location: "https://evil.example/" } });
  const never = (_url, init) => new Promise((_, failed) => init.signal.addEventListener("abort", () => failed(init.signal.reason)));
  const broken = () => new Response(new ReadableStream({ pull: (stream) => stream.error(new Error("broke off")) }), { headers: { "content-type": "application/json" } });
  const over = async (next, more) => {
    const found = await (await next()).json();
    return json({ ...found, ...more });
  };
  for (const [name, code, change] of [
    ["a token endpoint that redirects", "provider_redirect_refused", { "/token": elsewhere }],
    ["a configuration that redirects", "provider_redirect_refused", { "/openid-configuration": elsewhere }],
    ["a configuration of another issuer", "discovery_issuer_mismatch", { "/openid-configuration": (_u, _i, next) => over(next, { issuer: "https://evil.example" }) }],
    ["keys behind a redirect", "provider_redirect_refused", { "/jwks": elsewhere }],
    ["keys of another", "id_token_invalid", { "/jwks": () => json({ keys: [{ kty: "RSA", kid: "k1", alg: "RS256", n: "x".repeat(342), e: "AQAB" }] }) }],
    ["an answer that is too long", "provider_unavailable", { "/userinfo": () => json({ sub: "x".repeat(70_000) }) }],
    ["an answer that breaks off", "provider_unavailable", { "/userinfo": broken }],
    ["an answer in no time", "provider_unavailable", { "/token": never }],
    ["nobody there", "provider_unavailable", { "/token": () => Promise.reject(new TypeError("fetch failed")) }],
    ["an answer that is none", "provider_answer_invalid", { "/token": () => new Response("<html>", { headers: { "content-type": "text/html" } }) }],
    ["a refusal", "token_refused", { "/token": () => json({ error: "invalid_grant" }, 400) }],
    ["userinfo of another", "subject_mismatch", { "/userinfo": (_u, _i, next) => over(next, { sub: "eve" }) }],
    ["no ID token", "id_token_missing", { "/token": (_u, _i, next) => over(next, { id_token: undefined }) }],
    ["an ID token of no signature", "id_token_invalid", { "/token": async (_u, _i, next) => {
      const found = await (await next()).json();
      const [, claims] = found.id_token.split(".");
      return json({ ...found, id_token: `${btoa('{"alg":"none"}').replaceAll("=", "")}.${claims}.` });
    } }],
  ]) {
    it(`fails on ${name}`, async () => {
      const op = await upstream();
      const errors = [];
      const social = loginOver(op, { timeout: 500, onError: (_error, operation) => errors.push(operation) });
      const failed = change["/openid-configuration"] === undefined
        ? await away(social, op).then(({ url, cookie }) => (Object.assign(op.change, change), social.handle(back(url, cookie))))
        : (Object.assign(op.change, change), await social.start("corp", { ticket: TICKET }));
      assert.ok(failed instanceof SignInFailure, inspect(failed));
      assert.deepEqual([failed.code, failed.provider, failed.ticket], [code, "corp", TICKET]);
      assert.equal(errors.length, code === "provider_unavailable" ? 1 : 0, inspect(errors));
      const page = failed.page();
      assert.equal(page.status, code === "provider_unavailable" ? 503 : 400);
      assert.ok((await page.text()).startsWith(`${code}: `));
      assert.doesNotMatch(inspect(failed, { depth: 9 }), /code=|eyJ|secret:/);
    });
  }

  it("asks for a key that the set does not have once more, past what is kept", async () => {
    const op = await upstream();
    const social = loginOver(op);
    assert.ok((await signIn(social, op)) instanceof Identity);
    op.server.setKeys([oauth.nodeSigner({ key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, kid: "k2" })]);
    op.calls.length = 0;
    assert.ok((await signIn(social, op)) instanceof Identity);
    assert.deepEqual(op.calls, ["POST /oauth2/token", "GET /oauth2/jwks", "GET /userinfo"]);
  });

  it("keeps documents for five minutes", async () => {
    let at = now();
    const op = await upstream();
    const social = loginOver(op, { now: () => at });
    const asked = async () => {
      op.calls.length = 0;
      await social.start("corp");
      return op.calls.length;
    };
    assert.deepEqual([await asked(), await asked()], [1, 0]);
    at += 299;
    assert.equal(await asked(), 0);
    at += 1;
    assert.equal(await asked(), 1);
  });

  it("a provider that turns the user away is said so", async () => {
    const op = await upstream();
    const social = loginOver(op);
    const { url, cookie } = await away(social, op);
    const denied = new URL(url);
    denied.searchParams.delete("code");
    denied.searchParams.set("error", "access_denied");
    assert.equal((await social.handle(back(denied, cookie))).code, "provider_denied");
  });

  it("a store that fails is an outage, and a trap one 503", async () => {
    const op = await upstream();
    const store = memoryGrants();
    const down = loginOver(op, { store: { ...store, putOnce: async () => { throw new Error("down"); } } });
    const failed = await signIn(down, op);
    assert.deepEqual([failed.code, failed.page().status, down.counts.hostFailures], ["temporarily_unavailable", 503, 1]);
    const social = loginOver(op);
    const { RawSocial } = glue();
    const { step } = RawSocial.prototype;
    RawSocial.prototype.step = () => { throw new WebAssembly.RuntimeError("unreachable"); };
    try {
      assert.equal((await social.start("corp")).status, 503);
    } finally {
      RawSocial.prototype.step = step;
    }
    assert.deepEqual(social.counts, { restarts: 1, hostFailures: 1 });
    assert.ok((await signIn(social, op)) instanceof Identity);
    social.close();
    social.close();
    await assert.rejects(social.start("corp"), { code: "server_closed" });
  });

  it("signs the secret of an Apple client for each login, and takes Apple's form", async () => {
    const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    const jwk = await crypto.subtle.exportKey("jwk", publicKey);
    for (const key of [{ privateKey }, { sign: (bytes) => crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, bytes) }]) {
      let form;
      const fetch = async (_url, init) => {
        form = new URLSearchParams(new TextDecoder().decode(init.body));
        return json({ error: "invalid_grant" }, 400);
      };
      const social = loginOver({ fetch }, { providers: [{ preset: "apple", clientId: "com.example", team: "TEAM", keyId: "K1", ...key }] });
      const there = await social.start("apple", { ticket: TICKET });
      assert.match(there.headers.getSetCookie()[0], /SameSite=None/);
      const state = new URL(there.headers.get("location")).searchParams.get("state");
      const request = new Request(`${ISSUER}/login/oauth2/code/apple`, { method: "POST", body: new URLSearchParams({ state, code: "c" }), headers: { cookie: cookieOf(there) } });
      assert.equal((await social.handle(request)).code, "token_refused");
      const [header, claims, signature] = form.get("client_secret").split(".");
      const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
      assert.deepEqual([read(header), read(claims).iss, read(claims).sub], [{ alg: "ES256", kid: "K1" }, "TEAM", "com.example"]);
      const key2 = createPublicKey({ key: jwk, format: "jwk" });
      assert.ok(verify("sha256", Buffer.from(`${header}.${claims}`), { key: key2, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")));
    }
  });
});

describe("whose account it is", () => {
  it("is what it is natively: the same table", () => {
    for (const { email, emailVerified, accounts, expect } of JSON.parse(read("tests/vectors/oauth/linking.json"))) {
      const identity = new Identity({ email, emailVerified, headers: [] });
      assert.deepEqual(linkIdentity(identity, accounts), expect, inspect({ email, emailVerified, accounts }));
    }
  });

  it("an identity is one that came of a sign-in, and accounts are of their shape", () => {
    const identity = new Identity({ email: null, emailVerified: false, headers: [] });
    assert.deepEqual(linkIdentity(identity), { do: "create" });
    for (const wrong of [undefined, null, {}, { ...identity }]) assert.throws(() => linkIdentity(wrong), { code: "request_invalid" });
    for (const wrong of [{ known: 7 }, { sameEmail: {} }, { byVerifiedEmail: "yes" }]) {
      assert.throws(() => linkIdentity(identity, wrong), { code: "request_invalid" });
    }
  });
});

describe("what is no sign-in", () => {
  const google = { preset: "google", clientId: "c", clientSecret: "a secret" };
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const table = [
    ["providers_invalid", undefined], ["providers_invalid", []], ["providers_invalid", google],
    ["provider_invalid", [null]], ["provider_invalid", [{ ...google, preset: "twitter" }]],
    ["provider_invalid", [{ ...google, clientID: "c" }]], ["provider_invalid", [{ clientId: "c", clientSecret: "s" }]],
    ["provider_invalid", [{ preset: "google", clientId: "c" }]], ["provider_invalid", [{ ...google, tenant: "common" }]],
    ["provider_invalid", [{ ...google, preset: "microsoft" }]], ["issuer_invalid", [{ ...google, preset: "microsoft", tenant: "contoso.com" }]],
    ["provider_invalid", [{ ...google, preset: "oidc" }]], ["issuer_invalid", [{ ...google, preset: "oidc", issuer: "http://op.example" }]],
    ["provider_invalid", [{ ...google, preset: "oidc", issuer: OP, auth: "none" }]], ["provider_invalid", [{ ...google, preset: "oidc", issuer: OP, auth: "jwt" }]],
    ["provider_id_invalid", [{ ...google, id: "Google" }]], ["provider_id_repeated", [google, google]],
    ["client_id_invalid", [{ ...google, clientId: "" }]], ["credential_invalid", [{ ...google, clientSecret: "" }]],
    ["openid_scope_missing", [{ ...google, scopes: ["email"] }]], ["scope_invalid", [{ ...google, scopes: [] }]],
    ["parameter_reserved", [{ ...google, parameters: { redirect_uri: "https://evil.example" } }]],
    ["provider_invalid", [{ preset: "apple", clientId: "c", team: "T", keyId: "K" }]],
    ["provider_invalid", [{ preset: "apple", clientId: "c", team: "T", sign: () => {} }]],
    ["provider_invalid", [{ preset: "apple", clientId: "c", team: "T", keyId: "K", sign: "x" }]],
    ["provider_invalid", [{ preset: "apple", clientId: "c", team: "T", keyId: "K", privateKey }], "a KeyObject"],
    ["provider_invalid", [{ preset: "apple", clientId: "c", clientSecret: "s", team: "T", keyId: "K", sign: () => {} }]],
  ];
  for (const [code, providers, name] of table) {
    it(`${code}: ${name ?? inspect(providers, { breakLength: Infinity }).slice(0, 100)}`, () => {
      assert.throws(() => loginOver({}, { providers }), (error) => error.code === code && !inspect(error).includes("a secret"));
    });
  }
  const store = memoryGrants();
  for (const [code, more] of [
    ["options_invalid", { provider: [] }], ["options_invalid", { timeout: 0 }], ["options_invalid", { fetch: "x" }], ["options_invalid", { lifetime: "600" }],
    ["lifetime_invalid", { lifetime: 0 }], ["issuer_invalid", { issuer: "https://app.example/" }], ["issuer_invalid", { issuer: 7 }],
    ["secrets_invalid", { secrets: {} }], ["secrets_invalid", { secrets: { current: "s", s: "short" } }],
    ["store_invalid", { store: null }], ["store_lacks_put_once", { store: { ...store, capabilities: { ...store.capabilities, putOnce: false } } }],
    ["form_post_needs_https", { issuer: "http://localhost:1", providers: [{ preset: "apple", clientId: "c", clientSecret: "s" }] }],
  ]) {
    it(`${code}: ${inspect(more, { depth: 1, breakLength: Infinity }).slice(0, 90)}`, () => assert.throws(() => loginOver({}, more), { code }));
  }
});
