// Attacks on requests, codes and tokens, each with what has to come of it. A probe is a row: what is tried, and what it has to answer.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { authorize, code, DASHBOARD, PUBLIC_API, redeem, refresh, REPORTS, tokens, VERIFIER } from "./lib/attack.mjs";
import { Browser } from "./lib/browser.mjs";
import { bearer, post, raw } from "./lib/http.mjs";
import { probes } from "./lib/probes.mjs";
import { ready, REDIRECT } from "./lib/ready.mjs";

const KEYS = "/settings/api-keys";
const EVIL = "https://evil.example";

// A redirect URI that is not registered is never redirected to: whoever asks sees a page.
probes("redirect URI", [
  ["another host", `${EVIL}/callback`],
  ["another path", `${REDIRECT}/`],
  ["a path below", `${REDIRECT}/../evil`],
  ["another case", REDIRECT.replace("callback", "Callback")],
  ["an encoded letter", REDIRECT.replace("callback", "%63allback")],
  ["a query", `${REDIRECT}?to=${EVIL}`],
  ["a fragment", `${REDIRECT}#f`],
  ["the host as a user name", REDIRECT.replace("8976", "8976@evil.example")],
  ["the host as a label", REDIRECT.replace("127.0.0.1", "127.0.0.1.evil.example")],
  ["a backslash", `http://127.0.0.1:8976\\@evil.example/callback`],
  ["localhost for its address", REDIRECT.replace("127.0.0.1", "localhost")],
  ["the other loopback", REDIRECT.replace("127.0.0.1", "[::1]")],
  ["an address written otherwise", REDIRECT.replace("127.0.0.1", "0x7f.1")],
  ["another scheme", REDIRECT.replace("http:", "https:")],
  ["a scheme that runs code", "javascript:alert(1)//127.0.0.1/callback"],
  ["a port that is none", REDIRECT.replace("8976", "99999")],
  ["a line break", `${REDIRECT}\r\nLocation: ${EVIL}`],
  ["a zero byte", `${REDIRECT}\0`],
  ["two of them", [REDIRECT, `${EVIL}/callback`]],
  ["none, in an OpenID request", undefined],
], async (redirect_uri) => {
  const page = await new Browser(ready).go(authorize(DASHBOARD, { redirect_uri }));
  assert.deepEqual([page.status, page.to], [400, undefined], page.body);
});

probes("authorization request", [
  ["no PKCE", { code_challenge: undefined, code_challenge_method: undefined }, "invalid_request"],
  ["no PKCE, of a client with a secret", { code_challenge: undefined, code_challenge_method: undefined }, "invalid_request", REPORTS],
  ["PKCE by plain", { code_challenge: VERIFIER, code_challenge_method: "plain" }, "invalid_request"],
  ["PKCE without a method, which means plain", { code_challenge_method: undefined }, "invalid_request"],
  ["a challenge that is none", { code_challenge: "short" }, "invalid_request"],
  ["the implicit flow", { response_type: "token" }, "unsupported_response_type"],
  ["an ID token from the front", { response_type: "id_token" }, "unsupported_response_type"],
  ["a hybrid flow", { response_type: "code id_token" }, "unsupported_response_type"],
  ["the code in the fragment", { response_mode: "fragment" }, "invalid_request"],
  ["the code in a form", { response_mode: "form_post" }, "invalid_request"],
  ["a request object", { request: "eyJhbGciOiJub25lIn0.e30." }, "request_not_supported"],
  ["a request object to fetch", { request_uri: "http://127.0.0.1:1/request" }, "request_uri_not_supported"],
  ["a registration within", { registration: "{}" }, "registration_not_supported"],
  ["a scope of the API that the client has not", { scope: "openid jobs:write" }, "invalid_scope"],
  ["a resource of nobody", { resource: `${EVIL}/api` }, "invalid_target"],
  ["a resource with a fragment", { resource: `${PUBLIC_API}#f` }, "invalid_target"],
  ["two scopes", { scope: ["openid", "openid email"] }, "invalid_request"],
  ["two challenges", { code_challenge: ["A".repeat(43), "B".repeat(43)] }, "invalid_request"],
  ["silence without a session", { prompt: "none" }, "login_required"],
  ["silence and a page", { prompt: "none login" }, "invalid_request"],
], async (changed, error, who = DASHBOARD) => {
  const { to } = await new Browser(ready).go(authorize(who, changed));
  const told = Object.fromEntries(to.searchParams);
  assert.deepEqual([to.origin + to.pathname, told.error, told.state, told.iss, told.code], [REDIRECT, error, "s-1", ready.issuer, undefined]);
});

test("authorization request: a client that nobody registered, and two clients, get a page", async () => {
  for (const client_id of ["nobody", undefined, [DASHBOARD.id, REPORTS.id], "https://evil.example/client.json"]) {
    const page = await new Browser(ready).go(authorize(DASHBOARD, { client_id }));
    assert.deepEqual([page.status, page.to], [400, undefined], String(client_id));
  }
});

test("authorization request: a state is given back as it was, and is nothing else", async () => {
  const state = `"><script>alert(1)</script>\r\nSet-Cookie: a=b&code=evil&iss=${EVIL}`;
  const { to } = await new Browser(ready).go(authorize(DASHBOARD, { state, prompt: "none" }));
  assert.deepEqual([to.searchParams.getAll("state"), to.searchParams.get("code"), to.searchParams.getAll("iss")], [[state], null, [ready.issuer]]);
});

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const JSON_BODY = { "content-type": "application/json" };
const request = (stolen) => ({ grant_type: "authorization_code", client_id: DASHBOARD.id, code: stolen, code_verifier: VERIFIER });
const CHALLENGE = new URL(authorize(DASHBOARD), ready.issuer).searchParams.get("code_challenge");

// Each row: what the thief sends. Afterwards the right client still gets its tokens.
probes("stolen code", [
  ["without a verifier", (stolen) => redeem(DASHBOARD, stolen, { code_verifier: "" }), "invalid_grant"],
  ["with another verifier", (stolen) => redeem(DASHBOARD, stolen, { code_verifier: "A".repeat(43) }), "invalid_grant"],
  ["with the challenge for a verifier", (stolen) => redeem(DASHBOARD, stolen, { code_verifier: CHALLENGE }), "invalid_grant"],
  ["by another client", (stolen) => redeem(REPORTS, stolen), "invalid_grant"],
  ["for another redirect URI", (stolen) => redeem(DASHBOARD, stolen, { redirect_uri: `${EVIL}/callback` }), "invalid_grant"],
  ["for another resource", (stolen) => redeem(DASHBOARD, stolen, { resource: `${EVIL}/api` }), "invalid_target"],
  ["in the query", (stolen) => raw("POST", `/oauth2/token?${new URLSearchParams(request(stolen))}`, { headers: FORM }), "invalid_request"],
  ["as JSON", (stolen) => raw("POST", "/oauth2/token", { headers: JSON_BODY, body: JSON.stringify(request(stolen)) }), "invalid_request"],
  ["beside another code", (stolen) => {
    const body = `code=ac1.a.b&${new URLSearchParams(request(stolen))}`;
    return raw("POST", "/oauth2/token", { headers: FORM, body });
  }, "invalid_request"],
], async (steal, error) => {
  const mine = await code(DASHBOARD);
  const answer = await steal(mine);
  assert.deepEqual([answer.json.error, answer.json.access_token], [error, undefined], answer.body);
  assert.equal((await redeem(DASHBOARD, mine)).status, 200, "the client's own way");
});

test("replay: of a code that comes eight times at once one wins at most, and nothing of it stays good", async () => {
  const mine = await code(DASHBOARD);
  const answers = await Promise.all(Array.from({ length: 8 }, () => redeem(DASHBOARD, mine)));
  const won = answers.filter((answer) => answer.status === 200);
  assert.ok(won.length <= 1 && answers.every((answer) => answer.status === 200 || answer.json.error === "invalid_grant"));
  for (const { json } of won) {
    assert.equal((await bearer(json.access_token, "/userinfo")).status, 401);
    assert.equal((await bearer(json.access_token, KEYS)).status, 401);
    assert.equal((await refresh(DASHBOARD, json.refresh_token)).json.error, "invalid_grant");
  }
});

test("replay: an old refresh token ends the family, the access tokens too", async () => {
  const first = await tokens(DASHBOARD);
  const second = (await refresh(DASHBOARD, first.refresh_token)).json;
  const third = (await refresh(DASHBOARD, second.refresh_token)).json;
  assert.equal((await bearer(third.access_token, KEYS)).status, 200);
  for (const { refresh_token } of [first, second, third]) {
    assert.equal((await refresh(DASHBOARD, refresh_token)).json.error, "invalid_grant");
  }
  for (const path of [KEYS, "/userinfo"]) assert.equal((await bearer(third.access_token, path)).status, 401, path);
});

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const grant = (grant_type, fields) => post("/oauth2/token", { grant_type, ...fields }, REPORTS);

// Each row: what is tried with the tokens of the client with a secret, and the error.
probes("refresh", [
  ["by another client", (mine) => refresh(DASHBOARD, mine.refresh_token), "invalid_grant"],
  ["without the secret", (mine) => refresh({ id: REPORTS.id }, mine.refresh_token), "invalid_client"],
  ["with a wrong secret", (mine) => refresh({ ...REPORTS, secret: "x".repeat(32) }, mine.refresh_token), "invalid_client"],
  [
    "with the secret in the form, which is another way",
    (mine) => refresh({ id: REPORTS.id }, mine.refresh_token, { client_secret: REPORTS.secret }), "invalid_client",
  ],
  ["for another scope", (mine) => refresh(REPORTS, mine.refresh_token, { scope: "openid offline_access" }), "invalid_scope"],
  ["for a scope of the API", (mine) => refresh(REPORTS, mine.refresh_token, { scope: "jobs:write" }), "invalid_scope"],
  ["for another resource", (mine) => refresh(REPORTS, mine.refresh_token, { resource: `${EVIL}/api` }), "invalid_target"],
  ["with an access token", (mine) => refresh(REPORTS, mine.access_token), "invalid_grant"],
  ["with a changed token", (mine) => refresh(REPORTS, `${mine.refresh_token.slice(0, -2)}AA`), "invalid_grant"],
  ["by a password grant", () => grant("password", { username: ready.username, password: ready.password }), "unsupported_grant_type"],
  ["by a client's own grant", () => grant("client_credentials", { scope: "openid" }), "unsupported_grant_type"],
  ["by a token exchange", (mine) => grant(EXCHANGE, { subject_token: mine.access_token }), "unsupported_grant_type"],
], async (attempt, error) => {
  const mine = await tokens(REPORTS);
  const answer = await attempt(mine);
  assert.deepEqual([answer.json.error, answer.json.access_token], [error, undefined], answer.body);
  assert.equal((await refresh(REPORTS, mine.refresh_token)).status, 200, "the client's own way");
});

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const parts = (token) => token.split(".").map((text, at) => (at < 2 ? JSON.parse(Buffer.from(text, "base64url")) : text));
/** The token with members of its header and claims changed, and its signature kept. */
const bent = (token, header, claims) => {
  const [first, second, signature] = parts(token);
  return [part({ ...first, ...header }), part({ ...second, ...claims }), signature].join(".");
};
const signedWith = (token, key) => {
  const text = bent(token, { alg: "HS256" }).split(".").slice(0, 2).join(".");
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
};

// Each row: a token made of a good one, and what it gets where keys are managed and at userinfo.
probes("token", [
  ["a word", () => "word", 401, 401],
  ["unsigned", ({ access_token }) => bent(access_token, { alg: "none" }).replace(/[^.]*$/, ""), 401, 401],
  ["unsigned in other letters", ({ access_token }) => bent(access_token, { alg: "nOnE" }).replace(/[^.]*$/, ""), 401, 401],
  ["signed with the public key as a secret", async ({ access_token }) => signedWith(access_token, (await raw("GET", "/oauth2/jwks")).body), 401, 401],
  ["signed with nothing", ({ access_token }) => signedWith(access_token, ""), 401, 401],
  ["another subject", ({ access_token }) => bent(access_token, {}, { sub: "company-2" }), 401, 401],
  ["a longer life", ({ access_token }) => bent(access_token, {}, { exp: 4_000_000_000 }), 401, 401],
  ["a key of its own", ({ access_token }) => bent(access_token, { jwk: { kty: "oct", k: "AAAA" } }), 401, 401],
  ["a key to fetch", ({ access_token }) => bent(access_token, { jku: `${EVIL}/jwks`, kid: "../../dev/null" }), 401, 401],
  ["without its signature", ({ access_token }) => access_token.replace(/[^.]*$/, ""), 401, 401],
  ["an ID token", ({ id_token }) => id_token, 401, 401],
  ["a refresh token", ({ refresh_token }) => refresh_token, 401, 401],
  ["for another resource", async () => (await tokens(DASHBOARD, { resource: PUBLIC_API })).access_token, 401, 401],
  ["of another client", async () => (await tokens(REPORTS)).access_token, 403, 200],
  ["without the scope openid", async () => (await tokens(DASHBOARD, { scope: "email" })).access_token, 403, 403],
  ["good as it is", ({ access_token }) => access_token, 200, 200],
], async (made, atKeys, atUser) => {
  const token = await made(await tokens(DASHBOARD));
  const answers = [await bearer(token, KEYS), await bearer(token, "/userinfo")];
  assert.deepEqual(answers.map((answer) => answer.status), [atKeys, atUser], answers.map((answer) => answer.body).join("\n"));
  for (const { status, headers } of answers) {
    if (status === 401) assert.match(headers["www-authenticate"] ?? "", /^Bearer/);
  }
});

test("token: one for another resource names it, and may be refreshed for it alone", async () => {
  const mine = await tokens(DASHBOARD, { resource: PUBLIC_API });
  assert.equal(parts(mine.access_token)[1].aud, PUBLIC_API);
  const wider = await refresh(DASHBOARD, mine.refresh_token, { resource: ready.issuer });
  assert.equal(wider.json.error, "invalid_target", wider.body);
  assert.equal(parts((await refresh(DASHBOARD, mine.refresh_token)).json.access_token)[1].aud, PUBLIC_API);
});

test("token: in a query it opens nothing", async () => {
  const { access_token } = await tokens(DASHBOARD);
  for (const path of ["/userinfo", KEYS]) {
    const { status } = await raw("GET", `${path}?access_token=${access_token}`);
    assert.ok(status === 400 || status === 401, `${path}: ${status}`);
  }
  const twice = await post("/userinfo", { access_token }, undefined, { authorization: `Bearer ${access_token}` });
  assert.deepEqual([twice.status, twice.json.error], [400, "invalid_request"]);
});

test("token: what a client may not know of it, it does not hear", async () => {
  const mine = await tokens(DASHBOARD);
  for (const token of [mine.access_token, mine.refresh_token, "word"]) {
    assert.deepEqual((await post("/oauth2/introspect", { token }, REPORTS)).json, { active: false });
    assert.equal((await post("/oauth2/introspect", { token }, DASHBOARD)).status, 401);
    assert.equal((await post("/oauth2/revoke", { token }, REPORTS)).status, 200, "and to revoke it does nothing");
  }
  assert.equal((await bearer(mine.access_token, "/userinfo")).status, 200);
});
