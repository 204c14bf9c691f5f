// Cedar: it only says yes or no, so an unknown path and a wrong method are a no like any other.
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import FindMyWay from "find-my-way";
import { pathOf, routesOf } from "../routes.js";

/** Cedar: one policy a route, an action by the name of the route that find-my-way found. */
export function cedarWasm(policy, held, prepared) {
  const router = FindMyWay();
  const routes = routesOf(policy);
  for (const { method, path, id } of routes) router.on(method, path, () => {}, id);
  const text = routes
    .map(({ id, scopes }) => `permit(principal, action == Action::"${id}", resource) when { ${scopes.map((scope) => `context.scopes.contains("${scope}")`).join(" && ") || "true"} };`)
    .join("\n");
  const name = `policies of ${routes.length} routes`;
  if (prepared) {
    const answer = cedar.preparsePolicySet(name, { staticPolicies: text });
    if (answer.type !== "success") throw new Error(JSON.stringify(answer));
  }
  const context = { scopes: [...held] };
  return ({ method, url }) => {
    const route = router.find(method, pathOf(url));
    if (route === null) return 403;
    const call = {
      principal: { type: "Key", id: "key-1" }, action: { type: "Action", id: route.store }, resource: { type: "Api", id: "public" }, context, entities: [],
    };
    const answer = prepared
      ? cedar.statefulIsAuthorized({ ...call, preparsedPolicySetId: name })
      : cedar.isAuthorized({ ...call, policies: { staticPolicies: text } });
    return answer.type === "success" && answer.response.decision === "allow" ? 200 : 403;
  };
}
