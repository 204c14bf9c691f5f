// Compiled, never run: what the types of the stores must accept and refuse.
import { createGate, definePolicy, type KeyRecord } from "../../../js/index.js";
import { managedKeys, requireCapabilities, StoreError, type GrantStore, type KeyStore } from "../../../js/stores/index.js";
import { checkGrantStore, checkKeyStore, checkRevocation } from "../../../js/stores/kit.js";
import { memoryGrants, memoryKeys } from "../../../js/stores/memory.js";
import { postgresKeys } from "../../../js/stores/postgres.js";
import { redisKeys } from "../../../js/stores/redis.js";
import { sqliteKeys, type SqliteDatabase } from "../../../js/stores/sqlite.js";
import { workersKvGrants, workersKvKeys, type KvNamespace } from "../../../js/stores/workers-kv.js";

const policy = definePolicy({
  version: 1, name: "example", scopes: { "jobs:read": "Read" },
  credentials: { apiKey: { type: "apiKey", header: "X-API-Key", prefix: "jbf" } },
  routes: [{ id: "listJobs", match: "GET /jobs", allow: [{ apiKey: ["jobs:read"] }] }],
});
const store = memoryKeys();
const gate = createGate({ policy, keys: store, onEffects: (effects): Promise<void> => keys.onEffects(effects) });
const keys = managedKeys(gate, store, { interval: 60 });
const { record, rawKey } = await keys.issue({ label: "a", scopes: ["jobs:read"], expiresAt: null, owner: "o" });
const raw: string = rawKey;
// @ts-expect-error no such scope
keys.issue({ label: "a", scopes: ["jobs:reed"], expiresAt: null, owner: "o" });
const shown = await keys.get("o", record.id);
// @ts-expect-error hashes are not shown
shown?.hashes;
const { keys: some, next } = await keys.list("o", { after: null, limit: 10 });
await keys.list("o", { after: next });
await keys.relabel("o", record.id, { label: "b" });
// @ts-expect-error the label alone can change
await keys.relabel("o", record.id, { scopes: [] });
const rotated = await keys.rotate("o", record.id, { overlap: 60 });
const old: number | null = rotated.old.graceUntil;

// What answers at once says so; what does not, must be awaited.
const found: KeyRecord | null = store.find("x");
declare const db: SqliteDatabase;
const outcome: "done" | "conflict" | "missing" = sqliteKeys(db).update("x", 1, record);
declare const pool: { query(text: string, values?: unknown[]): Promise<{ rows: { id: string }[] }> };
// @ts-expect-error a promise is no record
const late: KeyRecord | null = postgresKeys(pool).find("x");
declare const client: { eval(script: string, options?: { keys?: string[]; arguments?: string[] }): Promise<unknown> };
const store2: KeyStore = redisKeys(client);
// @ts-expect-error `update` wants a version
store2.update("x", record);
// @ts-expect-error no such capability
requireCapabilities(store2, ["transactions"]);
const same: KeyStore = requireCapabilities(store2, ["cas", "list"]);

declare const kv: KvNamespace;
const reader = workersKvKeys(kv, { source: store });
createGate({ policy, keys: reader });
const never: never = workersKvGrants(kv);
const grants: GrantStore = memoryGrants({ now: () => 0 });
const swapped: "swapped" | "conflict" | "missing" = await grants.swapGrant("g", 1, "{}", 0);
// @ts-expect-error rows are texts
grants.insertGrant("g", {}, 0);

for (const { name, ok, detail } of [
  ...(await checkKeyStore(store, { seed: 1 })), ...(await checkGrantStore(grants, { seed: 1, other: grants })),
  ...(await checkRevocation(store, { seed: 1, createGate })),
]) void (ok ? name : detail);
// @ts-expect-error a seed is needed
checkKeyStore(store, {});
const code: string = new StoreError("store_unavailable", "down").code;
void [raw, some, old, found, outcome, late, same, never, swapped, code];
