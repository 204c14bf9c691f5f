// Bun.serve.

/** A `fetch` for `Bun.serve`: allowed requests reach `handler(request, server, decision)`, all others are answered. */
export function scopegate(gate, handler, { onDenied } = {}) {
  return async (request, server) => {
    const decision = await gate.decide(request, { clientIp: server?.requestIP?.(request)?.address });
    if (!decision.allowed) return onDenied ? onDenied(decision, request, server) : decision.toResponse();
    return handler(request, server, decision);
  };
}
