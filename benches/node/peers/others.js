// hono's fastest router with a Set, and prefixed-api-key's check.
import { createHash } from "node:crypto";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { checkAPIKey } from "prefixed-api-key";
import { pathOf, routesOf } from "../routes.js";
import { holds } from "./hand.js";

/** The check of the package prefixed-api-key alone: no record, no route, no scopes. */
export function prefixedKeys(raw) {
  const hashes = new Map(raw.map((key) => [key, createHash("sha256").update(key.split("_").at(-1)).digest("hex")]));
  return (key, other = key) => checkAPIKey(key, hashes.get(other));
}

export function honoSet(policy, held) {
  const router = new RegExpRouter();
  const routes = routesOf(policy);
  for (const { method, path, scopes } of routes) router.add(method, path, scopes);
  const methods = [...new Set(routes.map(({ method }) => method))];
  return ({ method, url }) => {
    const path = pathOf(url);
    const [found] = router.match(method, path);
    if (found.length === 0) return methods.some((other) => router.match(other, path)[0].length > 0) ? 405 : 404;
    return holds(found[0][0], held) ? 200 : 403;
  };
}
