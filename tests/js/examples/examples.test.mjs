// Each example starts by its one command, lets the key through that it prints, and refuses everybody else.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const examples = {
  node: [process.execPath, "examples/node/server.mjs"],
  deno: ["node_modules/.bin/deno", "run", "--allow-net", "--allow-read", "--allow-env", "--node-modules-dir=manual", "examples/deno/server.ts"],
  worker: [process.execPath, "examples/worker/dev.mjs"],
};

/** The first line that says how to call it: `curl -H 'name: value' … url`. */
function started(child) {
  return new Promise((found, failed) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      const url = text.match(/http:\/\/127\.0\.0\.1:\d+\/\S+/)?.[0];
      if (url && text.includes("\n")) found({ url, headers: Object.fromEntries([...text.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]) => [name, value])) });
    });
    let errors = "";
    child.stderr.on("data", (data) => { errors += data; });
    child.on("exit", (code) => failed(new Error(`it ended with ${code}: ${errors}`)));
  });
}

describe("examples", () => {
  for (const [name, [command, ...args]] of Object.entries(examples)) {
    it(name, async () => {
      const child = spawn(command, args, { cwd: root, env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "pipe"] });
      try {
        const { url, headers } = await started(child);
        const status = async (headers) => (await fetch(url, { headers })).status;
        assert.equal(await status(headers), 200);
        assert.equal(await status({ ...headers, "X-API-Key": `${headers["X-API-Key"].slice(0, -1)}!` }), 401);
        assert.equal(await status({ "X-API-Key": headers["X-API-Key"] }), 403);
      } finally {
        child.kill();
      }
    });
  }
});
