// Fastify 5. Registered on a scope, it guards every route of the scope and those below.
import { grouped } from "./node-answer.js";

/** A plugin: `app.register(scopegate, { gate })`; the decision is in `request.auth`. */
export async function scopegate(app, { gate, onDenied }) {
  if (!app.hasRequestDecorator("auth")) app.decorateRequest("auth", null);
  app.addHook("onRequest", async (request, reply) => {
    const decision = await gate.decide(request.raw);
    if (decision.allowed) {
      request.auth = decision;
      return;
    }
    if (onDenied) return onDenied(decision, request, reply);
    const { status, headers, body } = decision.response;
    reply.code(status);
    for (const [name, value] of grouped(headers)) reply.header(name, value);
    return reply.send(body === "" ? undefined : body);
  });
}
// Hooks of a plugin end at its own scope unless it says that it has none.
scopegate[Symbol.for("skip-override")] = true;
scopegate[Symbol.for("fastify.display-name")] = "scopegate";
