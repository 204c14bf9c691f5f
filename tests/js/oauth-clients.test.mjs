// Clients of others against a server of Node, over HTTP: what they check of a provider, this one keeps.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { createAuthorizationServer, hashSecret, Interaction, nodeSigner, sendResponse } from "../../js/oauth/entry/node.js";
import { memoryGrants } from "../../js/stores/memory.js";
import { client, now, secrets, slow } from "./lib/oauth-flows.mjs";
import { browser, oauth4webapiClient, offered, openidClient } from "./lib/oauth-clients.mjs";

const SECRET = "a secret that Basic must encode: %+/=";
const redirectUris = ["http://127.0.0.1/callback"];

/** A server at this issuer, and pages in front of it that sign in whoever comes. */
function served(issuer) {
  const auth = { method: "client_secret_basic", hashes: [hashSecret(SECRET)] };
  const server = createAuthorizationServer({
    issuer, scopes: ["openid", "email"], store: slow(memoryGrants(), 2), secrets,
    keys: [nodeSigner({ key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey })],
    clients: [client("app", { redirectUris }), client("web", { redirectUris, auth })],
    claims: (sub) => ({ email: `${sub}@example.com` }),
  });
  const form = (action, reply, more = "") => `<form action="${action}"><input name="ticket" value="${reply.ticket}">${more}</form>`;
  const shown = (reply) => {
    if (!(reply instanceof Interaction)) return reply;
    if (reply.ask.type === "login") return reply.page(form("/login", reply));
    return reply.page(form("/consent", reply, reply.ask.scopes.map((scope) => `<input name="scope" value="${scope}">`).join("")));
  };
  return async (request, response) => {
    const path = request.url.split("?")[0];
    let reply;
    if (path === "/login" || path === "/consent") {
      let body = "";
      for await (const chunk of request) body += chunk;
      const fields = new URLSearchParams(body);
      reply = path === "/login"
        ? await server.resumeLogin(request, fields.get("ticket"), { sub: "zoe", authTime: now() })
        : await server.resumeConsent(request, fields.get("ticket"), "zoe", { scopes: fields.getAll("scope") });
    } else {
      reply = await server.handle(request);
    }
    await sendResponse(response, shown(reply));
  };
}

for (const path of ["", "/tenant"]) {
  describe(`an issuer ${path === "" ? "without a path" : "with a path"}`, () => {
    let issuer;
    let listener;
    const http = createServer((request, response) => listener(request, response));
    before(async () => {
      await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
      issuer = `http://127.0.0.1:${http.address().port}${path}`;
      listener = served(issuer);
    });
    after(() => http.close());

    for (const [name, run] of Object.entries({ openidClient, oauth4webapiClient })) {
      for (const [clientId, secret] of [["app", undefined], ["web", SECRET]]) {
        it(`${name} as ${clientId}`, async () => {
          const visit = browser((action, html) => (action === "/login" ? [] : offered(html)));
          assert.equal(await run({ issuer, clientId, secret, visit, email: "zoe@example.com" }), "zoe");
        });
      }
    }
  });
}
