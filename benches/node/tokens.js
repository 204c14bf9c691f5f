// A whole decision by a token: one that was seen before, and new ones of every algorithm.
import { createGate } from "../../js/entry/node.js";
import { answers, race, rows } from "./harness.js";
import { cryptoVerify, fastJwt, honoJwt, jose, jsonWebToken } from "./peers/tokens.js";
import { bearerPolicy, makeTokens, tokenAnswers, tokenRequests } from "./world.js";

const ALGORITHMS = ["RS256", "ES256", "EdDSA", "HS256"];
/** Ratios to aim at: by the host to `crypto.verify`, in the module to jose, of HS256 to fast-jwt. */
const TARGETS = { RS256: { host: 1.15, pure: 1.1 }, ES256: { host: 1.1 }, EdDSA: { host: 1.1, pure: 1 }, HS256: { peer: 0.5 } };

export async function tokenDecisions() {
  for (const algorithm of ALGORITHMS) {
    const made = makeTokens(algorithm);
    const policy = bearerPolicy(algorithm);
    const gateOf = (options) => createGate({
      policy, ...(made.secret ? { secrets: { user: made.secret } } : { keySets: { user: { keys: [made.jwk] } } }), ...options,
    });
    const requests = tokenRequests(made);
    const asked = tokenAnswers(made);
    const ours = (options) => {
      const gate = gateOf(options);
      return (request) => gate.decideSync(request).status;
    };
    const seen = [["seen before", ours({})], ["fast-jwt with its cache", fastJwt(policy, made, true)]];
    const fresh = [
      ["new, by the host", ours({ tokenCache: false, verify: "node" })], ["new, in the module", ours({ tokenCache: false, verify: "wasm" })],
      ["fast-jwt", fastJwt(policy, made, false)], ["jsonwebtoken", jsonWebToken(policy, made)],
    ];
    if (algorithm === "EdDSA") fresh.pop();
    const late = [["jose", jose(policy, made)], ["hono/jwt", honoJwt(policy, made)]];
    for (const [name, decide] of [...seen, ...fresh, ...late]) await answers(name, decide, asked);
    const entry = ([name, decide]) => ({ name, run: (at) => decide(requests[at % requests.length]) });

    rows(`${algorithm} token`, await race(seen.map(entry)), [["seen before", "fast-jwt with its cache", 0.25]]);
    const times = await race([
      ...fresh.map(entry), ...late.map(entry).map((one) => ({ ...one, isAsync: true })), { name: "crypto.verify alone", run: cryptoVerify(made) },
    ], { rounds: 21 });
    const { host, pure, peer } = TARGETS[algorithm];
    const best = algorithm === "HS256" ? "new, in the module" : "new, by the host";
    rows(`${algorithm} token`, times, [
      [best, "crypto.verify alone", host], ["new, in the module", "jose", pure],
      [best, "fast-jwt", peer], [best, "jsonwebtoken"], [best, "jose"], [best, "hono/jwt"],
    ]);
  }
}
