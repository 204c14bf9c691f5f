// What an object of the class does by itself, over a storage of a few lines: it forgets what expired, and answers no other question.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { durableObjectGrants, durableObjectKeys, ScopegateStore } from "../../../js/stores/durable-object.js";
import { sampleRecord } from "./lib/asserted.mjs";

class Storage {
  entries = new Map();
  alarm = null;
  transaction = (run) => run(this);
  get = async (name) => structuredClone(this.entries.get(name));
  put = async (name, value) => void this.entries.set(name, structuredClone(value));
  delete = async (name) => this.entries.delete(name);
  emptied = false;
  deleteAll = async () => void (this.emptied = true);
  getAlarm = async () => this.alarm;
  setAlarm = async (at) => void (this.alarm = at);
  async list({ prefix = "", startAfter = "", limit = Infinity }) {
    const names = [...this.entries.keys()].filter((name) => name.startsWith(prefix) && name > startAfter).sort();
    return new Map(names.slice(0, limit).map((name) => [name, this.entries.get(name)]));
  }
}

/** A namespace whose objects are here. */
function objects() {
  const storages = new Map();
  const named = (name) => storages.get(name) ?? storages.set(name, new Storage()).get(name);
  return {
    storages,
    idFromName: (name) => name,
    get: (name) => ({ fetch: (url, init) => new ScopegateStore({ storage: named(name) }).fetch(new Request(url, init)) }),
  };
}

describe("an object", () => {
  it("forgets what expired, and wakes up for what will", async () => {
    const namespace = objects();
    const now = Math.floor(Date.now() / 1000);
    const grants = durableObjectGrants(namespace, { now: () => now - 100 });
    await grants.insertGrant("g", "{}", now - 50);
    await grants.putOnce("s", "k", now + 50);
    for (const storage of namespace.storages.values()) {
      assert.equal(typeof storage.alarm, "number");
      storage.alarm = null;
      await new ScopegateStore({ storage }).alarm();
    }
    assert.deepEqual([...namespace.storages].map(([name, { entries, alarm, emptied }]) => [name, entries.size, alarm, emptied]), [
      ["grant/g", 0, null, true], ['once/["s","k"]', 1, (now + 50) * 1000, false],
    ]);
  });

  it("answers no question that is none", async () => {
    const ask = (operation) => new ScopegateStore({ storage: new Storage() }).fetch(new Request("https://x/", { method: "POST", body: JSON.stringify({ operation }) }));
    for (const operation of ["drop", "__proto__", "constructor", undefined]) assert.equal((await ask(operation)).status, 400);
  });

  it("that does not answer is an outage", async () => {
    for (const fetch of [async () => { throw new Error("down"); }, async () => new Response("secret", { status: 500 })]) {
      await assert.rejects(async () => durableObjectKeys({ idFromName: (name) => name, get: () => ({ fetch }) }).find("x"), { code: "store_unavailable" });
    }
    assert.throws(() => durableObjectKeys({}), { code: "options_invalid" });
    for (const shards of [0, 1.5, "3"]) assert.throws(() => durableObjectKeys(objects(), { shards }));
  });

  it("of an owner lists no key of another, though an insert was refused", async () => {
    const namespace = objects();
    const store = durableObjectKeys(namespace);
    const record = sampleRecord();
    assert.equal(await store.insert(record), "done");
    assert.equal(await store.insert({ ...record, owner: "thief" }), "exists");
    assert.equal(await store.insert({ ...record, createdAt: record.createdAt - 7 }), "exists");
    assert.deepEqual(await store.list("thief", null, 10), []);
    assert.deepEqual(await store.list(record.owner, null, 10), [record]);
    assert.deepEqual(await store.list(record.owner, null, 1), [record]);
  });

  it("is one for each key, or as many as there are shards", async () => {
    for (const [shards, most] of [[undefined, 20], [3, 3]]) {
      const namespace = objects();
      const store = durableObjectKeys(namespace, { shards });
      for (let at = 0; at < 20; at++) await store.insert(sampleRecord());
      assert.equal([...namespace.storages.keys()].filter((name) => !name.startsWith("owner/")).length, most);
    }
  });
});
