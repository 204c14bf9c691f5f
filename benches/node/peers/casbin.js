// casbin: it only says yes or no, so an unknown path and a wrong method are a no like any other.
import { newEnforcer, newModel, StringAdapter, Util } from "casbin";
import { pathOf, routesOf } from "../routes.js";

const MODEL = `
[request_definition]
r = scopes, path, method
[policy_definition]
p = scope, path, method
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.method == p.method && keyMatch2(r.path, p.path) && has(r.scopes, p.scope)
`;

/** casbin: one line a route, the path by its own keyMatch2. */
export async function casbin(policy, held) {
  const lines = routesOf(policy).flatMap(({ method, path, scopes }) => scopes.map((scope) => `p, ${scope}, ${path}, ${method}`));
  const model = newModel();
  model.loadModelFromText(MODEL);
  const enforcer = await newEnforcer(model, new StringAdapter(lines.join("\n")));
  enforcer.addFunction("keyMatch2", Util.keyMatch2Func);
  enforcer.addFunction("has", (scopes, scope) => scopes.includes(scope));
  const list = [...held];
  return ({ method, url }) => (enforcer.enforceSync(list, pathOf(url), method) ? 200 : 403);
}
