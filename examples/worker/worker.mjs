// The seed platform's API on Cloudflare Workers, which reads key records from KV.
import { createGate } from "scopegate";
import { workersKvKeys } from "scopegate/stores/workers-kv";
import { scopegate } from "scopegate/workers";
import policy from "../jobiflow/policy.json";

export default scopegate({
  gate: (env) => createGate({
    policy,
    // Only for workerd without TLS, as in dev.mjs; at Cloudflare the request's own URL says it.
    trustProxy: env.DEV ? { https: { header: "x-forwarded-proto" } } : undefined,
    peppers: { current: "p1", p1: env.PEPPER },
    // A copy to read from: it shows a revocation late, about a minute. Nothing is written here, for KV could put an old record over a newer one;
    // whoever issues and revokes keys publishes them (dev.mjs).
    keys: workersKvKeys(env.KEYS),
  }),
  fetch: (_request, _env, ctx) => Response.json({ listings: [], keyId: ctx.auth.principal.keyId }),
});
