// The life of keys in a store: refusals first, then races, rotations that fail half way, and uses in batches.
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { describe, it } from "node:test";
import { createGate } from "../../../js/entry/node.js";
import { managedKeys, requireCapabilities, StoreError } from "../../../js/stores/index.js";
import { memoryKeys } from "../../../js/stores/memory.js";
import { POLICY, WANTED } from "./lib/asserted.mjs";

const NOW = 1_780_000_000;
const PEPPERS = { current: "p2", p1: new Uint8Array(32).fill(1), p2: new Uint8Array(32).fill(2) };

/** A gate and its managed keys; `wrap` changes the store that the latter write to. */
function setup({ wrap = (store) => store, now = () => NOW, ...options } = {}) {
  const store = memoryKeys();
  const gate = createGate({ policy: POLICY, keys: store, now, ...options });
  return { store, gate, keys: managedKeys(gate, wrap(store), options) };
}
const ask = (gate, rawKey) => gate.decideSync({ method: "GET", target: "/jobs", headers: { "x-api-key": rawKey } });
const times = (count, run) => Promise.all(Array.from({ length: count }, (_, at) => run(at)));

describe("managed keys are refused", () => {
  const store = memoryKeys();
  const gate = createGate({ policy: POLICY });
  for (const [capability, code] of [["cas", "store_lacks_cas"], ["readYourWrites", "store_lacks_read_your_writes"]]) {
    it(`a store without ${capability}, at the start`, () => {
      for (const capabilities of [{ ...store.capabilities, [capability]: false }, { ...store.capabilities, [capability]: "yes" }]) {
        assert.throws(() => managedKeys(gate, { ...store, capabilities }), (error) => error instanceof StoreError && error.code === code);
      }
    });
  }

  it("what is no store, no gate, or no capability", () => {
    assert.throws(() => managedKeys(gate, {}), { code: "store_lacks_cas" });
    assert.throws(() => managedKeys({}, store), { code: "options_invalid" });
    for (const name of ["toString", "CAS", "__proto__"]) assert.throws(() => requireCapabilities(store, [name]), { code: "capability_unknown" });
    assert.equal(requireCapabilities(store, ["cas", "readYourWrites", "list"]), store);
    assert.throws(() => requireCapabilities(store, ["cas", "putOnce"]), { code: "store_lacks_put_once" });
  });

  it("options of the wrong type", () => {
    const wrong = [["interval", ["60", null, -1, 0.5, NaN, Infinity]], ["batch", ["100", 0, null]], ["every", ["10", null, -1]], ["onError", [null, "log"]]];
    for (const [name, values] of wrong) {
      for (const value of values) {
        assert.throws(() => managedKeys(gate, store, { [name]: value }), (error) => error.code === "options_invalid" && error.message.includes(name), `${name} ${value}`);
      }
    }
    for (const options of [null, 7, "x"]) assert.throws(() => managedKeys(gate, store, options), { code: "options_invalid" });
    managedKeys(gate, store, { interval: 0, batch: 1, every: 0, onError() {} });
    managedKeys(gate, store, { interval: undefined, batch: undefined, every: undefined, onError: undefined });
  });

  it("a list where the store cannot list", async () => {
    const { keys } = setup({ wrap: (right) => ({ ...right, capabilities: { ...right.capabilities, list: false } }) });
    await assert.rejects(keys.list("o"), { code: "store_lacks_list" });
  });

  it("another's key, as one that is not there", async () => {
    const { keys } = setup();
    const { record } = await keys.issue(WANTED);
    const codes = async (owner, id) => {
      assert.equal(await keys.get(owner, id), null);
      const runs = [() => keys.relabel(owner, id, "x"), () => keys.revoke(owner, id), () => keys.rotate(owner, id)];
      return Promise.all(runs.map((run) => run().then(() => "ok", ({ code, message }) => `${code} ${message}`)));
    };
    const foreign = await codes("company-2", record.id);
    assert.deepEqual(foreign, await codes("company-1", "000000000000"));
    assert.match(foreign[0], /^key_unknown /);
    assert.deepEqual((await keys.list("company-2")).keys, []);
    for (const owner of [undefined, null, "", 7, "a\0b"]) {
      for (const run of [() => keys.get(owner, record.id), () => keys.revoke(owner, record.id), () => keys.list(owner)]) await assert.rejects(run, { code: "request_invalid" });
    }
    assert.equal((await keys.get("company-1", record.id)).revokedAt, null);
  });

  it("any change but of the label", async () => {
    const { keys } = setup();
    const { record } = await keys.issue(WANTED);
    for (const change of [{ scopes: ["jobs:write"] }, { label: "x", owner: "company-2" }, { expiresAt: null }]) {
      await assert.rejects(keys.relabel("company-1", record.id, change), { code: "immutable" });
    }
    await assert.rejects(keys.relabel("company-1", record.id, ""), { code: "label_invalid" });
  });
});

describe("managed keys", () => {
  it("live from issue to revocation, and show no hash and no raw key", async () => {
    const { keys, gate, store } = setup({ peppers: PEPPERS });
    const issued = await keys.issue(WANTED);
    const { id } = issued.record;
    assert.equal(ask(gate, issued.rawKey).code, "ok");
    assert.ok(!`${JSON.stringify(issued)}${inspect(issued)}`.includes(issued.rawKey));
    const shown = [await keys.get("company-1", id), (await keys.list("company-1")).keys[0], await keys.relabel("company-1", id, { label: "Other" }), await keys.revoke("company-1", id)];
    for (const one of shown) assert.ok(!("hashes" in one) && !JSON.stringify(one).includes(issued.record.hashes[0].hash));
    assert.equal(ask(gate, issued.rawKey).code, "key_revoked");
    const first = store.find(id);
    assert.deepEqual([first.label, first.revokedAt], ["Other", NOW]);
    await keys.revoke("company-1", id);
    assert.deepEqual(store.find(id), first);
  });

  it("are listed in pages", async () => {
    const { keys } = setup();
    await times(25, () => keys.issue(WANTED));
    const pages = [];
    for (let after = null; pages.length < 9; ) {
      const page = await keys.list("company-1", { after, limit: 10 });
      pages.push(page.keys.length);
      if ((after = page.next) === null) break;
    }
    assert.deepEqual(pages, [10, 10, 5]);
    assert.equal((await keys.list("company-1", { limit: 1000 })).next, null);
    await times(80, () => keys.issue(WANTED));
    const { keys: most, next } = await keys.list("company-1", { limit: 1000 });
    assert.equal(most.length, 100);
    assert.equal((await keys.list("company-1", { after: next, limit: 1000 })).keys.length, 5);
  });

  it("draw another id when one is taken, but not for ever", async () => {
    let taken = 2;
    const wrap = (right) => ({ ...right, insert: (record) => (taken-- > 0 ? "exists" : right.insert(record)) });
    const { keys, gate } = setup({ wrap });
    assert.equal(ask(gate, (await keys.issue(WANTED)).rawKey).code, "ok");
    taken = Infinity;
    await assert.rejects(keys.issue(WANTED), { code: "id_conflict" });
  });

  it("lose no change of sixteen at once", async () => {
    const { keys, store } = setup({ wrap: (right) => Object.fromEntries(Object.entries(right).map(([name, run]) => [name, typeof run === "function" ? async (...all) => run(...all) : run])) });
    const { record } = await keys.issue(WANTED);
    await times(16, (at) => (at === 7 ? keys.revoke("company-1", record.id) : keys.relabel("company-1", record.id, `label ${at}`)));
    const { version, revokedAt } = store.find(record.id);
    assert.deepEqual([version, revokedAt], [17, NOW]);
  });

  it("give up on a key that others change without end", async () => {
    const { keys } = setup({ wrap: (right) => ({ ...right, update: () => "conflict" }) });
    const { record } = await keys.issue(WANTED);
    await assert.rejects(keys.revoke("company-1", record.id), { code: "store_conflict" });
  });

  it("renew a hash under the current pepper, unless somebody was quicker", async () => {
    const store = memoryKeys();
    const old = createGate({ policy: POLICY, keys: store, now: () => NOW, peppers: { ...PEPPERS, current: "p1" } });
    const { record, rawKey } = await managedKeys(old, store).issue(WANTED);
    let effects;
    const gate = createGate({ policy: POLICY, keys: store, now: () => NOW, peppers: PEPPERS, onEffects: (all) => (effects = all) });
    const keys = managedKeys(gate, store);
    assert.equal(ask(gate, rawKey).code, "ok");
    await keys.relabel("company-1", record.id, "quicker");
    await keys.onEffects(effects);
    assert.equal(store.find(record.id).hashes[0].kid, "p1");
    assert.equal(ask(gate, rawKey).code, "ok");
    await keys.onEffects(effects);
    assert.deepEqual([store.find(record.id).hashes.map(({ kid }) => kid), store.find(record.id).version], [["p2"], 3]);
    assert.equal(ask(gate, rawKey).code, "ok");
    assert.deepEqual(effects.map(({ type }) => type), ["touch", "audit"]);
  });
});

describe("a rotation", () => {
  const live = async (keys) => (await keys.list("company-1", { limit: 100 })).keys.filter(({ revokedAt }) => revokedAt === null).map(({ id }) => id);

  it("gives a successor and lets the old key go after its grace", async () => {
    let now = NOW;
    const { keys, gate } = setup({ now: () => now });
    const first = await keys.issue({ ...WANTED, expiresAt: NOW + 1000 });
    const second = await keys.rotate("company-1", first.record.id, { overlap: 60 });
    assert.ok(!JSON.stringify(second).includes(second.rawKey) && !("hashes" in second.old));
    assert.deepEqual([second.record.rotatedFrom, second.old.graceUntil, second.record.expiresAt], [first.record.id, NOW + 60, NOW + 1000]);
    assert.deepEqual([ask(gate, first.rawKey).code, ask(gate, second.rawKey).code], ["ok", "ok"]);
    now += 60;
    assert.deepEqual([ask(gate, first.rawKey).allowed, ask(gate, second.rawKey).code], [false, "ok"]);
    await assert.rejects(keys.rotate("company-1", first.record.id), { code: "key_not_active" });
    assert.deepEqual((await live(keys)).sort(), [first.record.id, second.record.id].sort());
  });

  it("that meets another one fails, for its successor would outlive the old key's grace", async () => {
    let meet;
    const { keys, store, gate } = setup({ wrap: (right) => ({ ...right, insert: async (record) => { const done = right.insert(record); await meet?.(record); return done; } }) });
    const { record } = await keys.issue({ ...WANTED, expiresAt: NOW + 1000 });
    meet = (inserted) => {
      meet = undefined;
      const { old } = gate.keys.rotate(record, { overlap: 5 });
      assert.equal(inserted.expiresAt, NOW + 1000);
      store.update(record.id, 1, old);
    };
    await assert.rejects(keys.rotate("company-1", record.id, { overlap: 60 }), { code: "store_conflict" });
    assert.deepEqual([store.find(record.id).graceUntil, await live(keys)], [NOW + 5, [record.id]]);
  });

  it("that meets a relabelling goes through with both", async () => {
    let meet;
    const { keys, store, gate } = setup({ wrap: (right) => ({ ...right, insert: (record) => { const done = right.insert(record); meet?.(); return done; } }) });
    const { record } = await keys.issue(WANTED);
    meet = () => store.update(record.id, 1, gate.keys.relabel(record, "Other"));
    const { old } = await keys.rotate("company-1", record.id, { overlap: 60 });
    assert.deepEqual([old.label, old.graceUntil, old.version], ["Other", NOW + 60, 3]);
    assert.equal((await live(keys)).length, 2);
  });

  it("that meets a revocation leaves nothing alive", async () => {
    let meet;
    const { keys, store, gate } = setup({ wrap: (right) => ({ ...right, insert: (record) => { const done = right.insert(record); meet?.(); return done; } }) });
    const { record } = await keys.issue(WANTED);
    meet = () => store.update(record.id, 1, gate.keys.revoke(record));
    await assert.rejects(keys.rotate("company-1", record.id, { overlap: 60 }), { code: "key_not_active" });
    assert.deepEqual(await live(keys), []);
  });

  it("that fails half way leaves the old key as it was, and says what it could not end", async () => {
    let down = false;
    const reported = [];
    const { keys, store } = setup({
      wrap: (right) => ({ ...right, update: (...all) => { if (down) throw new StoreError("store_unavailable", "down"); return right.update(...all); } }),
      onError: (error) => { reported.push(error.code); throw new Error("a reporter that throws"); },
    });
    const { record } = await keys.issue(WANTED);
    down = true;
    await assert.rejects(keys.rotate("company-1", record.id), { code: "store_unavailable" });
    assert.deepEqual([store.find(record.id), reported], [record, ["store_unavailable"]]);
  });
});

describe("uses of keys", () => {
  /** A store that remembers what it was told. */
  const listening = (options) => {
    const told = [];
    const right = memoryKeys();
    const store = { ...right, touch: async (uses) => { if (store.down) throw new StoreError("store_unavailable", "down"); told.push(uses.map(({ id, at }) => `${id} ${at - NOW}`)); } };
    return { told, store, keys: managedKeys(createGate({ policy: POLICY }), store, options) };
  };
  const use = (id, at) => ({ type: "touch", id, at: NOW + at });

  it("that are none are refused, and keep no other from being written", async () => {
    const { told, keys } = listening({ every: 1000 });
    for (const wrong of [undefined, {}, { id: "a" }, { id: "", at: NOW }, { id: "a", at: "soon" }, { id: "a", at: NOW + 0.5 }, { id: "a", at: -1 }]) {
      await assert.rejects(keys.touch(wrong), { code: "request_invalid" });
    }
    await keys.touch(use("a", 1));
    await keys.flush();
    assert.deepEqual(told, [["a 1"]]);
  });

  it("are written together, forward only, once a minute for each key at most", async () => {
    const { told, keys } = listening({ every: 1000 });
    for (const at of [5, 9, 7]) await keys.touch(use("a", at));
    await keys.onEffects([use("b", 3), { type: "audit", event: {} }]);
    assert.deepEqual(told, []);
    await keys.flush();
    await keys.flush();
    for (const at of [8, 9, 10, 68]) await keys.touch(use("a", at));
    await keys.flush();
    await keys.touch(use("a", 69));
    await keys.flush();
    assert.deepEqual(told, [["a 9", "b 3"], ["a 69"]]);
  });

  it("are written when there are enough of them, or when the first has waited long enough", async () => {
    const many = listening({ batch: 3 });
    for (const id of ["a", "b", "c", "d"]) await many.keys.touch(use(id, 0));
    assert.deepEqual(many.told, [["a 0", "b 0", "c 0"]]);
    const long = listening();
    for (const [id, at] of [["a", 0], ["b", 9], ["c", 10]]) await long.keys.touch(use(id, at));
    assert.deepEqual(long.told, [["a 0", "b 9", "c 10"]]);
  });

  it("are kept while the store is away", async () => {
    const { told, store, keys } = listening({ every: 1000 });
    store.down = true;
    await keys.touch(use("a", 1));
    await assert.rejects(keys.flush(), { code: "store_unavailable" });
    store.down = false;
    await keys.touch(use("a", 2));
    await keys.flush();
    assert.deepEqual(told, [["a 2"]]);
  });

  it("reach the store through the effects of a gate", async () => {
    const store = memoryKeys();
    const gate = createGate({ policy: POLICY, keys: store, now: () => NOW, onEffects: (effects) => keys.onEffects(effects) });
    const keys = managedKeys(gate, store);
    const { record, rawKey } = await keys.issue(WANTED);
    ask(gate, `${rawKey.slice(0, -7)}0000000`);
    await keys.flush();
    assert.equal(store.find(record.id).lastUsedAt, null);
    ask(gate, rawKey);
    await keys.flush();
    assert.deepEqual([store.find(record.id).lastUsedAt, store.find(record.id).version, gate.counts.effectFailures], [NOW, 1, 0]);
  });
});
