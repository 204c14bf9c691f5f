// Every Node adapter against the real framework over a real socket.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, describe, it } from "node:test";
import { decider } from "./lib/decider.mjs";
import { raw } from "./lib/wire.mjs";

const listen = (handler) => new Promise((resolve) => {
  const server = createServer(handler).listen(0, "127.0.0.1", () => resolve(server));
});

async function express(version, gate) {
  const { default: framework } = await import(version);
  const { scopegate } = await import("../../js/middleware/express.js");
  const app = framework();
  app.use(scopegate(gate));
  app.use((req, res) => res.send(`route ${req.auth.routeId}`));
  app.use((error, req, res, next) => res.status(500).send("failed"));
  return listen(app);
}

const frameworks = {
  "express 5": (gate) => express("express", gate),
  "express 4": (gate) => express("express4", gate),
  async fastify(gate) {
    const { default: framework } = await import("fastify");
    const { scopegate } = await import("../../js/middleware/fastify.js");
    const app = framework();
    await app.register(scopegate, { gate });
    app.get("/*", async (request) => `route ${request.auth.routeId}`);
    await app.listen({ port: 0, host: "127.0.0.1" });
    return app.server;
  },
  async koa(gate) {
    const { default: Framework } = await import("koa");
    const { scopegate } = await import("../../js/middleware/koa.js");
    const app = new Framework();
    app.silent = true;
    app.use(scopegate(gate));
    app.use((ctx) => { ctx.body = `route ${ctx.state.auth.routeId}`; });
    return listen(app.callback());
  },
  async hono(gate) {
    const { Hono } = await import("hono");
    const { getRequestListener } = await import("@hono/node-server");
    const { scopegate } = await import("../../js/middleware/hono.js");
    const app = new Hono();
    app.use(scopegate(gate));
    app.get("*", (c) => c.text(`route ${c.get("auth").routeId}`));
    app.onError((error, c) => c.text("failed", 500));
    return listen(getRequestListener(app.fetch));
  },
  async h3(gate) {
    const { H3, toNodeHandler } = await import("h3");
    const { scopegate } = await import("../../js/middleware/h3.js");
    const app = new H3({ silent: true });
    app.use(scopegate(gate));
    app.get("/**", (event) => `route ${event.context.auth.routeId}`);
    return listen(toNodeHandler(app));
  },
};

for (const [name, build] of Object.entries(frameworks)) {
  describe(name, async () => {
    const gate = decider();
    const server = await build(gate);
    const { port } = server.address();
    after(() => server.close());

    it("answers a refusal with every challenge on its own line", async () => {
      const answer = await raw(port, "/closed");
      assert.equal(answer.status, 401);
      assert.equal(answer.body.includes('{"code":"missing_credential"}'), true);
      const challenges = answer.headers.filter(([header]) => header === "www-authenticate").map(([, value]) => value);
      assert.equal(challenges.join(", "), "ApiKey, Bearer");
    });

    it("answers misuse with an error, never with the handler", async () => {
      const answer = await raw(port, "/error");
      assert.equal(answer.status, 500);
      assert.equal(answer.body.includes("route"), false);
    });

    for (const target of ["/a/../open", "/a/%2e%2e/open", "//open", "/a;b=c?d=/open"]) {
      it(`sees ${target} as it was sent`, async () => {
        gate.asked.length = 0;
        const answer = await raw(port, target);
        assert.equal(answer.body.includes("route open"), false);
        for (const { target: seen } of gate.asked) assert.equal(seen, target);
      });
    }

    it("sees both lines of a header that was sent twice, and no forwarded header", async () => {
      gate.asked.length = 0;
      await raw(port, "/closed", { headers: [["X-Api-Key", "a"], ["X-API-KEY", "b"], ["X-Forwarded-For", "192.0.2.1"], ["X-Forwarded-Proto", "https"]] });
      assert.deepEqual(gate.asked[0].lines, [["x-api-key", "a"], ["x-api-key", "b"]]);
      assert.equal(gate.asked[0].clientIp, "127.0.0.1");
      assert.equal(gate.asked[0].https, false);
    });

    it("lets an allowed request pass with its decision", async () => {
      const answer = await raw(port, "/open/1?x=1");
      assert.equal(answer.status, 200);
      assert.match(answer.body, /route open/);
    });
  });
}
