// Cloudflare Durable Objects: a class that the Worker exports, and stores that talk to its objects. An object does one thing at
// a time and answers only once its writes are durable, so compare-and-swap needs no more than reading and writing in a transaction.
import {
  StoreError, asked, capabilities, change, clock, grant, grantPage, inOrder, latest, loaded, mayReplace, page, scopeList, stored, text, whole,
} from "./contract.js";

/** What an object does. Each gets the storage of the object, in a transaction, and what the store sent. */
const OPERATIONS = {
  async find(storage, { ids }) {
    return Promise.all(ids.map(async (id) => (await storage.get(`key:${id}`)) ?? null));
  },
  async insert(storage, { entry }) {
    if ((await storage.get(`key:${entry.id}`)) !== undefined) return "exists";
    await storage.put(`key:${entry.id}`, entry);
    return "done";
  },
  async update(storage, { id, next }) {
    const entry = await storage.get(`key:${id}`);
    if (entry === undefined) return "missing";
    if (!mayReplace(next, entry)) return "conflict";
    await storage.put(`key:${id}`, { ...entry, version: next.version, revoked: next.revoked, text: next.text });
    return "done";
  },
  async touch(storage, { uses }) {
    for (const [id, at] of uses) {
      const entry = await storage.get(`key:${id}`);
      if (entry !== undefined && !(entry.used >= at)) await storage.put(`key:${id}`, { ...entry, used: at });
    }
    return null;
  },
  async index(storage, { place }) {
    await storage.put(`place:${place}`, true);
    return null;
  },
  async places(storage, { after, limit }) {
    const found = await storage.list({ prefix: "place:", startAfter: `place:${after}`, limit });
    return [...found.keys()].map((name) => name.slice("place:".length));
  },
  async indexGrant(storage, { id, expiresAt }) {
    await lasting(storage, `of:${id}`, { expiresAt });
    return null;
  },
  async grantsOf(storage, { after, limit }) {
    if (limit === 0) return [];
    const found = await storage.list({ prefix: "of:", startAfter: `of:${after}`, limit });
    return [...found.keys()].map((name) => name.slice("of:".length));
  },
  async insertGrant(storage, { id, row, expiresAt, sub, now }) {
    const found = await storage.get(`grant:${id}`);
    if (found !== undefined && found.expiresAt > now) return "exists";
    await lasting(storage, `grant:${id}`, { row, expiresAt, sub, version: (found?.version ?? 0) + 1 });
    return "inserted";
  },
  async getGrant(storage, { id, now }) {
    const found = await storage.get(`grant:${id}`);
    return found !== undefined && found.expiresAt > now ? { row: found.row, version: found.version } : null;
  },
  async swapGrant(storage, { id, expected, row, expiresAt, now }) {
    const found = await storage.get(`grant:${id}`);
    if (found === undefined || found.expiresAt <= now) return { outcome: "missing" };
    if (found.version !== expected) return { outcome: "conflict" };
    await lasting(storage, `grant:${id}`, { row, expiresAt, sub: found.sub, version: expected + 1 });
    return { outcome: "swapped", outlives: expiresAt > found.expiresAt ? found.sub : "" };
  },
  async putOnce(storage, { key, expiresAt, now }) {
    const found = await storage.get(`once:${key}`);
    if (found !== undefined && found.expiresAt > now) return "seen";
    await lasting(storage, `once:${key}`, { expiresAt });
    return "fresh";
  },
  async getConsent(storage, { key }) {
    return (await storage.get(`consent:${key}`)) ?? null;
  },
  async saveConsent(storage, { key, scopes }) {
    await storage.put(`consent:${key}`, scopes);
    return null;
  },
};

/** Stores what expires, and sees to it that the object wakes up to forget it. */
async function lasting(storage, name, value) {
  await storage.put(name, value);
  const planned = await storage.getAlarm();
  const wanted = value.expiresAt * 1000;
  if (planned === null || planned > wanted) await storage.setAlarm(wanted);
}

/** The class to export from a Worker and to bind. It keeps keys, places in lists, and grants, whatever it is asked for. */
export class ScopegateStore {
  #storage;

  constructor(state) {
    this.#storage = state.storage;
  }

  async fetch(request) {
    const { operation, ...input } = await request.json();
    if (!Object.hasOwn(OPERATIONS, operation)) return new Response(null, { status: 400 });
    return Response.json({ answer: await this.#storage.transaction((storage) => OPERATIONS[operation](storage, input)) });
  }

  async alarm() {
    const now = clock();
    let next = Infinity;
    for (const prefix of ["grant:", "once:", "of:"]) {
      for (const [name, { expiresAt }] of await this.#storage.list({ prefix })) {
        if (expiresAt <= now) await this.#storage.delete(name);
        else next = Math.min(next, expiresAt);
      }
    }
    if (next < Infinity) await this.#storage.setAlarm(next * 1000);
    // Deleting everything is what makes an object cost nothing.
    else if ((await this.#storage.list({ limit: 1 })).size === 0) await this.#storage.deleteAll();
  }
}

/** Asks the object with a name. */
function objects(namespace) {
  if (typeof namespace?.idFromName !== "function") throw new StoreError("options_invalid", "Expected the binding of a Durable Object.");
  return (name, operation, input, use) =>
    asked(async () => {
      const body = JSON.stringify({ operation, ...input });
      const response = await namespace.get(namespace.idFromName(name)).fetch("https://scopegate.invalid/", { method: "POST", body });
      if (response.status !== 200) throw new StoreError("store_unavailable", `The Durable Object answered with ${response.status}.`);
      return (await response.json()).answer;
    }, use);
}

/** FNV-1a: spreads ids over shards; nothing hangs on it but the spread. */
function shardOf(id, shards) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193) >>> 0;
  return hash % shards;
}

/** Places are ordered as text: the time in sixteen digits, a colon, the id. */
const placeOf = (createdAt, id) => `${String(createdAt).padStart(16, "0")}:${id}`;

/**
 * Keys in Durable Objects.
 * @param {object} namespace the binding
 * @param {{ shards?: number }} [options] without it, each key has an object of its own; with it, keys share so many. Never change it
 */
export function durableObjectKeys(namespace, { shards } = {}) {
  const ask = objects(namespace);
  if (shards !== undefined && whole(shards, "shards") < 1) throw new StoreError("options_invalid", "`shards` is 1 or more.");
  const home = (id) => (shards === undefined ? `key/${id}` : `shard/${shardOf(id, shards)}`);
  const read = (entry) => (entry === null ? null : loaded(entry.text, entry.used));

  /** Items by the object that their id lives in. */
  function homes(items, id) {
    const found = new Map();
    for (const item of items) {
      const name = home(id(item));
      if (!found.has(name)) found.set(name, []);
      found.get(name).push(item);
    }
    return [...found];
  }

  async function several(ids) {
    const groups = homes(ids, (id) => id).map(([name, some]) => ask(name, "find", { ids: some }, (found) => found));
    const entries = (await Promise.all(groups)).flat().filter((entry) => entry !== null);
    return entries.sort(inOrder);
  }

  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, list: true }),
    async find(id) {
      return ask(home(text(id, "id")), "find", { ids: [id] }, ([entry]) => read(entry));
    },
    async insert(record) {
      const entry = stored(record);
      // The place first: one without its key is passed over, a key without its place would never be listed.
      await ask(`owner/${entry.owner}`, "index", { place: placeOf(entry.createdAt, entry.id) }, () => undefined);
      return ask(home(entry.id), "insert", { entry }, (outcome) => outcome);
    },
    async update(id, expectedVersion, record) {
      return ask(home(id), "update", { id, next: change(id, expectedVersion, record) }, (outcome) => outcome);
    },
    async list(owner, after, limit) {
      const asked = page(owner, after, limit);
      const found = [];
      let place = asked.createdAt < 0 ? "" : placeOf(asked.createdAt, asked.id);
      while (found.length < asked.limit) {
        const most = asked.limit - found.length;
        const places = await ask(`owner/${owner}`, "places", { after: place, limit: most }, (some) => some);
        if (places.length === 0) break;
        const known = new Set(places);
        // A refused insert may have left a place behind, of a key that is another's or was made at another time.
        const own = (await several([...new Set(places.map((some) => some.slice(17)))])).filter(
          (entry) => entry.owner === owner && known.has(placeOf(entry.createdAt, entry.id)),
        );
        found.push(...own.map(read));
        if (places.length < most) break;
        place = places.at(-1);
      }
      return found;
    },
    async touch(uses) {
      const groups = homes([...latest(uses)], ([id]) => id);
      await Promise.all(groups.map(([name, some]) => ask(name, "touch", { uses: some }, () => undefined)));
    },
  };
}

/** Grants in Durable Objects: one object for each grant, each key that is put once, and two for each person. */
export function durableObjectGrants(namespace, { now = clock } = {}) {
  const ask = objects(namespace);
  const same = (answer) => answer;
  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, putOnce: true, list: true }),
    async insertGrant(id, row, expiresAt, sub) {
      const entry = grant(id, row, expiresAt, sub);
      // The name first: one without its grant is passed over, a grant without its name would never be found.
      if (entry.sub !== "") await ask(`grants/${entry.sub}`, "indexGrant", { id, expiresAt }, same);
      return ask(`grant/${id}`, "insertGrant", { ...entry, now: now() }, same);
    },
    getGrant: async (id) => ask(`grant/${text(id, "id")}`, "getGrant", { id, now: now() }, same),
    async swapGrant(id, expectedVersion, row, expiresAt) {
      const expected = whole(expectedVersion, "expectedVersion");
      const { outcome, outlives } = await ask(`grant/${id}`, "swapGrant", { ...grant(id, row, expiresAt), expected, now: now() }, same);
      if (outlives) await ask(`grants/${outlives}`, "indexGrant", { id, expiresAt }, same);
      return outcome;
    },
    /** An insert that was refused may have left a name behind; whoever reads the grants sees whose they are. */
    async grantsOf(sub, after, limit) {
      const asked = grantPage(sub, after, limit);
      return ask(`grants/${asked.sub}`, "grantsOf", asked, same);
    },
    async putOnce(space, keyHash, expiresAt) {
      const key = JSON.stringify([text(space, "space"), text(keyHash, "keyHash")]);
      return ask(`once/${key}`, "putOnce", { key, expiresAt: whole(expiresAt, "expiresAt"), now: now() }, same);
    },
    getConsent: async (sub, clientId) => ask(`consent/${text(sub, "sub")}`, "getConsent", { key: text(clientId, "clientId") }, same),
    async saveConsent(sub, clientId, scopes) {
      const input = { key: text(clientId, "clientId"), scopes: scopeList(scopes) };
      return ask(`consent/${text(sub, "sub")}`, "saveConsent", input, () => undefined);
    },
    /** Nothing to do: objects wake up to forget what expired. */
    purge() {},
  };
}
