// Writes tests/vectors/oauth/flows.json: `node tests/data/make-oauth-vectors.mjs` plays flows over the module and records what it was
// asked, answered and said. Everything is an argument, so the same flows give the same file. Run it after a wanted change of the core,
// with the module built from it, and read the difference.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { encode, utf8 } from "../../js/oauth/bytes.js";
import { hashSecret, webCryptoSigner } from "../../js/oauth/entry/node.js";
import { operations } from "../../js/oauth/host.js";
import { Engine } from "../../js/oauth/runtime.js";
import { memoryGrants } from "../../js/stores/memory.js";

const NOW = 1_780_000_000;
const ISSUER = "https://op.example";
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDIRECT = "https://app.example/cb";
const RESOURCE = "https://api.example/v1";
const SCOPES = ["openid", "profile", "email", "keys"];
const { jwk } = JSON.parse(readFileSync(new URL("keys/test-rsa-a.json", import.meta.url), "utf8"));
const { kid, alg, publicJwk, sign } = await webCryptoSigner({ jwk, kid: "k1" });

const settings = {
  issuer: ISSUER, scopes: SCOPES, resources: [{ uri: RESOURCE, scopes: ["keys"] }], corsOrigins: ["https://app.example"],
  lifetimes: { refreshLeeway: 10 }, offlineAccessRequired: false, secrets: [{ id: "s1", key: encode(new Uint8Array(32).fill(7)) }],
  keys: [{ kid, alg, public: publicJwk, status: "active", since: NOW }], capabilities: { cas: true, readYourWrites: true, putOnce: true },
};
const registered = (clientId, more) => ({
  clientId, name: `The ${clientId}`, auth: "none", redirectUris: [REDIRECT], grantTypes: ["authorization_code", "refresh_token"], scopes: SCOPES,
  defaultScopes: ["keys"], resources: [RESOURCE], trusted: true, ...more,
});
const clients = new Map([
  registered("app"), registered("stranger", { trusted: false }),
  registered("basic", { auth: { method: "client_secret_basic", hashes: [hashSecret("s3cret")] }, skipConsent: true }),
  registered("post", { auth: { method: "client_secret_post" }, pkce: "nonce_ok" }),
].map((client) => [client.clientId, client]));

let clock = NOW;
let down;
const host = operations({
  store: memoryGrants({ now: () => clock }), client: (id) => clients.get(id), signers: new Map([[kid, sign]]),
  claims: (sub) => ({ email: `${sub}@example.com`, name: "Zoë \u2028 \"Z\"", iss: "evil" }), verifySecret: (_, secret) => secret === "s3cret",
});
const engine = new Engine("RawServer", JSON.stringify(settings));
const flows = [];

/** Plays one request and records it. */
async function play(name, input) {
  const entropy = createHash("sha512").update(`${flows.length} ${name}`).digest();
  const [answers, outputs] = [[], []];
  for (;;) {
    const output = JSON.parse(engine.step(JSON.stringify(input), clock, entropy, JSON.stringify(answers)));
    outputs.push(output);
    if (output.need === undefined) break;
    answers.push(output.need.op === down ? "unavailable" : await host[output.need.op](output.need));
  }
  flows.push({ name, input, now: clock, entropy: encode(entropy), answers, outputs });
  const last = outputs.at(-1);
  return last.interact ?? { ...last.respond, text: Buffer.from(last.respond.body, "base64url").toString() };
}

const get = (target, headers = []) => {
  const [path, query = ""] = target.split("?");
  return { method: "GET", path, query, headers, body: "" };
};
const post = (path, fields, headers = []) => ({
  method: "POST", path, query: "", headers: [["Content-Type", "application/x-www-form-urlencoded"], ...headers], body: encode(utf8(`${new URLSearchParams(fields)}`)),
});
const asking = (more = {}) => {
  const fields = { response_type: "code", client_id: "app", redirect_uri: REDIRECT, scope: "openid email keys", state: "a b", nonce: "n1",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256", ...more };
  return new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== undefined));
};
const cookie = ({ headers }) => [["cookie", `other=1; ${headers.find(([name]) => name === "set-cookie")[1].split(";")[0]}`]];
const login = (page, outcome = { loggedIn: { sub: "u1", authTime: clock, acr: "1", amr: ["pwd"] } }) =>
  ({ request: get("/login", cookie(page)), ticket: page.ticket, login: outcome });
const approve = (page, consent = { approve: page.ask.scopes }, present = "u1") =>
  ({ request: post("/consent", {}, cookie(page)), ticket: page.ticket, present, consent });
const codeOf = ({ headers }) => new URL(headers.find(([name]) => name === "location")[1]).searchParams.get("code");

async function code(name, more, others = {}) {
  const page = await play(`${name}: ask`, { http: get(`/oauth2/authorize?${asking(more)}`) });
  let reply = await play(`${name}: login`, login(page));
  if (reply.ask !== undefined) {
    for (const [who, present] of Object.entries(others)) await play(`${who}: consent`, approve(reply, undefined, present));
    reply = await play(`${name}: consent`, approve(reply));
  }
  return codeOf(reply);
}
const redeem = (value, more, headers) => ({ http: post("/oauth2/token", { grant_type: "authorization_code", client_id: "app", code: value, code_verifier: VERIFIER, ...more }, headers) });
const refresh = (value, more) => ({ http: post("/oauth2/token", { grant_type: "refresh_token", client_id: "app", refresh_token: value, ...more }) });
const basic = (secret) => [["Authorization", `Basic ${btoa(`basic:${secret}`)}`]];

for (const path of ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/v1", "/oauth2/jwks", "/", "/oauth2/authorize"]) {
  await play(`GET ${path}`, { http: get(path, [["Origin", "https://app.example"]]) });
}
await play("preflight", { http: { ...get("/oauth2/token", [["origin", "https://app.example"]]), method: "OPTIONS" } });
for (const [name, more] of Object.entries({
  "unknown client": { client_id: "nobody" }, "redirect of another": { redirect_uri: `${REDIRECT}/` }, "no challenge": { code_challenge: undefined },
  "plain challenge": { code_challenge_method: "plain" }, "implicit": { response_type: "token" }, "foreign scope": { scope: "admin" },
  "foreign resource": { resource: "https://nowhere.example/" }, "request object": { request: "x" }, "negative age": { max_age: "-1" },
  "stranger's fault": { client_id: "stranger", scope: "admin" },
})) await play(name, { http: get(`/oauth2/authorize?${asking(more)}`) });

const first = await code("public", {}, { "another user signed in since": "u2", "nobody signed in": null });
await play("wrong verifier", redeem(first, { code_verifier: `${VERIFIER}x` }));
await play("wrong redirect", redeem(first, { redirect_uri: `${REDIRECT}/` }));
await play("another client", redeem(first, { client_id: "stranger" }));
down = "sign";
await play("signer down", redeem(first));
down = "grant_get";
await play("store down", redeem(first));
down = undefined;
const tokens = JSON.parse((await play("redeemed", redeem(first))).text);
const bearer = (value) => [["authorization", `Bearer ${value}`]];
await play("userinfo", { http: get("/userinfo", bearer(tokens.access_token)) });
await play("userinfo without token", { http: get("/userinfo") });
await play("userinfo with an ID token", { http: get("/userinfo", bearer(tokens.id_token)) });
const second = JSON.parse((await play("refreshed", refresh(tokens.refresh_token, { scope: "keys" }))).text);
await play("wider scope", refresh(second.refresh_token, { scope: "profile" }));
await play("parent within the leeway", refresh(tokens.refresh_token));
clock += 11;
await play("parent after the leeway", refresh(tokens.refresh_token));
await play("child of a revoked family", refresh(second.refresh_token));
clock = NOW + 20;
const replayed = await code("again, approved");
await play("redeemed again", redeem(replayed));
await play("replayed", redeem(replayed));
const late = await code("late");
clock += 60;
await play("expired code", redeem(late));
clock += 1;
const own = await code("confidential", { client_id: "basic", resource: RESOURCE });
await play("wrong secret", redeem(own, { client_id: "basic" }, basic("wrong")));
await play("secret in the form", redeem(own, { client_id: "basic", client_secret: "s3cret" }));
const kept = JSON.parse((await play("confidential: redeemed", redeem(own, { client_id: "basic", resource: RESOURCE }, basic("s3cret")))).text);
await play("introspect", { http: post("/oauth2/introspect", { token: kept.access_token }, basic("s3cret")) });
await play("introspect rubbish", { http: post("/oauth2/introspect", { token: "x" }, basic("s3cret")) });
await play("introspect as a stranger", { http: post("/oauth2/introspect", { token: kept.access_token, client_id: "app" }) });
await play("revoke", { http: post("/oauth2/revoke", { token: kept.refresh_token }, basic("s3cret")) });
await play("introspect what is revoked", { http: post("/oauth2/introspect", { token: kept.access_token }, basic("s3cret")) });
const nonce = await code("nonce for PKCE", { client_id: "post", code_challenge: undefined, code_challenge_method: undefined });
await play("host says no", redeem(nonce, { client_id: "post", client_secret: "wrong", code_verifier: "", redirect_uri: REDIRECT }));
await play("host says yes", redeem(nonce, { client_id: "post", client_secret: "s3cret", code_verifier: "", redirect_uri: REDIRECT }));

for (const [name, more, outcome] of [["denied", {}, "denied"], ["silent, not logged in", { prompt: "none" }, "notLoggedIn"], ["silent, not approved", { prompt: "none", scope: "profile" }], ["old login", { max_age: "10" }, { loggedIn: { sub: "u1", authTime: NOW - 100 } }]]) {
  const page = await play(`${name}: ask`, { http: get(`/oauth2/authorize?${asking(more)}`) });
  await play(name, login(page, outcome));
}
const page = await play("consent refused: ask", { http: get(`/oauth2/authorize?${asking({ scope: "profile" })}`) });
const consent = await play("consent refused: login", login(page));
await play("ticket used twice", login(page));
await play("more than was asked for", approve(consent, { approve: ["profile", "keys"] }));
const asked = await play("consent: ask", { http: post("/oauth2/authorize", asking({ scope: "profile", prompt: "consent" })) });
const refused = await play("consent: login", login(asked));
await play("another browser", { ...approve(refused), request: get("/consent") });
await play("consent refused", approve(refused, "deny"));
await play("a ticket that is none", { request: get("/login"), ticket: "tk1.s1.x.y", login: "denied" });
await play("password grant", { http: post("/oauth2/token", { grant_type: "password", client_id: "app" }) });
await play("JSON body", { http: { method: "POST", path: "/oauth2/token", query: "", headers: [["content-type", "application/json"]], body: encode(utf8("{}")) } });

writeFileSync(new URL("../vectors/oauth/flows.json", import.meta.url), `${JSON.stringify({ settings, flows: [] }).slice(0, -2)}\n${flows.map((flow) => JSON.stringify(flow)).join(",\n")}\n]}\n`);
console.log(`${flows.length} flows`);
