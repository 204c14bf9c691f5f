// Authorisation alone: beside routers, and in a process of their own beside policy engines.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createGate } from "../../js/entry/node.js";
import { answers, cycle, race, rows } from "./harness.js";
import { findMyWaySet } from "./peers/hand.js";
import { honoSet } from "./peers/others.js";
import { manyRoutes, open, paths, request, seed, writePath } from "./world.js";

const noTokens = { user: { keys: [] } };
const held = new Set(["jobs:read", "applications:read", "analytics:read"]);

/** A policy of so many routes, ours over it, what is asked in the race, and what must be answered. */
export function authorisationOver(count) {
  const policy = count === 30 ? seed : manyRoutes(count);
  const grant = createGate({ policy, keySets: noTokens }).grant("apiKey", [...held]);
  return {
    policy, held,
    covers: ({ method, target }) => (grant.covers(method, target) === null ? 403 : 200),
    requests: Array.from({ length: 64 }, (_, at) => request("GET", paths[count][at % 4], {})),
    asked: [
      ["allow", request("GET", paths[count][1], {}), 200], ["a scope that is not held", request("POST", writePath[count], {}), 403],
      ["an unknown path", request("GET", "/public/v1/nowhere", {}), 404], ["a wrong method", request("PUT", paths[count][1], {}), 405],
    ],
  };
}

/** The same for those who only say yes or no. */
export const yesOrNo = (asked) => asked.map(([what, asks, status]) => [what, asks, status === 200 ? 200 : 403]);

export async function authorisation() {
  for (const count of [30, 1000]) {
    const { policy, covers, requests, asked } = authorisationOver(count);
    const gate = createGate({ policy: open(policy), keySets: noTokens });
    const ours = (asks) => gate.decideSync(asks).status;
    const routers = [["find-my-way, Set", findMyWaySet(policy, held)], ["hono RegExpRouter, Set", honoSet(policy, held)]];
    await answers("ours", ours, asked.filter(([, , status]) => status !== 403));
    await answers("covers", covers, yesOrNo(asked));
    for (const [name, decide] of routers) await answers(name, decide, asked);
    const contestants = [["covers", covers], ["a whole decision, every route public", ours], ...routers];
    rows(`authorisation, ${count} routes`, await race(contestants.map(([name, decide]) => ({ name, run: cycle(decide, requests) }))), [
      ["covers", "find-my-way, Set", 1.1], ["covers", "hono RegExpRouter, Set"], ["a whole decision, every route public", "find-my-way, Set"],
    ]);
  }
  execFileSync(process.execPath, [fileURLToPath(new URL("engines.js", import.meta.url))], { stdio: "inherit" });
}
