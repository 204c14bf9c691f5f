// Cloudflare Workers: a `fetch` handler behind a gate.

/**
 * `export default scopegate({ gate: (env) => createGate(…), fetch(request, env, ctx) {…} })`; the decision is `ctx.auth` of
 * the handler's third argument. The gate is made once per isolate and environment, inside the first request.
 */
export function scopegate({ gate, fetch, onDenied, ...rest }) {
  const gates = new WeakMap();
  const gateOf = (env) => {
    if (typeof gate !== "function") return gate;
    let made = gates.get(env);
    if (made === undefined) gates.set(env, (made = gate(env)));
    return made;
  };
  return {
    ...rest,
    async fetch(request, env, ctx) {
      const waitUntil = (promise) => ctx.waitUntil(promise);
      const decision = await gateOf(env).decide(request, { waitUntil, env });
      if (!decision.allowed) return onDenied ? onDenied(decision, request, env, ctx) : decision.toResponse();
      return fetch(request, env, { auth: decision, waitUntil, passThroughOnException: () => ctx.passThroughOnException?.() });
    },
  };
}
