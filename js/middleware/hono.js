// Hono 4, in every runtime.

/** Lets allowed requests pass with the decision in `c.get("auth")`, answers all others. */
export function scopegate(gate, { onDenied, clientIp } = {}) {
  return async (c, next) => {
    // On Node the adapter keeps the message with the raw target; its Request has been through a URL parser.
    const incoming = c.env?.incoming;
    const request = Array.isArray(incoming?.rawHeaders) ? incoming : c.req.raw;
    const decision = await gate.decide(request, { waitUntil: waiter(c), clientIp: clientIp?.(c) });
    if (!decision.allowed) return onDenied ? onDenied(decision, c) : decision.toResponse();
    c.set("auth", decision);
    await next();
  };
}

/** `executionCtx` throws where there is none. */
function waiter(c) {
  try {
    const context = c.executionCtx;
    return (promise) => context.waitUntil(promise);
  } catch {
    return undefined;
  }
}
