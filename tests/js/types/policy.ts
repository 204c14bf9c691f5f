// Compiled, never run: what the types must accept and refuse.
import { createGate, definePolicy, ScopegateError, type Effect } from "../../../js/index.js";

const policy = definePolicy({
  version: 1,
  name: "example",
  scopes: { "jobs:read": "Read", "jobs:write": { title: "Write", implies: ["jobs:read"] } },
  credentials: { apiKey: { type: "apiKey", header: "X-API-Key", prefix: "jbf" } },
  routes: [
    { id: "listJobs", match: "GET /jobs", allow: [{ apiKey: ["jobs:read"] }] },
    { id: "getJob", match: "GET /jobs/{id:int}/files/{path...}", allow: [{ apiKey: { scopes: ["jobs:read"] } }] },
    { id: "health", match: "GET /health", public: true },
  ],
});

const gate = createGate({ policy, keys: { find: () => null } });
const decision = await gate.decide(new Request("https://api.example/jobs"));
if (decision.allowed) {
  const scope: "jobs:read" | "jobs:write" | undefined = decision.principal?.scopes[0];
  if (decision.routeId === "getJob") {
    const path: string = decision.params.path + decision.params.id;
    // @ts-expect-error the route has no such parameter
    decision.params.other;
    void path;
  }
  // @ts-expect-error no such route
  decision.routeId === "getJobs";
  void scope;
  if (decision.routeId === "listJobs") decision.principal.scopes satisfies readonly ("jobs:read" | "jobs:write")[];
  if (decision.routeId === "health") decision.principal satisfies null;
  // @ts-expect-error nobody is behind a public route
  decision.principal.scopes;
} else {
  const answer: Response = decision.toResponse();
  void answer;
}
gate.require("listJobs");
// @ts-expect-error no such route
gate.require("listJob");
const covered: "listJobs" | "getJob" | "health" | null = gate.grant("apiKey", ["jobs:read"]).covers("GET", "/jobs");
void covered;
// @ts-expect-error no such scope
gate.grant("apiKey", ["jobs:reed"]);
// @ts-expect-error no such scope
gate.keys.issue({ label: "a", scopes: ["jobs:reed"], expiresAt: null, owner: "o" });
definePolicy({
  version: 1, name: "x", scopes: { a: "A" }, credentials: { k: { type: "apiKey", header: "K", prefix: "kk" } },
  // @ts-expect-error a scope that is not declared
  routes: [{ id: "r", match: "GET /", allow: [{ k: ["b"] }] }],
});

// The gate of docs: a policy `as const`, peppers by name, effects that outlive the answer.
declare const env: { PEPPER: string };
declare function save(effects: Effect[]): Promise<void>;
const guarded = createGate({
  policy: definePolicy({
    version: 1, name: "x", scopes: { a: "A" }, credentials: { k: { type: "apiKey", header: "K", prefix: "kk" } },
    routes: [{ id: "r", match: "GET /r/{id}", allow: [{ k: ["a"] }] }],
  } as const),
  keys: { find: async () => null },
  peppers: { current: "p1", p1: env.PEPPER },
  onEffects: (effects, ctx) => ctx.waitUntil(save(effects)),
});
const passed = await guarded.decide(new Request("https://api.example/r/1"));
if (passed.allowed) {
  const who: readonly "a"[] = passed.principal.scopes;
  const where: "r" = passed.route;
  const what: { readonly id: string } = passed.params;
  void [who, where, what];
}

// A policy that is text, or that nobody typed.
const text = createGate({ policy: JSON.stringify(policy), keys: { find: () => null }, peppers: { current: "p1", p1: env.PEPPER } });
const untyped = createGate({ policy: JSON.parse("{}") });
for (const found of [await text.decide(new Request("https://api.example/")), await untyped.decide({ method: "GET", target: "/" })]) {
  const scopes: readonly string[] | undefined = found.allowed ? found.principal?.scopes : undefined;
  const id: string | undefined = found.params.id;
  void [scopes, id];
}
try {
  createGate({ policy: "{}" });
} catch (error) {
  if (error instanceof ScopegateError) for (const { code, place, message } of error.errors ?? []) void [code.length, place.length, message.length];
}
createGate({ policy, peppers: { current: "p1", acceptPlainHashes: true, p1: new Uint8Array(32), p0: env.PEPPER } });
// @ts-expect-error no current pepper is named
createGate({ policy, peppers: { p1: env.PEPPER } });
