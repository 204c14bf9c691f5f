// Stores in memory: for tests, demonstrations and single processes that may forget. They answer at once, without a promise.
import { capabilities, change, clock, grant, grantPage, inOrder, latest, loaded, mayReplace, page, scopeList, stored, text, whole } from "./contract.js";

/** Keys in memory. */
export function memoryKeys() {
  const entries = new Map();
  const read = (entry) => loaded(entry.text, entry.used);
  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, list: true }),
    find(id) {
      const entry = entries.get(id);
      return entry === undefined ? null : read(entry);
    },
    insert(record) {
      const entry = stored(record);
      if (entries.has(entry.id)) return "exists";
      entries.set(entry.id, entry);
      return "done";
    },
    update(id, expectedVersion, record) {
      const next = change(id, expectedVersion, record);
      const entry = entries.get(id);
      if (entry === undefined) return "missing";
      if (!mayReplace(next, entry)) return "conflict";
      entries.set(id, { ...entry, version: next.version, revoked: next.revoked, text: next.text });
      return "done";
    },
    list(owner, after, limit) {
      const asked = page(owner, after, limit);
      const owned = [...entries.values()].filter((entry) => entry.owner === owner && inOrder(entry, asked) > 0);
      return owned.sort(inOrder).slice(0, asked.limit).map(read);
    },
    touch(uses) {
      for (const [id, at] of latest(uses)) {
        const entry = entries.get(id);
        if (entry !== undefined && !(entry.used >= at)) entry.used = at;
      }
    },
  };
}

/** Grants of the authorization server in memory. */
export function memoryGrants({ now = clock } = {}) {
  const grants = new Map();
  const once = new Map();
  const consents = new Map();
  const alive = (id) => {
    const found = grants.get(id);
    return found !== undefined && found.expiresAt > now() ? found : undefined;
  };
  const person = (sub, clientId) => JSON.stringify([text(sub, "sub"), text(clientId, "clientId")]);
  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, putOnce: true, list: true }),
    insertGrant(id, row, expiresAt, sub) {
      const entry = grant(id, row, expiresAt, sub);
      if (alive(id) !== undefined) return "exists";
      grants.set(id, { ...entry, version: (grants.get(id)?.version ?? 0) + 1 });
      return "inserted";
    },
    getGrant(id) {
      const found = alive(text(id, "id"));
      return found === undefined ? null : { row: found.row, version: found.version };
    },
    swapGrant(id, expectedVersion, row, expiresAt) {
      const entry = grant(id, row, expiresAt);
      whole(expectedVersion, "expectedVersion");
      const found = alive(id);
      if (found === undefined) return "missing";
      if (found.version !== expectedVersion) return "conflict";
      grants.set(id, { ...entry, sub: found.sub, version: found.version + 1 });
      return "swapped";
    },
    grantsOf(sub, after, limit) {
      const asked = grantPage(sub, after, limit);
      const ids = [...grants.keys()].filter((id) => id > asked.after && alive(id)?.sub === asked.sub);
      return ids.sort().slice(0, asked.limit);
    },
    putOnce(space, keyHash, expiresAt) {
      const key = JSON.stringify([text(space, "space"), text(keyHash, "keyHash")]);
      whole(expiresAt, "expiresAt");
      if (once.get(key) > now()) return "seen";
      once.set(key, expiresAt);
      return "fresh";
    },
    getConsent: (sub, clientId) => consents.get(person(sub, clientId))?.slice() ?? null,
    saveConsent(sub, clientId, scopes) {
      consents.set(person(sub, clientId), scopeList(scopes));
    },
    purge() {
      for (const [id, { expiresAt }] of grants) if (expiresAt <= now()) grants.delete(id);
      for (const [key, expiresAt] of once) if (expiresAt <= now()) once.delete(key);
    },
  };
}
