// The kit itself: it passes what is right, and names what is wrong with each of these stores.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createGate } from "../../../js/entry/node.js";
import { checkGrantStore, checkKeyStore, checkRevocation } from "../../../js/stores/kit.js";
import { memoryGrants, memoryKeys } from "../../../js/stores/memory.js";
import { kits, rotations, seed } from "./lib/asserted.mjs";

/** A turn of the event loop: between reading and writing, others come. */
const turn = () => new Promise((go) => setImmediate(go));

const failures = async (results) => (await results).filter(({ ok }) => !ok).map(({ name }) => name);

/** Stores with one mistake each, and the check that must find it. */
const WRONG_KEYS = [
  ["reads, waits and writes", "one of sixteen updates of a version goes through", (right) => ({
    async update(id, expected, record) {
      const found = right.find(id);
      await turn();
      return found === null ? "missing" : found.version === expected ? right.force(record) : "conflict";
    },
  })],
  ["inserts over what is there", "an insert keeps a record as it is, once", (right) => ({ insert: (record) => right.force(record) })],
  ["looks before it inserts", "one of sixteen inserts of an id goes through", (right) => ({
    async insert(record) {
      const found = right.find(record.id);
      await turn();
      return found === null ? right.force(record) : "exists";
    },
  })],
  ["revives a revoked key", "a revoked record is never revived", (right) => ({
    update(id, expected, record) {
      const found = right.find(id);
      if (found === null) return "missing";
      return found.version === expected && record.version > expected && record.id === id ? right.force(record) : "conflict";
    },
  })],
  ["gives keys away", "neither owner nor time of creation changes", (right) => ({
    update(id, expected, record) {
      const found = right.find(id);
      if (found === null || found.version !== expected || record.version <= expected || found.revokedAt !== null) return right.update(id, expected, record);
      return record.id === id ? right.force({ ...record, lastUsedAt: found.lastUsedAt }) : right.update(id, expected, record);
    },
  })],
  ["ignores the version", "an update goes through on the stored version alone", (right) => ({
    update: (id, expected, record) => right.update(id, right.find(id)?.version ?? expected, record),
  })],
  ["forgets the last use with each change", "a use is noted forward only, and changes no version", (right) => ({
    update(id, expected, record) {
      const outcome = right.update(id, expected, record);
      if (outcome === "done") right.force(record);
      return outcome;
    },
  })],
  ["notes uses backwards", "the latest of sixteen uses is kept", (right) => ({
    async touch(uses) {
      for (const { id, at } of [...uses]) {
        await turn();
        const found = right.find(id);
        if (found !== null) right.force({ ...found, lastUsedAt: at });
      }
    },
  })],
  ["makes records of uses", "a use is noted forward only, and changes no version", (right) => ({
    touch(uses) {
      const all = [...uses];
      right.touch(all);
      for (const { id } of all) if (right.find(id) === null) right.force({ ...SAMPLE, id });
    },
  })],
  ["keeps an expiry that cannot be read", "what is no record is not stored", (right) => ({
    insert: (record) => right.insert(JSON.parse(JSON.stringify({ expiresAt: null, scopes: [], ...record, version: 1, createdAt: 1 }))),
  })],
  ["hands out what it keeps", "what the caller does to a record stays with the caller", (right) => {
    const handed = new Map();
    return {
      find(id) {
        const found = right.find(id);
        const kept = handed.get(id);
        if (found !== null && kept?.version === found.version && kept.lastUsedAt === found.lastUsedAt) return kept;
        if (found !== null) handed.set(id, found);
        return found;
      },
    };
  }],
  ["tells ids apart in lower case only", "ids are told apart by case", (right) => {
    const ids = new Map();
    return {
      insert(record) {
        ids.set(record.id.toLowerCase(), record.id);
        return right.insert(record);
      },
      find: (id) => right.find(ids.get(id.toLowerCase()) ?? id),
    };
  }],
  ["starts each page at the first", "pages are an owner's records in order", (right) => ({ list: (owner, _, limit) => right.list(owner, null, limit) })],
  ["cuts no page", "pages are an owner's records in order", (right) => ({
    list: (owner, after, limit) => (limit > 100 ? [...right.list(owner, after, 100), ...right.list(owner, null, 4)] : right.list(owner, after, limit)),
  })],
  ["promises nothing", "it says what it offers", () => ({ capabilities: undefined })],
];

const SAMPLE = {
  v: 1, id: "x", env: "live", owner: "o", label: "l", scopes: [], hashes: [], sealed: false, createdAt: 1, expiresAt: null, revokedAt: null,
  graceUntil: null, lastUsedAt: null, ipAllow: [], rotatedFrom: null, version: 1,
};

/** A right store with a way to write whatever is wanted. */
function forced() {
  const forcedRecords = new Map();
  const right = memoryKeys();
  return {
    ...right,
    find: (id) => structuredClone(forcedRecords.get(id)) ?? right.find(id),
    update(id, expected, record) {
      if (!forcedRecords.has(id)) return right.update(id, expected, record);
      const other = memoryKeys();
      other.insert(forcedRecords.get(id));
      const outcome = other.update(id, expected, record);
      forcedRecords.set(id, other.find(id));
      return outcome;
    },
    touch(uses) {
      const all = [...uses];
      right.touch(all);
      for (const { id, at } of all) {
        const found = forcedRecords.get(id);
        if (found !== undefined && !(found.lastUsedAt >= at)) found.lastUsedAt = at;
      }
    },
    force(record) {
      right.insert(record);
      forcedRecords.set(record.id, structuredClone(record));
      return "done";
    },
  };
}

describe("the kit for keys", () => {
  it("passes the store in memory", async () => {
    const [keys, grants] = [memoryKeys(), memoryGrants()];
    await kits({ keys: [keys, keys], grants: [grants, grants] });
    await rotations(keys);
  });

  for (const [name, check, mistake] of WRONG_KEYS) {
    it(`finds a store that ${name}`, async () => {
      const right = forced();
      const wrong = { ...right, ...mistake(right) };
      const found = await failures(checkKeyStore(wrong, { seed: seed() }));
      assert.ok(found.includes(check), `found only: ${found.join("; ")}`);
    });
  }

  it("finds two handles that are not of one database", async () => {
    assert.ok((await failures(checkKeyStore(memoryKeys(), { seed: seed(), other: memoryKeys() }))).length > 5);
  });

  it("wants a seed", async () => {
    for (const wrong of [undefined, 0.5, "1"]) await assert.rejects(checkKeyStore(memoryKeys(), { seed: wrong }), TypeError);
  });
});

describe("the kit for revocations", () => {
  const wrong = [
    ["remembers what it found", (store) => {
      const cache = new Map();
      return { ...store, find: (id) => cache.get(id) ?? cache.set(id, store.find(id)).get(id) };
    }],
    ["refills what a change has emptied with what was read before it", (store) => {
      const cache = new Map();
      return {
        ...store,
        async find(id) {
          if (cache.has(id)) return cache.get(id);
          const found = store.find(id);
          await turn();
          if (found !== null) cache.set(id, found);
          return found;
        },
        update(id, expected, record) {
          cache.delete(id);
          return store.update(id, expected, record);
        },
      };
    }],
    ["writes after it has answered", (store) => ({ ...store, update: async (id, expected, record) => void turn().then(turn).then(() => store.update(id, expected, record)) ?? "done" })],
  ];
  for (const [name, make] of wrong) {
    it(`finds a store that ${name}`, async () => assert.equal((await failures(checkRevocation(make(memoryKeys()), { seed: seed(), createGate }))).length, 1));
  }

  it("finds a handle that remembers what another one has changed", async () => {
    const store = memoryKeys();
    const [, make] = wrong[1];
    assert.ok((await failures(checkRevocation(store, { seed: seed(), createGate, other: make(store) }))).length > 0);
  });
});

describe("the kit for grants", () => {
  const table = [
    ["gets and puts", "one of sixteen swaps goes through", (right) => ({
      async swapGrant(id, expected, row, expiresAt) {
        const found = right.getGrant(id);
        await turn();
        if (found === null) return "missing";
        if (found.version !== expected) return "conflict";
        right.swapGrant(id, right.getGrant(id).version, row, expiresAt);
        return "swapped";
      },
    })],
    ["looks before it inserts", "one of sixteen inserts goes through", (right) => ({
      async insertGrant(id, row, expiresAt) {
        const found = right.getGrant(id);
        await turn();
        if (found !== null) return "exists";
        if (right.insertGrant(id, row, expiresAt) === "exists") right.swapGrant(id, right.getGrant(id).version, row, expiresAt);
        return "inserted";
      },
    })],
    ["looks before it puts", "something is put once", () => {
      const put = new Set();
      return {
        async putOnce(space, key) {
          const known = put.has(`${space} ${key}`);
          await turn();
          put.add(`${space} ${key}`);
          return known ? "seen" : "fresh";
        },
      };
    }],
    ["runs space and key together", "spaces and keys are not run together", (right) => ({ putOnce: (space, key, expiresAt) => right.putOnce("all", space + key, expiresAt) })],
    ["never forgets", "an expired grant is gone", () => memoryGrants({ now: () => 0 })],
    ["keeps nothing", "a grant is inserted once", () => ({ getGrant: () => null })],
    ["offers no compare-and-swap", "it says what it offers", () => ({ capabilities: { cas: false, readYourWrites: true, putOnce: true } })],
  ];
  for (const [name, check, mistake] of table) {
    it(`finds a store that ${name}`, async () => {
      const right = memoryGrants();
      const found = await failures(checkGrantStore({ ...right, ...mistake(right) }, { seed: seed() }));
      assert.ok(found.includes(check), `found only: ${found.join("; ")}`);
    });
  }
});
