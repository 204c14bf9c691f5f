// The Worker that is an authorization server starts by its one command, and clients of others sign in with it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createAuthorizationServer, hashSecret, Interaction, nodeSigner, sendResponse } from "../../../js/oauth/entry/node.js";
import { memoryGrants } from "../../../js/stores/memory.js";
import { browser, oauth4webapiClient, offered, openidClient } from "../lib/oauth-clients.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Another authorization server as the provider: whoever comes is signed in as `who.sub`, without a page. */
async function startProvider(who, clientSecret) {
  let handle;
  const http = createServer((request, response) => handle(request, response));
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  const issuer = `http://127.0.0.1:${http.address().port}`;
  const server = createAuthorizationServer({
    issuer, scopes: ["openid", "profile", "email"], store: memoryGrants(), secrets: { current: "s", s: new Uint8Array(32) },
    keys: [nodeSigner({ key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey })],
    clients: [{
      clientId: "worker", auth: { method: "client_secret_basic", hashes: [hashSecret(clientSecret)] }, grantTypes: ["authorization_code"],
      redirectUris: ["http://127.0.0.1/login/oauth2/code/upstream"], scopes: ["openid", "profile", "email"], trusted: true, skipConsent: true,
    }],
    claims: () => ({ email: who.email, email_verified: true }),
  });
  handle = async (request, response) => {
    let reply = await server.handle(request);
    if (reply instanceof Interaction) reply = await server.resumeLogin(request, reply, { sub: who.sub, authTime: 1_780_000_000 });
    await sendResponse(response, reply);
  };
  return { issuer, close: () => http.close() };
}

describe("the authorization server in a Worker", () => {
  let child;
  let facts;
  let provider;
  const who = {};
  before(async () => {
    provider = await startProvider(who, "the worker's secret: %+");
    const PROVIDER = JSON.stringify({ preset: "oidc", id: "upstream", name: "Upstream & Co", issuer: provider.issuer, clientId: "worker", clientSecret: "the worker's secret: %+" });
    child = spawn(process.execPath, ["examples/worker-oauth/dev.mjs"], { cwd: root, env: { ...process.env, PORT: "0", PROVIDER }, stdio: ["ignore", "pipe", "pipe"] });
    facts = await new Promise((found, failed) => {
      let [text, errors] = ["", ""];
      child.stderr.on("data", (data) => { errors += data; });
      child.on("exit", (code) => failed(new Error(`it ended with ${code}: ${errors}`)));
      child.stdout.on("data", (data) => {
        text += data;
        const [, issuer, password, secret] = /Issuer (\S+), user demo or other, password (\S+), .* secret (\S+)\n/.exec(text) ?? [];
        if (secret !== undefined) found({ issuer, password, secret });
      });
    });
  });
  after(() => {
    child.kill();
    provider.close();
  });

  const person = (password) => (action, html) =>
    action === "/login" ? [["do", "login"], ["name", "demo"], ["password", password]] : [["do", "approve"], ...offered(html)];
  const visitor = (clientId) => ({ issuer: facts.issuer, clientId, visit: browser(person(facts.password)), email: "demo@example.com" });

  it("openid-client as a public client", async () => assert.equal(await openidClient(visitor("demo-app")), "user-1"));
  it("openid-client as a confidential client", async () => assert.equal(await openidClient({ ...visitor("demo-web"), secret: facts.secret }), "user-1"));
  it("oauth4webapi as a public client", async () => assert.equal(await oauth4webapiClient(visitor("demo-app")), "user-1"));

  const authorize = (more = {}) => {
    const query = new URLSearchParams({
      response_type: "code", client_id: "demo-app", redirect_uri: "http://127.0.0.1:49152/callback", scope: "openid email profile",
      code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256", ...more,
    });
    return `${facts.issuer}/oauth2/authorize?${query}`;
  };
  const ended = async (visit, more) => Object.fromEntries((await visit(authorize(more))).searchParams);

  it("a session answers at once, and without one nobody is asked silently", async () => {
    assert.equal((await ended(browser(() => assert.fail("a page")), { prompt: "none" })).error, "login_required");
    let pages = 0;
    const visit = browser((...page) => {
      pages += 1;
      return person(facts.password)(...page);
    });
    assert.ok((await ended(visit)).code);
    const before = pages;
    assert.ok((await ended(visit)).code);
    assert.ok((await ended(visit, { prompt: "none" })).code);
    assert.equal(pages, before, "no page was shown");
    assert.ok((await ended(visit, { prompt: "login" })).code);
    assert.equal(pages, before + 1, "the login page was shown");
  });

  it("a wrong password shows the page again; turning away is told to the client", async () => {
    let tries = 0;
    const visit = browser((action, html) => person(action === "/login" && tries++ === 0 ? "wrong" : facts.password)(action, html));
    assert.ok((await ended(visit)).code);
    assert.equal(tries, 2);
    assert.equal((await ended(browser(() => [["do", "cancel"]]))).error, "access_denied");
    const refuse = (action, html) => (action === "/login" ? person(facts.password)(action, html) : [["do", "deny"]]);
    assert.equal((await ended(browser(refuse), { prompt: "consent" })).error, "access_denied");
  });

  /** Requests as a browser sends them, one at a time: what is answered, and the ticket of the page. */
  const tab = (cookies = new Map()) => async (path, fields) => {
    const headers = { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") };
    const init = fields === undefined ? {} : { method: "POST", body: new URLSearchParams(fields) };
    const response = await fetch(new URL(path, facts.issuer), { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(";");
      cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    const text = await response.text();
    return { status: response.status, location: response.headers.get("location"), text, ticket: /name="ticket" value="([^"]+)"/.exec(text)?.[1], cookies };
  };
  const signIn = (name, ticket) => ["/login", [["ticket", ticket], ["do", "login"], ["name", name], ["password", facts.password]]];
  const allow = (ticket) => ["/consent", [["ticket", ticket], ["do", "approve"], ["scope", "openid"]]];

  it("nobody approves for whoever was signed in before at the same browser", async () => {
    const send = tab();
    const more = { prompt: "login consent" };
    const first = await send(...signIn("demo", (await send(authorize(more))).ticket));
    const second = await send(...signIn("other", (await send(authorize(more))).ticket));
    const refused = await send(...allow(first.ticket));
    assert.deepEqual([refused.status, refused.location], [400, null]);
    assert.match(refused.text, /^ticket_of_another_user: /);
    assert.match((await send(...allow(second.ticket))).location, /[?&]code=/);
    await send(...signIn("demo", (await send(authorize(more))).ticket));
    assert.match((await send(...allow(first.ticket))).location, /[?&]code=/, "a refusal uses nothing up");
  });

  it("a form of another site signs nobody in", async () => {
    const attacker = tab();
    const { ticket } = await attacker(authorize());
    for (const given of [ticket, "", "tk1.x"]) {
      const victim = tab();
      const answer = await victim(...signIn("other", given));
      assert.deepEqual([answer.status, answer.location, [...answer.cookies.keys()]], [400, null, []]);
    }
  });

  /** To the provider and back: the request that the provider sends the browser back with. */
  const away = async (send) => {
    const { text } = await send(authorize());
    const [, href] = /<a href="([^"]+)">Sign in with Upstream &#38; Co</.exec(text);
    const there = await send(href);
    assert.equal(there.status, 302);
    return (await fetch(there.location, { redirect: "manual" })).headers.get("location");
  };

  it("signs in with a provider, and knows who came before", async () => {
    Object.assign(who, { sub: "upstream-1", email: "new@example.org" });
    const subjects = [];
    for (let time = 0; time < 2; time += 1) {
      const send = tab();
      const back = await away(send);
      const stranger = await tab()(back);
      assert.deepEqual([stranger.status, stranger.text.split(":")[0]], [400, "state_invalid"]);
      const page = await send(back);
      assert.ok(!page.cookies.get("sg_social"), "the cookie of the sign-in is gone");
      const answer = page.ticket === undefined ? page : await send(...allow(page.ticket));
      const code = new URL(answer.location).searchParams.get("code");
      const form = { grant_type: "authorization_code", client_id: "demo-app", code, code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" };
      const tokens = await (await fetch(`${facts.issuer}/oauth2/token`, { method: "POST", body: new URLSearchParams(form) })).json();
      subjects.push(JSON.parse(Buffer.from(tokens.id_token.split(".")[1], "base64url")).sub);
      // A session was begun.
      assert.match((await send(authorize({ prompt: "none", scope: "openid" }))).location, /[?&]code=/);
      const again = await send(back);
      assert.equal(again.status, 400, "the answer of a provider is good once");
    }
    assert.equal(subjects[0], subjects[1]);
    assert.ok(!["user-1", "user-2", "upstream-1"].includes(subjects[0]));
  });

  it("an address leads to nobody's account", async () => {
    Object.assign(who, { sub: "upstream-2", email: "demo@example.com" });
    const send = tab();
    const answer = await send(await away(send));
    assert.deepEqual([answer.status, answer.cookies.has("session")], [403, false]);
    assert.match(answer.text, /has your e-mail address/);
  });

  it("publishes no private member of its key", async () => {
    const { keys } = await (await fetch(`${facts.issuer}/oauth2/jwks`)).json();
    assert.deepEqual(Object.keys(keys[0]).sort(), ["alg", "e", "kid", "kty", "n", "use"]);
  });
});
