// The Worker of the tests: the kits inside workerd, over what is bound there.
import { createGate } from "../../../../js/entry/workerd.js";
import * as d1 from "../../../../js/stores/d1.js";
import { durableObjectGrants, durableObjectKeys, ScopegateStore } from "../../../../js/stores/durable-object.js";
import { workersKvKeys } from "../../../../js/stores/workers-kv.js";
import { runKits } from "./kits.mjs";

export { ScopegateStore };

const RUNS = {
  async d1({ DB, SAME }) {
    await d1.migrate(DB);
    await d1.migrate(SAME);
    return { keys: [DB, SAME].map(d1.d1Keys), grants: [DB, SAME].map((db) => d1.d1Grants(db)) };
  },
  session: ({ DB }) => ({ short: true, keys: [DB.withSession("first-primary"), DB].map(d1.d1Keys) }),
  objects: ({ STORE }) => ({ keys: [0, 1].map(() => durableObjectKeys(STORE)), grants: [0, 1].map(() => durableObjectGrants(STORE)) }),
  shards: ({ STORE }) => ({ short: true, keys: [0, 1].map(() => durableObjectKeys(STORE, { shards: 3 })) }),
  one: ({ SQLITE }) => ({ short: true, keys: [0, 1].map(() => durableObjectKeys(SQLITE, { shards: 1 })), grants: [0, 1].map(() => durableObjectGrants(SQLITE)) }),
};

/** A revocation on its way through KV: what `find` says after each step. */
async function throughKv({ KV, DB }, { record, revoked, id }) {
  await d1.migrate(DB);
  const source = d1.d1Keys(DB);
  const store = workersKvKeys(KV, { source, cacheTtl: 60 });
  const said = [await store.find(id)];
  await source.insert(record);
  await store.publish(id);
  said.push(await workersKvKeys(KV).find(id));
  await source.update(id, 1, revoked);
  await store.publish(id);
  said.push(await store.find(id));
  // A late copy of the older version, as a slow publisher would write it.
  await KV.put(`scopegate:key:${id}`, JSON.stringify(record));
  said.push(await workersKvKeys(KV).find(id), await store.find(id));
  return said;
}

export default {
  async fetch(request, env) {
    const { run, seed, input } = await request.json();
    try {
      if (run === "kv") return Response.json(await throughKv(env, input));
      return Response.json(await runKits(await RUNS[run](env), { createGate, seed }));
    } catch (error) {
      return Response.json({ failed: [String(error.stack)], count: 0 });
    }
  },
};
