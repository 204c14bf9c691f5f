// Hand-written checks: a router, Node's crypto, a Map and a Set.
import * as crypto from "node:crypto";
import FindMyWay from "find-my-way";
import { pathOf, routesOf } from "../routes.js";

const { createHash, createHmac, timingSafeEqual } = crypto;
const nothing = () => {};

/** Route and scopes by find-my-way and a Set, as a hand-written middleware does it. */
export function authoriser(policy) {
  const router = FindMyWay();
  const routes = routesOf(policy);
  for (const { method, path, id, scopes } of routes) router.on(method, path, nothing, { id, scopes });
  const methods = [...new Set(routes.map(({ method }) => method))];
  return {
    find: (method, target) => router.find(method, pathOf(target)),
    missing: (target) => (methods.some((method) => router.find(method, pathOf(target)) !== null) ? 405 : 404),
  };
}

export const holds = (needed, held) => {
  for (let at = 0; at < needed.length; at++) if (!held.has(needed[at])) return false;
  return true;
};

/** A key check as careful people write it: record by id, digest compared in constant time. */
export function safeKeys(policy, { byId }, digest = (key) => createHash("sha256").update(key).digest(), member = "hash") {
  const { find, missing } = authoriser(policy);
  return ({ method, url, headers }) => {
    const route = find(method, url);
    if (route === null) return missing(url);
    const key = headers["x-api-key"];
    if (key === undefined) return 401;
    const parts = key.split("_");
    if (parts.length !== 4 || parts[0] !== "jbf" || parts[1] !== "live") return 401;
    const record = byId.get(parts[2]);
    if (record === undefined || !timingSafeEqual(digest(key), record[member])) return 401;
    if (record.revokedAt !== null || record.expiresAt <= Math.floor(Date.now() / 1000)) return 401;
    return holds(route.store.scopes, record.scopes) ? 200 : 403;
  };
}

/** The same under a pepper. */
export const pepperedKeys = (policy, hand, pepper) =>
  safeKeys(policy, hand, (key) => createHmac("sha256", pepper).update(key).digest(), "mac");

/** The fastest that Node offers: one-shot hash, record by hash. */
export function fastKeys(policy, { byHash }) {
  const { find, missing } = authoriser(policy);
  return ({ method, url, headers }) => {
    const route = find(method, url);
    if (route === null) return missing(url);
    const key = headers["x-api-key"];
    if (key === undefined) return 401;
    const record = byHash.get(crypto.hash("sha256", key, "base64url"));
    if (record === undefined || record.revokedAt !== null || record.expiresAt <= Math.floor(Date.now() / 1000)) return 401;
    return holds(route.store.scopes, record.scopes) ? 200 : 403;
  };
}

/** Route and scopes alone. */
export function findMyWaySet(policy, held) {
  const { find, missing } = authoriser(policy);
  return ({ method, url }) => {
    const route = find(method, url);
    if (route === null) return missing(url);
    return holds(route.store.scopes, held) ? 200 : 403;
  };
}
