// Runs the Worker here, in workerd: `node examples/worker/dev.mjs`. Issues a key in a store of its own, publishes it to KV, says how to use it.
import { fileURLToPath } from "node:url";
import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { createGate } from "scopegate";
import { managedKeys } from "scopegate/stores";
import { memoryKeys } from "scopegate/stores/memory";
import { workersKvKeys } from "scopegate/stores/workers-kv";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { outputFiles } = await build({
  entryPoints: [here("worker.mjs")], outdir: here("out"), write: false, bundle: true, format: "esm", target: "es2023",
  conditions: ["workerd", "worker"], loader: { ".wasm": "copy" }, assetNames: "[name]",
});
const pepper = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
const worker = new Miniflare({
  modules: outputFiles
    .sort((a, b) => Number(b.path.endsWith(".js")) - Number(a.path.endsWith(".js")))
    .map(({ path, contents }) => (path.endsWith(".js") ? { type: "ESModule", path, contents: Buffer.from(contents).toString() } : { type: "CompiledWasm", path, contents })),
  modulesRoot: here("out"),
  compatibilityDate: "2026-05-01",
  port: Number(process.env.PORT ?? 8789),
  kvNamespaces: ["KEYS"],
  bindings: { PEPPER: pepper, DEV: true },
});
const gate = createGate({ policy: JSON.parse(readFileSync(here("../jobiflow/policy.json"), "utf8")), peppers: { current: "p1", p1: pepper } });
const expiresAt = Math.floor(Date.now() / 1000) + 3600;
const store = memoryKeys(); // where keys are managed: D1, PostgreSQL, a Durable Object
const { record, rawKey } = await managedKeys(gate, store).issue({ label: "Example", scopes: ["jobs:read"], owner: "company-1", expiresAt });
await workersKvKeys(await worker.getKVNamespace("KEYS"), { source: store }).publish(record.id); // after each change of a key
const url = await worker.ready;
console.log(`curl -H 'X-Forwarded-Proto: https' -H 'X-API-Key: ${rawKey}' ${url.origin}/public/v1/job-listings`);
