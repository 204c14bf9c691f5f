// Koa 2 and 3.
import { grouped } from "./node-answer.js";

/** Lets allowed requests pass with the decision in `ctx.state.auth`, answers all others. */
export function scopegate(gate, { onDenied } = {}) {
  return async (ctx, next) => {
    const decision = await gate.decide(ctx.req);
    if (decision.allowed) {
      ctx.state.auth = decision;
      return next();
    }
    if (onDenied) return onDenied(decision, ctx, next);
    const { status, headers, body } = decision.response;
    ctx.status = status;
    ctx.body = body === "" ? null : body;
    // Setting a body to null changes the status.
    ctx.status = status;
    for (const [name, value] of grouped(headers)) ctx.set(name, value);
  };
}
