// Workers KV is read late and has no compare-and-swap: refusals first, then what the copies still promise.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createGate } from "../../../js/entry/node.js";
import { managedKeys, requireCapabilities, StoreError } from "../../../js/stores/index.js";
import { memoryKeys } from "../../../js/stores/memory.js";
import { workersKvGrants, workersKvKeys } from "../../../js/stores/workers-kv.js";
import { POLICY, WANTED, sampleRecord } from "./lib/asserted.mjs";

/** A KV whose places may keep showing what they saw: `freeze` is a cache, `thaw` its end. */
function slowKv() {
  const values = new Map();
  let frozen;
  return {
    values,
    freeze: () => (frozen = new Map(values)),
    thaw: () => (frozen = undefined),
    get: async (name) => (frozen ?? values).get(name) ?? null,
    put: async (name, value) => void values.set(name, value),
  };
}

describe("Workers KV", () => {
  it("takes no changes", async () => {
    const store = workersKvKeys(slowKv());
    const record = sampleRecord();
    const refused = [[store.insert(record), "cas"], [store.update(record.id, 1, record), "cas"], [store.touch([]), "cas"], [store.list("o", null, 1), "list"]];
    for (const [promise, what] of refused) await assert.rejects(promise, (error) => error instanceof StoreError && error.code === `store_lacks_${what}`);
    assert.throws(() => managedKeys(createGate({ policy: POLICY }), store), { code: "store_lacks_cas" });
    assert.throws(() => requireCapabilities(store, ["readYourWrites"]), { code: "store_lacks_read_your_writes" });
    assert.throws(() => workersKvGrants(slowKv()), { code: "store_lacks_cas" });
    await assert.rejects(store.publish(record.id), { code: "source_missing" });
    assert.throws(() => workersKvKeys({}), { code: "options_invalid" });
    assert.throws(() => workersKvKeys(slowKv(), { source: {} }), { code: "options_invalid" });
    assert.deepEqual([store.staleness, workersKvKeys(slowKv(), { cacheTtl: 3600 }).staleness], [60, 3600]);
  });

  it("never goes back behind what it has shown", async () => {
    const [kv, source] = [slowKv(), memoryKeys()];
    const gate = createGate({ policy: POLICY });
    const record = sampleRecord();
    source.insert(record);
    const store = workersKvKeys(kv, { source });
    await store.publish(record.id);
    kv.freeze();
    const second = gate.keys.relabel(record, "second");
    source.update(record.id, 1, second);
    await store.publish(record.id);
    assert.equal((await store.find(record.id)).label, "Mine");
    kv.thaw();
    assert.equal((await store.find(record.id)).label, "second");
    // Another place of KV, that has not heard of the change.
    kv.values.set(`scopegate:key:${record.id}`, JSON.stringify(record));
    assert.equal((await store.find(record.id)).label, "second");
    assert.equal((await workersKvKeys(kv).find(record.id)).label, "Mine");
    kv.values.clear();
    assert.equal(await store.find(record.id), null);
  });

  it("keeps a revoked key revoked, whatever older copy comes back", async () => {
    const [kv, source] = [slowKv(), memoryKeys()];
    const gate = createGate({ policy: POLICY });
    const issued = gate.keys.issue(WANTED);
    const { id } = issued.record;
    source.insert(issued.record);
    const store = workersKvKeys(kv, { source });
    await store.publish(id);
    source.update(id, 1, gate.keys.revoke(issued.record));
    await store.publish(id);
    const ask = (keys) => createGate({ policy: POLICY, keys }).decide({ method: "GET", target: "/jobs", headers: { "x-api-key": issued.rawKey } });
    assert.equal((await ask(store)).code, "key_revoked");
    await kv.put(`scopegate:key:${id}`, JSON.stringify({ ...issued.record, version: 9 }));
    for (const keys of [store, workersKvKeys(kv)]) assert.equal((await ask(keys)).code, "key_revoked");
    // Neither name is there any more: this isolate still knows.
    kv.values.clear();
    assert.equal((await ask(store)).code, "key_revoked");
    assert.equal((await ask(workersKvKeys(kv))).code, "invalid_credential");
  });

  it("ends with what the source says last, however two copies interleave", async () => {
    const [kv, source] = [slowKv(), memoryKeys()];
    const gate = createGate({ policy: POLICY });
    const record = sampleRecord();
    source.insert(record);
    // The first copy has read the source and is slow to write; the second is quick.
    let release;
    const held = new Promise((go) => (release = go));
    const slow = { get: kv.get, put: async (name, value) => { await held; await kv.put(name, value); } };
    const late = workersKvKeys(slow, { source }).publish(record.id);
    source.update(record.id, 1, gate.keys.relabel(record, "second"));
    await workersKvKeys(kv, { source }).publish(record.id);
    release();
    await late;
    assert.equal((await workersKvKeys(kv).find(record.id)).label, "second");
  });

  it("is an outage when it cannot be read, or holds rubbish", async () => {
    const down = workersKvKeys({ get: async () => { throw new Error("down"); } });
    await assert.rejects(async () => down.find("x"), { code: "store_unavailable" });
    for (const text of ["{", "null", "7"]) await assert.rejects(async () => workersKvKeys({ get: async () => text }).find("x"), { code: "store_corrupt" });
    await assert.rejects(workersKvKeys(slowKv(), { source: memoryKeys() }).publish("x"), { code: "key_unknown" });
  });

  it("remembers a thousand keys, and not more", async () => {
    const kv = slowKv();
    const store = workersKvKeys(kv);
    const records = Array.from({ length: 1001 }, () => sampleRecord());
    for (const record of records) {
      await kv.put(`scopegate:key:${record.id}`, JSON.stringify({ ...record, version: 2 }));
      await store.find(record.id);
      await kv.put(`scopegate:key:${record.id}`, JSON.stringify(record));
    }
    assert.deepEqual([(await store.find(records[1000].id)).version, (await store.find(records[0].id)).version], [2, 1]);
  });
});
