// A gate of a few lines for the tests of adapters: says yes to the targets under /open, and remembers what it was asked.
import { Decision, unavailable } from "../../../js/core/decision.js";
import { HeaderNames, RequestView, readRequest } from "../../../js/core/request.js";

export function decider(trust) {
  const asked = [];
  const names = new HeaderNames(["x-api-key", "authorization"]);
  return {
    asked,
    async decide(request, context) {
      const view = new RequestView();
      readRequest(view, request, names, trust, context);
      asked.push({
        method: view.method, target: view.target, clientIp: view.clientIp, https: view.https,
        lines: view.values.slice(0, view.count).map((value, at) => [names.names[view.indices[at]], value]),
      });
      if (view.target.startsWith("/error")) throw new Error("misuse");
      if (!view.target.startsWith("/open")) return refused;
      return new Decision(1, 200, "open", null, null, '{"params":{}}');
    },
  };
}

const body = JSON.stringify({ code: "missing_credential" });
const headers = [["content-type", "application/problem+json"], ["www-authenticate", "ApiKey"], ["www-authenticate", "Bearer"]];
const refused = new Decision(0, 401, null, null, null, unavailable("x", 0).toString(), { status: 401, headers, body });
