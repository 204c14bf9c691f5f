// What the runs of the kits must come to, and which tools must be there.
import assert from "node:assert/strict";
import { createGate } from "../../../../js/entry/node.js";
import { managedKeys } from "../../../../js/stores/index.js";
import { runKits } from "./kits.mjs";

/** A run of its own each time, also over a database that outlives it. */
export const seed = () => Date.now() * 8;

export function asserted({ failed, count }, wanted) {
  assert.deepEqual(failed, []);
  assert.equal(count, wanted);
}

/** How much the kits check: keys with revocations on one and two handles, and grants. */
export const KEYS = 17;
export const GRANTS = 12;

export const kits = async (stores, wanted = KEYS + GRANTS) => asserted(await runKits(stores, { createGate, seed: seed() }), wanted);

/** A reason to skip, or false; an error where the tools of the checks must be there. */
export function missing(there, reason) {
  if (there) return false;
  if (process.env.SCOPEGATE_SERVICES === "1") throw new Error(`SCOPEGATE_SERVICES=1, but ${reason}`);
  return reason;
}

export const POLICY = {
  version: 1, name: "stores", https: "optional", scopes: { "jobs:read": "Read jobs", "jobs:write": "Write jobs" },
  credentials: { apiKey: { type: "apiKey", header: "X-API-Key", prefix: "jbf" } },
  routes: [{ id: "jobs", match: "GET /jobs", allow: [{ apiKey: ["jobs:read"] }] }],
};
export const WANTED = { label: "Mine", scopes: ["jobs:read"], expiresAt: null, owner: "company-1" };

export const sampleRecord = () => createGate({ policy: POLICY }).keys.issue(WANTED).record;

/** Of sixteen rotations at once one succeeds, and the others leave no key in use. */
export async function rotations(store) {
  const owner = `rotations-${seed()}`;
  const keys = managedKeys(createGate({ policy: POLICY }), store);
  const { record } = await keys.issue({ ...WANTED, owner });
  const outcomes = await Promise.allSettled(Array.from({ length: 16 }, () => keys.rotate(owner, record.id)));
  const codes = outcomes.map(({ reason }) => reason?.code ?? "ok").sort();
  assert.equal(codes.filter((code) => code === "ok").length, 1);
  assert.ok(codes.every((code) => ["ok", "key_not_active", "store_conflict"].includes(code)), String(codes));
  const live = (await keys.list(owner, { limit: 100 })).keys.filter(({ revokedAt, graceUntil }) => revokedAt === null && graceUntil === null);
  assert.deepEqual(live.map(({ rotatedFrom }) => rotatedFrom), [record.id]);
}
