// The Worker of the tests: the races inside workerd, over what is bound there.
import * as oauth from "../../../../js/oauth/entry/workerd.js";
import { d1Grants, migrate } from "../../../../js/stores/d1.js";
import { durableObjectGrants, ScopegateStore } from "../../../../js/stores/durable-object.js";
import { workersKvKeys } from "../../../../js/stores/workers-kv.js";
import { optionsOver, runFlows, slow } from "../../lib/oauth-flows.mjs";

export { ScopegateStore };

const STORES = {
  async d1({ DB }) {
    await migrate(DB);
    return d1Grants(DB);
  },
  objects: ({ STORE }) => durableObjectGrants(STORE),
};

/** The codes by which stores on Workers KV are refused. */
async function refusals(env) {
  const codes = [];
  for (const store of [env.KV, workersKvKeys(env.KV)]) {
    try {
      oauth.createAuthorizationServer(await optionsOver(oauth, store));
    } catch (error) {
      codes.push(error.code);
    }
  }
  return codes;
}

export default {
  async fetch(request, env) {
    const run = new URL(request.url).pathname.slice(1);
    try {
      if (run === "kv") return Response.json(await refusals(env));
      return Response.json(await runFlows(oauth, async () => slow(await STORES[run](env))));
    } catch (error) {
      return Response.json({ failures: [String(error.stack)], count: 0 });
    }
  },
};
