// The seed platform's API behind Express: `node examples/node/server.mjs`. PORT chooses the port.
import express from "express";
import { readFileSync } from "node:fs";
import { createGate } from "scopegate";
import { scopegate } from "scopegate/express";

const policy = JSON.parse(readFileSync(new URL("../jobiflow/policy.json", import.meta.url), "utf8"));
const records = new Map();
const gate = createGate({
  policy,
  // The policy asks for HTTPS, which the proxy in front ends and tells of; believe such a header only where there is one.
  trustProxy: { https: { header: "x-forwarded-proto" } },
  peppers: { current: "p1", p1: crypto.getRandomValues(new Uint8Array(32)) },
  keys: { find: (id) => records.get(id) ?? null },
  onEffects: (effects) => {
    for (const effect of effects) if (effect.type === "touch") records.get(effect.id).lastUsedAt = effect.at;
  },
});

const expiresAt = Math.floor(Date.now() / 1000) + 3600;
const { record, rawKey } = gate.keys.issue({ label: "Example", scopes: ["jobs:read"], owner: "company-1", expiresAt });
records.set(record.id, record);

const app = express();
app.use(scopegate(gate));
app.get("/public/v1/job-listings", (request, response) => response.json({ listings: [], keyId: request.auth.principal.keyId }));
const server = app.listen(Number(process.env.PORT ?? 8787), "127.0.0.1", () => {
  console.log(`curl -H 'X-Forwarded-Proto: https' -H 'X-API-Key: ${rawKey}' http://127.0.0.1:${server.address().port}/public/v1/job-listings`);
});
