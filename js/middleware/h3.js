// h3 1 and 2.

/** Middleware: the decision of an allowed request is in `event.context.auth`; all others are answered. */
export function scopegate(gate, { onDenied } = {}) {
  return async (event, next) => {
    // The Node message has the raw target; the Request of the event has been through a URL parser.
    const request = event.runtime?.node?.req ?? event.node?.req ?? event.req;
    const waitUntil = typeof event.waitUntil === "function" ? (promise) => event.waitUntil(promise) : undefined;
    const decision = await gate.decide(request, { waitUntil });
    if (!decision.allowed) return onDenied ? onDenied(decision, event) : decision.toResponse();
    event.context.auth = decision;
    return next?.();
  };
}
