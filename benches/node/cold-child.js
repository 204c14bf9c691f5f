// One cold start: `node cold-child.js NAME FILE` prints the milliseconds from before the first import to the first decision.
import { readFileSync } from "node:fs";

const [name, file] = process.argv.slice(2);
const given = JSON.parse(readFileSync(file, "utf8"));
const held = new Set(["jobs:read", "applications:read", "analytics:read"]);

const starts = {
  async ours() {
    const { createGate } = await import("../../js/entry/node.js");
    const records = new Map(given.records.map((record) => [record.id, record]));
    const gate = createGate({
      policy: given.policyText, peppers: { current: "p1", p1: given.pepper }, keySets: { user: { keys: [] } }, keys: { find: (id) => records.get(id) ?? null },
    });
    return gate.decideSync(given.request).status;
  },
  async "ours-token"() {
    const { createGate } = await import("../../js/entry/node.js");
    const gate = createGate({ policy: given.tokenPolicyText, keySets: { user: { keys: [given.jwk] } } });
    return gate.decideSync(given.tokenRequest).status;
  },
  async hand() {
    const { safeKeys } = await import("./peers/hand.js");
    const byId = new Map(given.hand.map(([id, record]) => [id, { ...record, scopes: new Set(record.scopes), hash: Buffer.from(record.hash, "hex") }]));
    return safeKeys(JSON.parse(given.policyText), { byId })(given.request);
  },
  async casbin() {
    const { casbin } = await import("./peers/casbin.js");
    return (await casbin(JSON.parse(given.policyText), held))(given.request);
  },
  async cedar() {
    const { cedarWasm } = await import("./peers/cedar.js");
    return cedarWasm(JSON.parse(given.policyText), held, true)(given.request);
  },
  async jose() {
    const { createLocalJWKSet, jwtVerify } = await import("jose");
    const options = { algorithms: ["RS256"], issuer: given.origin, audience: given.origin };
    return (await jwtVerify(given.token, createLocalJWKSet({ keys: [given.jwk] }), options)).payload.sub ? 200 : 401;
  },
  async "fast-jwt"() {
    const { default: { createVerifier } } = await import("fast-jwt");
    const { createPublicKey } = await import("node:crypto");
    const key = createPublicKey({ key: given.jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
    return createVerifier({ key, algorithms: ["RS256"], allowedIss: given.origin, allowedAud: given.origin })(given.token).sub ? 200 : 401;
  },
};

const start = performance.now();
const status = await starts[name]();
const took = performance.now() - start;
if (status !== 200) throw new Error(`${name} answers ${status}`);
console.log(took);
