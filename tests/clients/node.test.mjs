// Client libraries for Node against the running server: what is meant to work, and what each of them has to notice.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser } from "./lib/browser.mjs";
import { LIBRARIES } from "./lib/libraries.mjs";
import { CLIENTS, ready } from "./lib/ready.mjs";

/** Whether an error, or what it was caused by, says this. */
const says = (...words) => (error) => {
  const told = [error, error.cause].map((e) => `${e?.code} ${e?.error} ${e?.message}`).join(" ");
  assert.ok(words.every((word) => told.includes(word)), `expected ${words}: ${told}`);
  return true;
};

const login = async (library) => {
  const flow = await library.begin();
  const back = await new Browser(ready).walk(flow.url);
  return { flow, back };
};

for (const [name, open] of Object.entries(LIBRARIES)) {
  for (const { id, secret } of CLIENTS) {
    const title = `${name} as ${id}, ${secret ? "with" : "without"} a secret`;

    test(`${title}: login, userinfo, refresh, revocation`, async () => {
      const library = await open({ id, secret });
      const { flow, back } = await login(library);
      const tokens = await library.finish(back, flow);
      const { claims } = tokens;
      assert.deepEqual([claims.iss, claims.aud, claims.nonce, claims.amr], [ready.issuer, id, flow.nonce, ["pwd"]]);
      assert.equal(claims.email, "demo@jobiflow.example");
      const user = await library.user(tokens.access_token, claims.sub);
      assert.deepEqual([user.sub, user.email, user.preferred_username], [claims.sub, claims.email, ready.username]);

      const second = await library.refresh(tokens.refresh_token);
      const third = await library.refresh(second.refresh_token, { scope: "openid" });
      assert.equal(new Set([tokens, second, third].map((all) => all.refresh_token)).size, 3, "each is another");
      assert.deepEqual(Object.keys(await library.user(third.access_token, claims.sub)), ["sub"], "no more than was asked for");
      if (library.access) {
        const access = await library.access(third.access_token, ready.issuer);
        assert.deepEqual([access.sub, access.client_id, access.scope], [claims.sub, id, "openid"]);
      }
      if (secret) {
        const told = await library.introspect(third.access_token);
        assert.deepEqual([told.active, told.sub, told.client_id, told.iss], [true, claims.sub, id, ready.issuer]);
      } else {
        await assert.rejects(library.introspect(third.access_token), says("invalid_client"));
      }

      await library.revoke(third.refresh_token);
      await assert.rejects(library.refresh(third.refresh_token), says("invalid_grant"));
      await assert.rejects(library.user(third.access_token, claims.sub));
      if (secret) assert.deepEqual((await library.introspect(third.access_token)).active, false);
    });

    test(`${title}: a code or a refresh token that comes again ends the grant`, async () => {
      const library = await open({ id, secret });
      const { flow, back } = await login(library);
      const tokens = await library.finish(back, flow);
      await assert.rejects(library.finish(back, flow), says("invalid_grant"));
      await assert.rejects(library.refresh(tokens.refresh_token), says("invalid_grant"));
      await assert.rejects(library.user(tokens.access_token, tokens.claims.sub));

      const again = await login(library);
      const first = await library.finish(again.back, again.flow);
      const last = await library.refresh((await library.refresh(first.refresh_token)).refresh_token);
      await assert.rejects(library.refresh(first.refresh_token), says("invalid_grant"));
      await assert.rejects(library.refresh(last.refresh_token), says("invalid_grant"));
      await assert.rejects(library.user(last.access_token, first.claims.sub));
    });
  }

  test(`${name} notices what is not its own`, async () => {
    const [{ id }] = CLIENTS;
    const library = await open({ id });
    const { flow, back } = await login(library);
    const tampered = (name, value) => {
      const url = new URL(back);
      if (value === undefined) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
      return url;
    };
    const cases = [
      ["another state", tampered("state", "another"), flow, "state"],
      ["no state", tampered("state"), flow, "state"],
      ["the issuer of another server", tampered("iss", "https://evil.example"), flow, "iss"],
      ["no issuer", tampered("iss"), flow, "iss"],
      ["another verifier", back, { ...flow, verifier: "A".repeat(43) }, "invalid_grant"],
    ];
    for (const [what, url, checks, word] of cases) {
      await assert.rejects(library.finish(url, checks), says(word), what);
    }
    // None of them has used up the code.
    assert.ok((await library.finish(back, flow)).access_token);
    const next = await login(library);
    await assert.rejects(library.finish(next.back, { ...next.flow, nonce: "another" }), says("nonce"));

    // Approved before, so it has to be asked for.
    const denied = await library.begin();
    denied.url.searchParams.set("prompt", "consent");
    const word = await new Browser(ready).walk(denied.url, "deny");
    await assert.rejects(library.finish(word, denied), says("access_denied"));
    await assert.rejects(open({ id }, ready.issuer.replace("127.0.0.1", "localhost")), says("issuer"));
    const thief = await open({ id: ready.foreignClientId, secret: "a secret of somebody else, 32 letters" });
    const stolen = await login(thief);
    await assert.rejects(thief.finish(stolen.back, stolen.flow), says("OAUTH_WWW_AUTHENTICATE_CHALLENGE"));
  });
}
