// The flow table of the authorization server, for whatever runtime this is: no test runner, no file. The caller brings the package.

export const ISSUER = "https://op.example";
export const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SECRET = "a secret of the client+with:odd %characters";
const REDIRECT = "https://app.example/cb?kept=1";

export const SCOPES = ["openid", "profile", "email", "keys"];
export const client = (clientId, more = {}) => ({
  clientId, name: `The ${clientId}`, auth: "none", redirectUris: [REDIRECT], grantTypes: ["authorization_code", "refresh_token"],
  scopes: SCOPES, defaultScopes: ["keys"], trusted: true, ...more,
});

/** Who signs in: somebody else in each case, since stores remember approvals. */
let person = "u1";
let jwk;
/** A private key; made once, since that takes a while. */
export async function privateJwk() {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  jwk ??= await crypto.subtle.exportKey("jwk", (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])).privateKey);
  return jwk;
}

export const secrets = { current: "s1", s1: new Uint8Array(32).fill(7) };

/** Options of a server over a store. */
export async function optionsOver({ webCryptoSigner, hashSecret }, store, more = {}) {
  return {
    issuer: ISSUER, scopes: SCOPES, resources: [{ uri: "https://api.example/v1", scopes: ["keys"] }], store, secrets,
    keys: [await webCryptoSigner({ jwk: await privateJwk(), kid: "k1" })],
    claims: (sub, { scopes }) => ({ ...(scopes.includes("email") && { email: `${sub}@example.com` }), iss: "evil" }),
    clients: [client("app"), client("other"), client("web", { auth: { method: "client_secret_basic", hashes: [hashSecret(SECRET)] } })],
    ...more,
  };
}

export function same(found, expected, what = "") {
  const [left, right] = [found, expected].map((value) => JSON.stringify(value));
  if (left !== right) throw new Error(`${what} ${left} instead of ${right}`);
}

/** A store each of whose methods takes a while. */
export function slow(store, milliseconds = 15) {
  const wait = () => new Promise((go) => setTimeout(go, milliseconds));
  const methods = Object.entries(store).filter(([, method]) => typeof method === "function");
  const slowed = methods.map(([name, method]) => [name, async (...rest) => {
    await wait();
    return method.apply(store, rest);
  }]);
  return { ...store, ...Object.fromEntries(slowed) };
}

/** A person with a browser: keeps cookies, signs in, approves. */
export class Browser {
  cookie = "";

  request(url, init = {}) {
    return new Request(url, { ...init, headers: { ...init.headers, ...(this.cookie && { cookie: this.cookie }) } });
  }

  remember(interaction) {
    this.cookie = interaction.headers.getSetCookie()[0].split(";")[0];
    return interaction;
  }

  /** To the end of an authorization: `{ code, state, iss, error }` of the redirect, or the response when there is none. */
  async authorize(server, parameters = {}, { login, consent, present } = {}) {
    const query = new URLSearchParams({
      response_type: "code", client_id: "app", redirect_uri: REDIRECT, scope: "openid email keys", state: "a b", nonce: "n1",
      code_challenge: CHALLENGE, code_challenge_method: "S256", ...parameters,
    });
    for (const [name, value] of [...query]) if (value === "undefined") query.delete(name);
    let reply = await server.handle(this.request(`${ISSUER}/oauth2/authorize?${query}`));
    if (reply.ask?.type === "login") {
      this.remember(reply);
      reply = await server.resumeLogin(this.request(`${ISSUER}/login`), reply.ticket, login ?? { sub: person, authTime: now(), amr: ["pwd"] });
    }
    if (reply.ask?.type === "consent") {
      if (consent === "none yet") return reply;
      this.remember(reply);
      reply = await server.resumeConsent(this.request(`${ISSUER}/consent`), reply.ticket, present ?? login?.sub ?? person, consent ?? { scopes: reply.ask.scopes });
    }
    const location = reply.headers.get("location");
    return location === null ? reply : { status: reply.status, location, ...Object.fromEntries(new URL(location).searchParams) };
  }
}

export const now = () => Math.floor(Date.now() / 1000);
export const form = (path, fields, headers = {}) =>
  new Request(`${ISSUER}${path}`, { method: "POST", body: new URLSearchParams(fields), headers });

/** Posts to the token endpoint: `{ status, ...members }`. */
export async function token(server, fields, headers) {
  const response = await server.handle(form("/oauth2/token", fields, headers));
  if (response.status === 200) same(response.headers.get("cache-control"), "no-store");
  return { status: response.status, ...(await response.json()) };
}
export const redeem = (server, code, more = {}, headers) =>
  token(server, { grant_type: "authorization_code", client_id: "app", code, code_verifier: VERIFIER, ...more }, headers);
export const refresh = (server, value, more = {}) => token(server, { grant_type: "refresh_token", client_id: "app", refresh_token: value, ...more });
const outcome = ({ status, error = "ok" }) => `${status} ${error}`;
const claimsOf = (jws) => JSON.parse(atob(jws.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));

async function verified(server, jws) {
  const { keys } = await (await server.handle(new Request(`${ISSUER}/oauth2/jwks`))).json();
  const [header, payload, signature] = jws.split(".");
  const key = await crypto.subtle.importKey("jwk", keys[0], { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, ["verify"]);
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  return crypto.subtle.verify("RSASSA-PKCS1-v1_5", key, bytes(signature), new TextEncoder().encode(`${header}.${payload}`));
}

/** The races and what holds on every store: `[name, options, case]`. */
export const RACES = [
  ["one code, three at once: one set of tokens, which the replays revoke", {}, async ({ server, events }) => {
    const { code } = await new Browser().authorize(server);
    const answers = await Promise.all([0, 1, 2].map(() => redeem(server, code)));
    same(answers.map(outcome).sort(), ["200 ok", "400 invalid_grant", "400 invalid_grant"]);
    same(events.slice(0, 1), ["code_replay"]);
    const winner = answers.find(({ status }) => status === 200);
    same(outcome(await refresh(server, winner.refresh_token)), "400 invalid_grant");
  }],
  ["one refresh token, three at once: one child", {}, async ({ server }) => {
    const first = await redeem(server, (await new Browser().authorize(server)).code);
    const answers = await Promise.all([0, 1, 2].map(() => refresh(server, first.refresh_token)));
    same(answers.map(outcome), ["200 ok", "200 ok", "200 ok"]);
    same(new Set(answers.map((answer) => answer.refresh_token)).size, 1, "children");
    same(outcome(await refresh(server, answers[0].refresh_token)), "200 ok");
  }],
  ["one refresh token, three at once, strictly: one child, whose family is revoked", { lifetimes: { refreshLeeway: 0 } }, async ({ server, events }) => {
    const first = await redeem(server, (await new Browser().authorize(server)).code);
    const answers = await Promise.all([0, 1, 2].map(() => refresh(server, first.refresh_token)));
    same(answers.map(outcome).sort(), ["200 ok", "400 invalid_grant", "400 invalid_grant"]);
    same(events.includes("refresh_reuse"), true);
    same(outcome(await refresh(server, answers.find(({ status }) => status === 200).refresh_token)), "400 invalid_grant");
  }],
  ["a wrong verifier, redirect URI or client does not burn the code", {}, async ({ server }) => {
    const { code } = await new Browser().authorize(server);
    same(outcome(await redeem(server, code, { code_verifier: `${VERIFIER}x` })), "400 invalid_grant");
    same(outcome(await redeem(server, code, { redirect_uri: "https://app.example/cb" })), "400 invalid_grant");
    same(outcome(await redeem(server, code, { client_id: "other" })), "400 invalid_grant");
    same(outcome(await redeem(server, code)), "200 ok");
  }],
  ["a ticket is good once, and in one browser", {}, async ({ server }) => {
    const browser = new Browser();
    const query = new URLSearchParams({ response_type: "code", client_id: "app", redirect_uri: REDIRECT, scope: "keys", code_challenge: CHALLENGE, code_challenge_method: "S256" });
    const { ticket } = browser.remember(await server.handle(browser.request(`${ISSUER}/oauth2/authorize?${query}`)));
    const login = { sub: person, authTime: now() };
    same((await server.resumeLogin(new Request(`${ISSUER}/login`), ticket, login)).status, 400);
    const both = await Promise.all([0, 1].map(() => server.resumeLogin(browser.request(`${ISSUER}/login`), ticket, login)));
    same(both.map((reply) => reply.ask?.type ?? reply.status).sort(), [400, "consent"]);
  }],
  ["a consent is of the user it was shown to", {}, async ({ server }) => {
    const browser = new Browser();
    const { ticket } = browser.remember(await browser.authorize(server, {}, { consent: "none yet" }));
    const answer = async (present, outcome) => {
      const reply = await server.resumeConsent(browser.request(`${ISSUER}/consent`), ticket, present, outcome);
      return [reply.status, reply.headers.get("location") === null, (await reply.text()).split(":")[0]];
    };
    for (const present of ["somebody else", `${person} `, null]) {
      for (const outcome of [{ scopes: ["openid"] }, "denied"]) same(await answer(present, outcome), [400, true, "ticket_of_another_user"], present);
    }
    same(await server.revokeAll(person), { revoked: 0 });
    same((await answer(person, { scopes: ["openid"] })).slice(0, 2), [302, false]);
  }],
];

/** What does not depend on the store, or on its races. */
export const FLOWS = [
  ["documents", {}, async ({ server }) => {
    for (const path of ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]) {
      const found = await (await server.handle(new Request(ISSUER + path))).json();
      same([found.issuer, found.code_challenge_methods_supported], [ISSUER, ["S256"]]);
    }
    const response = await server.handle(new Request(`${ISSUER}/oauth2/jwks`));
    const { keys } = await response.json();
    same(Object.keys(keys[0]).sort(), ["alg", "e", "kid", "kty", "n", "use"]);
    const headers = { "if-none-match": response.headers.get("etag") };
    same((await server.handle(new Request(`${ISSUER}/oauth2/jwks`, { headers }))).status, 304);
    same((await server.handle(new Request(`${ISSUER}/elsewhere`))).status, 404);
    same((await (await server.handle(new Request(`${ISSUER}/.well-known/oauth-protected-resource/v1`))).json()).resource, "https://api.example/v1");
  }],
  ["a login from start to end", {}, async ({ server }) => {
    const back = await new Browser().authorize(server);
    same([back.status, back.state, back.iss, back.kept], [302, "a b", ISSUER, "1"]);
    const tokens = await redeem(server, back.code, { redirect_uri: REDIRECT });
    same([tokens.status, tokens.token_type, tokens.expires_in, tokens.scope], [200, "Bearer", 600, "openid email keys"]);
    same([await verified(server, tokens.access_token), await verified(server, tokens.id_token)], [true, true]);
    const { iss, sub, aud, nonce, email, amr } = claimsOf(tokens.id_token);
    same([iss, sub, aud, nonce, email, amr], [ISSUER, person, "app", "n1", `${person}@example.com`, ["pwd"]]);
    const authorization = `Bearer ${tokens.access_token}`;
    const userinfo = await server.handle(new Request(`${ISSUER}/userinfo`, { headers: { authorization } }));
    same(await userinfo.json(), { email: `${person}@example.com`, sub: person });
    const next = await refresh(server, tokens.refresh_token, { scope: "keys" });
    same([next.status, next.scope, next.refresh_token === tokens.refresh_token], [200, "keys", false]);
    same((await server.handle(form("/oauth2/revoke", { token: next.refresh_token, client_id: "app" }))).status, 200);
    same(outcome(await refresh(server, next.refresh_token)), "400 invalid_grant");
    same((await server.handle(new Request(`${ISSUER}/userinfo`, { headers: { authorization } }))).status, 401);
    // Approved once, the client is not asked about again; what is new is.
    const again = new Browser();
    same(typeof (await again.authorize(server, {}, { consent: "denied" })).code, "string");
    same((await again.authorize(server, { scope: "openid profile" }, { consent: "denied" })).error, "access_denied");
  }],
  ["a token for a resource", {}, async ({ server }) => {
    const resource = "https://api.example/v1";
    same((await new Browser().authorize(server, { resource })).error, "invalid_target");
    const back = await new Browser().authorize(server, { client_id: "api", scope: "keys", resource });
    same(claimsOf((await redeem(server, back.code, { client_id: "api" })).access_token).aud, resource);
  }],
  ["a confidential client", {}, async ({ server }) => {
    const { code } = await new Browser().authorize(server, { client_id: "web" });
    const basic = (secret) => ({ authorization: `Basic ${btoa(`web:${encodeURIComponent(secret)}`)}` });
    same(outcome(await redeem(server, code, { client_id: "web" })), "401 invalid_client");
    same(outcome(await redeem(server, code, { client_id: "web" }, basic("wrong"))), "401 invalid_client");
    const tokens = await redeem(server, code, { client_id: "web" }, basic(SECRET));
    same(outcome(tokens), "200 ok");
    const introspect = async () => (await server.handle(form("/oauth2/introspect", { token: tokens.access_token }, basic(SECRET)))).json();
    const { active, client_id, sub } = await introspect();
    same([active, client_id, sub], [true, "web", person]);
    same((await server.handle(form("/oauth2/revoke", { token: tokens.access_token }, basic(SECRET)))).status, 200);
    same(await introspect(), { active: false });
  }],
  ["a login from a session, at once", {}, async ({ server }) => {
    const query = new URLSearchParams({ response_type: "code", client_id: "app", redirect_uri: REDIRECT, scope: "openid", code_challenge: CHALLENGE, code_challenge_method: "S256", prompt: "none" });
    const login = { sub: person, authTime: now() };
    for (const cookie of [undefined, "a=b", "a=b; __Host-sg_txn=rubbish; c=d", `__Host-sg_txn=${"A".repeat(43)}`]) {
      const request = new Request(`${ISSUER}/oauth2/authorize?${query}`, { headers: cookie === undefined ? {} : { cookie } });
      const ends = async (outcome) => new URL((await server.resumeLogin(request, await server.handle(request), outcome)).headers.get("location")).searchParams.get("error");
      same([await ends("notLoggedIn"), await ends(login)], ["login_required", "consent_required"], cookie);
    }
    await new Browser().authorize(server, { scope: "openid" });
    const request = new Request(`${ISSUER}/oauth2/authorize?${query}`);
    const back = await server.resumeLogin(request, await server.handle(request), login);
    same(new URL(back.headers.get("location")).searchParams.has("code"), true);
  }],
  ["an old refresh token revokes the family", {}, async ({ server, events }) => {
    const first = await redeem(server, (await new Browser().authorize(server)).code);
    const second = await refresh(server, first.refresh_token);
    const parent = await refresh(server, first.refresh_token);
    same([parent.status, parent.refresh_token === second.refresh_token], [200, true]);
    const third = await refresh(server, second.refresh_token);
    same(outcome(await refresh(server, first.refresh_token)), "400 invalid_grant");
    same(events, ["refresh_reuse"]);
    same(outcome(await refresh(server, third.refresh_token)), "400 invalid_grant");
  }],
  ["all grants of a user are revoked, or those of one client", {}, async ({ server }) => {
    const login = async (clientId) => redeem(server, (await new Browser().authorize(server, { client_id: clientId })).code, { client_id: clientId });
    same(await server.revokeAll(person), { revoked: 0 });
    const apps = await Promise.all(Array.from({ length: 9 }, () => login("app")));
    const other = await login("other");
    same(await server.revokeAll(person, { clientId: "app" }), { revoked: 9 });
    for (const { refresh_token: value } of apps) same(outcome(await refresh(server, value)), "400 invalid_grant");
    const kept = await refresh(server, other.refresh_token, { client_id: "other" });
    same([kept.status, await server.revokeAll(`${person}x`), await server.revokeAll(person), await server.revokeAll(person)],
      [200, { revoked: 0 }, { revoked: 1 }, { revoked: 0 }]);
    same(outcome(await refresh(server, kept.refresh_token, { client_id: "other" })), "400 invalid_grant");
  }],
  ["sign-in with this server as the provider", {}, async ({ server, oauth, store }) => {
    const social = oauth.createSocialLogin({
      issuer: "https://rp.example", secrets, store, fetch: (url, init) => server.handle(new Request(url, init)),
      providers: [{ preset: "oidc", id: "op", issuer: ISSUER, clientId: "rp", clientSecret: SECRET }],
    });
    const there = await social.start("op", { ticket: "tk1.x" });
    const request = new Request(there.headers.get("location"));
    const back = await server.resumeLogin(request, await server.handle(request), { sub: person, authTime: now() });
    const cookie = there.headers.getSetCookie()[0].split(";")[0];
    const come = (headers) => social.handle(new Request(back.headers.get("location"), { headers }));
    same((await come({})).status, 400);
    const identity = await come({ cookie });
    same([identity.providerSub, identity.email, identity.emailVerified, identity.ticket], [person, `${person}@example.com`, false, "tk1.x"]);
    same((await come({ cookie })).code, "state_replayed");
    same(social.counts, { restarts: 0, hostFailures: 0 });
    social.close();
  }],
  ["requests that are refused", {}, async ({ server }) => {
    const table = [
      [{ redirect_uri: "https://app.example/other" }, 400], [{ client_id: "nobody" }, 400], [{ client_id: "undefined" }, 400],
      [{ code_challenge: "undefined" }, "invalid_request"], [{ code_challenge_method: "plain" }, "invalid_request"],
      [{ response_type: "token" }, "unsupported_response_type"], [{ scope: "admin" }, "invalid_scope"],
      [{ request: "x" }, "request_not_supported"], [{ resource: "https://nowhere.example/" }, "invalid_target"],
    ];
    for (const [parameters, expected] of table) {
      const reply = await new Browser().authorize(server, parameters);
      same(reply.error ?? reply.status, expected, JSON.stringify(parameters));
    }
    const ends = [
      [{}, { login: "denied" }, "access_denied"], [{ prompt: "none" }, { login: "notLoggedIn" }, "login_required"],
      [{}, { consent: "denied" }, "access_denied"],
    ];
    for (const [parameters, outcomes, expected] of ends) same((await new Browser().authorize(server, parameters, outcomes)).error, expected);
    same(outcome(await token(server, { grant_type: "password", client_id: "app" })), "400 unsupported_grant_type");
    const json = await server.handle(new Request(`${ISSUER}/oauth2/token`, { method: "POST", body: "{}", headers: { "content-type": "application/json" } }));
    same([json.status, (await json.json()).error], [400, "invalid_request"]);
    const long = await server.handle(form("/oauth2/token", { grant_type: "refresh_token", filler: "x".repeat(70_000) }));
    same([long.status, (await long.json()).error], [400, "invalid_request"]);
    for (const ticket of [null, undefined, "", "tk1.x", "\ud800"]) {
      same((await server.resumeLogin(new Request(`${ISSUER}/login`), ticket, { sub: "u1", authTime: 0 })).status, 400);
    }
  }],
];

/** Runs cases, each on a server of its own over `store()`. Returns what failed and how many ran. */
export async function runFlows(oauth, makeStore, cases = [...RACES, ...FLOWS]) {
  const failures = [];
  for (const [name, more, run] of cases) {
    person = `u-${crypto.randomUUID()}`;
    const [events, errors] = [[], []];
    const api = client("api", { resources: ["https://api.example/v1"] });
    const options = await optionsOver(oauth, await makeStore(), { onEvent: ({ kind }) => void events.push(kind), onError: (error, operation) => void errors.push(`${operation}: ${error.code ?? error}`), ...more });
    const rp = client("rp", {
      auth: { method: "client_secret_basic", hashes: [oauth.hashSecret(SECRET)] }, redirectUris: ["https://rp.example/login/oauth2/code/op"], skipConsent: true,
    });
    const server = oauth.createAuthorizationServer({ ...options, clients: [...options.clients, api, rp] });
    try {
      await run({ server, events, oauth, store: options.store });
      same(errors, []);
    } catch (error) {
      failures.push(`${name}: ${error.message} ${errors.join("; ")}`);
    }
    server.close();
  }
  return { failures, count: cases.length };
}
