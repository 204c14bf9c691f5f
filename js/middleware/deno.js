// Deno.serve.

/** A handler for `Deno.serve`: allowed requests reach `handler(request, info, decision)`, all others are answered. */
export function scopegate(gate, handler, { onDenied } = {}) {
  return async (request, info) => {
    const decision = await gate.decide(request, { clientIp: info?.remoteAddr?.hostname });
    if (!decision.allowed) return onDenied ? onDenied(decision, request, info) : decision.toResponse();
    return handler(request, info, decision);
  };
}
