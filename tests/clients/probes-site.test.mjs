// Attacks on pages, metadata and origins, each with what has to come of it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { authorize, DASHBOARD, PUBLIC_API, refresh, REPORTS, tokens } from "./lib/attack.mjs";
import { asksApproval, asksPassword, Browser } from "./lib/browser.mjs";
import { raw } from "./lib/http.mjs";
import { probes } from "./lib/probes.mjs";
import { ready, REDIRECT } from "./lib/ready.mjs";

const KEYS = "/settings/api-keys";
const EVIL = "https://evil.example";

test("browser: a session is no credential", async () => {
  const browser = new Browser(ready);
  await browser.walk(authorize(DASHBOARD));
  assert.ok(browser.cookies.has("sg_session"));
  for (const path of [KEYS, "/userinfo"]) assert.equal((await browser.go(path)).status, 401, path);
});

test("browser: a ticket is good in the browser that it was given to, and once", async () => {
  const [mine, other] = [new Browser(ready), new Browser(ready)];
  const page = await mine.go(authorize(DASHBOARD, { prompt: "consent" }));
  assert.ok(asksPassword(page));
  await other.go(authorize(DASHBOARD));
  assert.equal((await other.signIn(page)).status, 400, "a sign-in forged");
  assert.equal((await new Browser(ready).signIn(page)).status, 400, "a sign-in without the cookie");
  const consent = await mine.signIn(page);
  assert.ok(asksApproval(consent));
  assert.equal((await mine.signIn(page)).status, 400, "the page again");
  await other.walk(authorize(DASHBOARD));
  assert.equal((await other.decide(consent, "allow")).status, 400, "an approval forged");
  const wider = await mine.decide(consent, "allow", { scope: "openid profile email offline_access" });
  assert.deepEqual([wider.status, wider.to], [400, undefined], "more than was asked");
});

test("browser: a client that looks like another is shown before anything is approved", async () => {
  for (const who of [DASHBOARD, REPORTS]) {
    const browser = new Browser(ready);
    const page = await browser.signIn(await browser.go(authorize(who, { prompt: "consent", scope: "openid offline_access" })));
    assert.ok(asksApproval(page) && page.body.includes("127.0.0.1"), page.body);
    const { headers } = page;
    assert.match(headers.get("content-security-policy"), /frame-ancestors 'none'/);
    assert.deepEqual(["x-frame-options", "cache-control", "referrer-policy"].map((name) => headers.get(name)), ["DENY", "no-store", "no-referrer"]);
  }
});

test("browser: a sign-in or a sign-out leads nowhere else", async () => {
  const browser = new Browser(ready);
  await browser.walk(authorize(DASHBOARD));
  const more = new URLSearchParams({ post_logout_redirect_uri: EVIL, redirect_uri: EVIL, next: EVIL, returnTo: EVIL });
  const out = await browser.go(`/logout?${more}`);
  assert.ok(!out.to && !out.body.includes("evil.example"), out.body);
  const page = await browser.go(authorize(DASHBOARD, { prompt: "login", next: EVIL, returnTo: EVIL }));
  const signedIn = await browser.signIn(page);
  assert.ok(!signedIn.to || signedIn.to.href.startsWith(`${REDIRECT}?`), String(signedIn.to));
  for (const name of browser.cookies.keys()) assert.match(name, /^sg_/);
});

test("metadata: both documents agree, every endpoint is the issuer's, and there is no more than there is", async () => {
  const told = (await raw("GET", "/.well-known/openid-configuration")).json;
  assert.deepEqual((await raw("GET", "/.well-known/oauth-authorization-server")).json, told);
  assert.equal(told.issuer, ready.issuer);
  for (const [name, value] of Object.entries(told)) {
    if (/_endpoint$|_uri$/.test(name)) {
      assert.ok(value.startsWith(`${ready.issuer}/`), `${name}: ${value}`);
      assert.notEqual((await raw("GET", new URL(value).pathname)).status, 404, name);
    }
  }
  assert.deepEqual(
    [told.code_challenge_methods_supported, told.response_types_supported, told.grant_types_supported, told.registration_endpoint],
    [["S256"], ["code"], ["authorization_code", "refresh_token"], undefined],
  );
  const { keys } = (await raw("GET", "/oauth2/jwks")).json;
  assert.ok(keys.length > 0);
  for (const key of keys) assert.deepEqual(Object.keys(key).sort(), ["alg", "e", "kid", "kty", "n", "use"]);
  for (const [path, resource] of [["", ready.issuer], ["/public/v1", PUBLIC_API]]) {
    const { json } = await raw("GET", `/.well-known/oauth-protected-resource${path}`);
    assert.deepEqual([json.resource, json.authorization_servers, json.bearer_methods_supported], [resource, [ready.issuer], ["header"]]);
  }
});

// A name that an attacker lets point here, or a proxy's word from somebody who is none: nothing that is answered is made of it.
probes("host", [
  ["a name of the attacker's", { host: "evil.example" }],
  ["a forwarded name", { "x-forwarded-host": "evil.example", "x-forwarded-proto": "https", forwarded: "host=evil.example;proto=https" }],
], async (headers) => {
  const documents = ["openid-configuration", "oauth-protected-resource"].map((name) => `/.well-known/${name}`);
  for (const path of [...documents, authorize(DASHBOARD), authorize(DASHBOARD, { prompt: "none" })]) {
    const answer = await raw("GET", path, { headers });
    assert.ok(answer.status === 200 || answer.status === 302, `${path}: ${answer.status} ${answer.body}`);
    assert.ok(!(answer.body + JSON.stringify(answer.headers)).includes("evil.example"), path);
  }
  const answer = await raw("GET", KEYS, { headers });
  assert.ok(answer.status === 401 && !JSON.stringify(answer).includes("evil.example"), answer.body);
});

test("origin: a page of another origin may read keys and metadata, and nothing of a user", async () => {
  const headers = { origin: EVIL };
  const allowed = async (method, path, more = {}) => {
    const answer = await raw(method, path, { headers: { ...headers, ...more } });
    return answer.headers["access-control-allow-origin"];
  };
  assert.equal(await allowed("GET", "/.well-known/openid-configuration"), "*");
  const paths = { GET: [authorize(DASHBOARD), "/userinfo", "/logout", KEYS], POST: ["/oauth2/token", "/oauth2/revoke", "/login", "/consent"] };
  for (const [method, path] of Object.entries(paths).flatMap(([method, all]) => all.map((path) => [method, path]))) {
    assert.equal(await allowed(method, path), undefined, path);
    assert.equal(await allowed("OPTIONS", path, { "access-control-request-method": method }), undefined, `OPTIONS ${path}`);
  }
});

test("methods: tokens are for POST alone", async () => {
  const { refresh_token } = await tokens(DASHBOARD);
  const query = new URLSearchParams({ grant_type: "refresh_token", client_id: DASHBOARD.id, refresh_token });
  for (const method of ["GET", "PUT", "HEAD"]) {
    assert.equal((await raw(method, `/oauth2/token?${query}`)).status, 405, method);
  }
  const answer = await refresh(DASHBOARD, refresh_token);
  assert.deepEqual([answer.status, answer.headers["cache-control"]], [200, "no-store"]);
});
