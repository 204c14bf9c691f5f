// The seed platform's API behind Deno.serve: `deno run --allow-net --allow-read --allow-env --node-modules-dir=manual examples/deno/server.ts`.
import { createGate } from "scopegate";
import { scopegate } from "scopegate/deno";

const policy = JSON.parse(Deno.readTextFileSync(new URL("../jobiflow/policy.json", import.meta.url)));
const records = new Map();
const gate = createGate({
  policy,
  // The policy asks for HTTPS, which the proxy in front ends and tells of; believe such a header only where there is one.
  trustProxy: { https: { header: "x-forwarded-proto" } },
  peppers: { current: "p1", p1: crypto.getRandomValues(new Uint8Array(32)) },
  keys: { find: (id: string) => records.get(id) ?? null },
});
const expiresAt = Math.floor(Date.now() / 1000) + 3600;
const { record, rawKey } = gate.keys.issue({ label: "Example", scopes: ["jobs:read"], owner: "company-1", expiresAt });
records.set(record.id, record);

Deno.serve({
  port: Number(Deno.env.get("PORT") ?? 8788),
  hostname: "127.0.0.1",
  onListen: ({ port }) =>
    console.log(`curl -H 'X-Forwarded-Proto: https' -H 'X-API-Key: ${rawKey}' http://127.0.0.1:${port}/public/v1/job-listings`),
}, scopegate(gate, (_request, _info, decision) => Response.json({ listings: [], keyId: decision.principal?.keyId })));
