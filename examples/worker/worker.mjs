// The seed platform's API on Cloudflare Workers, its key records in KV. KV is read here; whoever issues keys writes them.
import { createGate } from "scopegate";
import { scopegate } from "scopegate/workers";
import policy from "../jobiflow/policy.json";

export default scopegate({
  gate: (env) => createGate({
    policy,
    // Only for workerd without TLS, as in dev.mjs; at Cloudflare the request's own URL says it.
    trustProxy: env.DEV ? { https: { header: "x-forwarded-proto" } } : undefined,
    peppers: { current: "p1", p1: env.PEPPER },
    // `null` is "no such key"; a rejection is an outage and answers 503.
    keys: { find: (id, { env }) => env.KEYS.get(id, "json") },
    onEffects: async (effects, { env }) => {
      // KV takes a write a second per key, which the touch interval keeps; a lost one costs a time of last use.
      const touch = effects.find((effect) => effect.type === "touch");
      const record = touch && (await env.KEYS.get(touch.id, "json"));
      if (record && !record.revokedAt) await env.KEYS.put(touch.id, JSON.stringify({ ...record, lastUsedAt: touch.at }));
    },
  }),
  fetch: (_request, _env, ctx) => Response.json({ listings: [], keyId: ctx.auth.principal.keyId }),
});
