// Deno KV through a database that the caller opened. Compare-and-swap is `atomic().check(versionstamp)`; the last use of a key
// stands apart under `max`, so that noting one never races with a change.
import { StoreError, asked, capabilities, change, clock, grant, grantPage, latest, loaded, mayReplace, page, scopeList, stored, text, whole } from "./contract.js";

const PREFIX = ["scopegate"];
/** What Deno KV reads at once at most. */
const MOST_READS = 10;
/** Milliseconds. */
const MOST_WAIT = 2000;

function opened(kv) {
  if (typeof kv?.atomic !== "function") throw new StoreError("options_invalid", "Expected an open Deno KV.");
  return kv;
}

/**
 * Asks again when a local database is locked: it belongs to several processes, and says so at once, having written nothing.
 * Whoever changes something begins with reading it anew.
 */
async function patiently(run) {
  for (let wait = 1; ; wait *= 2) {
    try {
      return await run();
    } catch (thrown) {
      if (wait > MOST_WAIT || !/database is locked/.test(thrown?.message)) throw thrown;
      await new Promise((go) => setTimeout(go, wait * Math.random()));
    }
  }
}

const ask = (run, use = (answer) => answer) => asked(() => patiently(run), use);

function* slices(items, length) {
  for (let at = 0; at < items.length; at += length) yield items.slice(at, at + length);
}

/**
 * Keys in Deno KV.
 * @param {object} kv `await Deno.openKv()`
 * @param {{ prefix?: string[] }} [options] the first parts of every key
 */
export function denoKvKeys(kv, { prefix = PREFIX } = {}) {
  opened(kv);
  const key = (id) => [...prefix, "key", id];
  const use = (id) => [...prefix, "use", id];
  const index = (owner, ...place) => [...prefix, "owner", owner, ...place];
  const read = (entry, used) => (entry.value === null ? null : loaded(entry.value.text, used.value?.value ?? null));

  async function several(ids) {
    const found = [];
    for (const some of slices(ids, MOST_READS / 2)) {
      const entries = await kv.getMany(some.flatMap((id) => [key(id), use(id)]));
      some.forEach((_, at) => found.push(read(entries[2 * at], entries[2 * at + 1])));
    }
    return found;
  }

  async function insert(record) {
    const { id, owner, createdAt, version, revoked, used, text: json } = record;
    const change = kv.atomic().check({ key: key(id), versionstamp: null }).set(key(id), { text: json, version, revoked });
    change.set(index(owner, createdAt, id), true);
    if (used === null) change.delete(use(id));
    else change.max(use(id), BigInt(used));
    return (await change.commit()).ok ? "done" : "exists";
  }

  async function update(id, next) {
    const entry = await kv.get(key(id));
    if (entry.value === null) return "missing";
    const { owner, createdAt } = loaded(entry.value.text);
    if (!mayReplace(next, { ...entry.value, owner, createdAt })) return "conflict";
    const value = { text: next.text, version: next.version, revoked: next.revoked };
    // Another change came between: then the version is no longer the expected one.
    return (await kv.atomic().check(entry).set(key(id), value).commit()).ok ? "done" : "conflict";
  }

  async function list({ owner, createdAt, id, limit }) {
    const selector = { prefix: index(owner) };
    // The start is part of the range: the least text after the id is the id and a NUL.
    if (createdAt >= 0) selector.start = index(owner, createdAt, `${id}\0`);
    const ids = [];
    if (limit > 0) for await (const entry of kv.list(selector, { limit })) ids.push(entry.key.at(-1));
    return (await several(ids)).filter((record) => record !== null);
  }

  async function touch(found) {
    for (const some of slices([...found], MOST_READS)) {
      const known = await kv.getMany(some.map(([id]) => key(id)));
      const change = kv.atomic();
      some.forEach(([id, at], place) => known[place].value !== null && change.max(use(id), BigInt(at)));
      await change.commit();
    }
  }

  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, list: true }),
    find: (id) => ask(() => several([id]), ([found]) => found),
    async insert(record) {
      const entry = stored(record);
      return ask(() => insert(entry));
    },
    async update(id, expectedVersion, record) {
      const next = change(id, expectedVersion, record);
      return ask(() => update(id, next));
    },
    async list(owner, after, limit) {
      const place = page(owner, after, limit);
      return ask(() => list(place));
    },
    async touch(uses) {
      const found = latest(uses);
      return ask(() => touch(found), () => undefined);
    },
  };
}

/** Grants in Deno KV, which forgets what expired by itself. */
export function denoKvGrants(kv, { prefix = PREFIX, now = clock } = {}) {
  opened(kv);
  const key = (id) => [...prefix, "grant", id];
  const consent = (sub, clientId) => [...prefix, "consent", text(sub, "sub"), text(clientId, "clientId")];
  const lasting = (expiresAt) => ({ expireIn: Math.max(1, (expiresAt - now()) * 1000) });
  const alive = ({ value }) => value !== null && value.expiresAt > now();
  const of = (sub, ...id) => [...prefix, "of", sub, ...id];

  async function put(entry, value) {
    const change = kv.atomic().check(entry).set(entry.key, value, lasting(value.expiresAt));
    if (value.sub) change.set(of(value.sub, entry.key.at(-1)), true, lasting(value.expiresAt));
    return (await change.commit()).ok;
  }

  async function insert({ id, row, expiresAt, sub }) {
    const entry = await kv.get(key(id));
    if (alive(entry)) return "exists";
    return (await put(entry, { row, expiresAt, sub, version: (entry.value?.version ?? 0) + 1 })) ? "inserted" : "exists";
  }

  async function swap(expected, { id, row, expiresAt }) {
    const entry = await kv.get(key(id));
    if (!alive(entry)) return "missing";
    if (entry.value.version !== expected) return "conflict";
    return (await put(entry, { row, expiresAt, sub: entry.value.sub, version: expected + 1 })) ? "swapped" : "conflict";
  }

  async function several({ sub, after, limit }) {
    const selector = { prefix: of(sub) };
    if (after !== "") selector.start = of(sub, `${after}\0`);
    const ids = [];
    if (limit > 0) for await (const entry of kv.list(selector, { limit })) ids.push(entry.key.at(-1));
    return ids;
  }

  async function once(space, keyHash, expiresAt) {
    const entry = await kv.get([...prefix, "once", space, keyHash]);
    if (alive(entry)) return "seen";
    return (await put(entry, { expiresAt })) ? "fresh" : "seen";
  }

  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, putOnce: true, list: true }),
    async insertGrant(id, row, expiresAt, sub) {
      const entry = grant(id, row, expiresAt, sub);
      return ask(() => insert(entry));
    },
    async getGrant(id) {
      text(id, "id");
      return ask(() => kv.get(key(id)), (entry) => (alive(entry) ? { row: entry.value.row, version: entry.value.version } : null));
    },
    async swapGrant(id, expectedVersion, row, expiresAt) {
      const entry = grant(id, row, expiresAt);
      whole(expectedVersion, "expectedVersion");
      return ask(() => swap(expectedVersion, entry));
    },
    async grantsOf(sub, after, limit) {
      const asked = grantPage(sub, after, limit);
      return ask(() => several(asked));
    },
    async putOnce(space, keyHash, expiresAt) {
      text(space, "space");
      text(keyHash, "keyHash");
      whole(expiresAt, "expiresAt");
      return ask(() => once(space, keyHash, expiresAt));
    },
    async getConsent(sub, clientId) {
      const name = consent(sub, clientId);
      return ask(() => kv.get(name), ({ value }) => value);
    },
    async saveConsent(sub, clientId, scopes) {
      const name = consent(sub, clientId);
      const list = scopeList(scopes);
      return ask(() => kv.set(name, list), () => undefined);
    },
    /** Nothing to do. */
    purge() {},
  };
}
