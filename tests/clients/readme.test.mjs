// The README's client with openid-client, as it stands there, against the running server. Its walk with curl is what scripts/code-flow runs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as client from "openid-client";

import { Browser } from "./lib/browser.mjs";
import { ready } from "./lib/ready.mjs";

test("the README's client signs in", async () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const blocks = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, block]) => block);
  const block = blocks.find((text) => text.includes('from "openid-client"'));
  assert.ok(block, "the README has no such block");
  const [imports, browser] = ['import * as client from "openid-client";\n', /^\/\/ Open `to` in a browser.*$/m];
  assert.ok(block.includes(imports) && browser.test(block) && block.includes("http://127.0.0.1:8080"));
  const body = block.replace(imports, "").replace(browser, "const back = await walk(to);").replaceAll("http://127.0.0.1:8080", ready.issuer);
  const AsyncFunction = (async () => {}).constructor;
  const run = new AsyncFunction("client", "walk", `${body}\nreturn { config, tokens };`);
  const { config, tokens } = await run(client, (to) => new Browser(ready).walk(to));
  const { sub } = tokens.claims();
  assert.deepEqual((await client.fetchUserInfo(config, tokens.access_token, sub)).email, "demo@jobiflow.example");
});
