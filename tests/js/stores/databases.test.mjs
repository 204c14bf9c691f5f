// The stores over real databases: SQLite in this Node, PostgreSQL and Redis where `scripts/with-services` started them.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as postgres from "../../../js/stores/postgres.js";
import * as redisStores from "../../../js/stores/redis.js";
import * as sqlite from "../../../js/stores/sqlite.js";
import { checkKeyStore } from "../../../js/stores/kit.js";
import { GRANTS, KEYS, kits, missing, rotations, sampleRecord, seed } from "./lib/asserted.mjs";

const { DatabaseSync } = await import("node:sqlite").catch(() => ({}));
const { SCOPEGATE_POSTGRES_URL: postgresUrl, SCOPEGATE_REDIS_URL: redisUrl } = process.env;
const RECORD = { ...sampleRecord(), label: "secret-label" };

/** The tables of the Rust crate, step by step. */
function migrations(database) {
  const folder = new URL(`../../../stores/migrations/${database}/`, import.meta.url);
  return readdirSync(folder).sort().map((step) => readFileSync(new URL(step, folder), "utf8"));
}

/** An outage says so, and nothing of what was stored. */
async function refusesWithoutQuoting(run) {
  const error = await Promise.resolve().then(run).then(() => undefined, (thrown) => thrown);
  assert.equal(error?.code, "store_unavailable");
  const shown = `${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause}`;
  for (const secret of [RECORD.hashes[0].hash, "secret-label"]) assert.ok(!shown.includes(secret));
}

describe("SQLite", { skip: missing(DatabaseSync, "this Node has no node:sqlite, which came with 22.5") }, () => {
  const folder = mkdtempSync(join(tmpdir(), "scopegate-stores-"));
  const open = () => {
    const db = new DatabaseSync(join(folder, "test.db"));
    db.exec("PRAGMA journal_mode = WAL");
    sqlite.migrate(db);
    return db;
  };
  let handles;
  before(() => (handles = [open(), open()]));
  after(() => {
    for (const db of handles) db.close();
    rmSync(folder, { recursive: true });
  });

  it("passes the kits on two handles of one file", () => kits({ keys: handles.map(sqlite.sqliteKeys), grants: handles.map((db) => sqlite.sqliteGrants(db)) }));

  it("answers at once, so that a gate can decide at once", () => {
    const store = sqlite.sqliteKeys(handles[0]);
    assert.equal(store.find("000000000000"), null);
    assert.equal(store.insert(RECORD), "done");
    assert.deepEqual(store.find(RECORD.id), RECORD);
  });

  it("waits for another writer, unless the database was told how long", () => {
    const db = new DatabaseSync(":memory:");
    sqlite.sqliteKeys(db);
    assert.equal(db.prepare("PRAGMA busy_timeout").get().timeout, 5000);
    db.exec("PRAGMA busy_timeout = 7");
    sqlite.sqliteKeys(db);
    assert.equal(db.prepare("PRAGMA busy_timeout").get().timeout, 7);
  });

  it("passes the kits on the tables of the Rust crate", async () => {
    const db = new DatabaseSync(":memory:");
    for (const text of migrations("sqlite")) db.exec(text);
    sqlite.migrate(db);
    await kits({ keys: [sqlite.sqliteKeys(db)], grants: [sqlite.sqliteGrants(db)] }, KEYS - 1 + GRANTS);
    db.close();
  });

  it("purges what expired", () => {
    let now = 1000;
    const grants = sqlite.sqliteGrants(handles[0], { now: () => now });
    grants.insertGrant("purged", "{}", 2000);
    grants.putOnce("purged", "k", 2000);
    now = 2000;
    grants.purge();
    assert.equal(handles[1].prepare("SELECT (SELECT count(*) FROM oauth_grants WHERE id = 'purged') + (SELECT count(*) FROM oauth_once WHERE space = 'purged') AS n").get().n, 0);
  });

  it("is an outage when it cannot be asked, or when what it keeps cannot be read", async () => {
    const db = new DatabaseSync(":memory:");
    const store = sqlite.sqliteKeys(db);
    for (const run of [() => store.find("x"), () => store.insert(RECORD), () => store.touch([{ id: "x", at: 1 }])]) await refusesWithoutQuoting(run);
    sqlite.migrate(db);
    store.insert(RECORD);
    for (const text of [`{"hash":"${RECORD.hashes[0].hash}"`, "null", "7"]) {
      db.prepare("UPDATE api_keys SET record = ?").run(text);
      assert.throws(() => store.find(RECORD.id), (error) => error.code === "store_corrupt" && !error.message.includes(RECORD.hashes[0].hash));
    }
    db.close();
    await refusesWithoutQuoting(() => store.find("x"));
    assert.throws(() => sqlite.sqliteKeys({}), { code: "options_invalid" });
  });
});

describe("PostgreSQL", { skip: missing(postgresUrl, "there is no SCOPEGATE_POSTGRES_URL: run it under scripts/with-services") }, () => {
  const name = `t${seed()}`;
  let pools;
  before(async () => {
    const { default: pg } = await import("pg");
    const admin = new pg.Pool({ connectionString: postgresUrl });
    await admin.query(`CREATE SCHEMA ${name}`);
    await admin.end();
    pools = [0, 1].map(() => new pg.Pool({ connectionString: postgresUrl, options: `-c search_path=${name}` }));
  });
  after(async () => {
    await pools[0].query(`DROP SCHEMA ${name} CASCADE`);
    await Promise.all(pools.map((pool) => pool.end()));
  });

  it("makes its tables when several instances start at once", () => Promise.all(Array.from({ length: 8 }, (_, at) => postgres.migrate(pools[at % 2]))));

  it("passes the kits on two pools", () => kits({ keys: pools.map(postgres.postgresKeys), grants: pools.map((pool) => postgres.postgresGrants(pool)) }));

  it("passes the kits on the tables of the Rust crate", async () => {
    const { default: pg } = await import("pg");
    const crate = new pg.Pool({ connectionString: postgresUrl, options: `-c search_path=${name}crate` });
    try {
      await crate.query(`CREATE SCHEMA ${name}crate`);
      for (const text of migrations("postgres")) await crate.query(text.replaceAll("{schema}", `${name}crate`));
      await postgres.migrate(crate);
      await kits({ keys: [postgres.postgresKeys(crate)], grants: [postgres.postgresGrants(crate)] }, KEYS - 1 + GRANTS);
      const { rows } = await crate.query("SELECT count(*) FROM api_keys WHERE revoked IS DISTINCT FROM (record LIKE '%\"revokedAt\":1%')");
      assert.equal(Number(rows[0].count), 0);
    } finally {
      await crate.query(`DROP SCHEMA ${name}crate CASCADE`);
      await crate.end();
    }
  });

  it("passes the kit when every statement sees one snapshot of its transaction", async () => {
    const { default: pg } = await import("pg");
    const strict = new pg.Pool({ connectionString: postgresUrl, options: `-c search_path=${name} -c default_transaction_isolation=serializable` });
    try {
      // A race then may end in a serialization failure, which is an outage to the caller, never a lost change.
      const results = await checkKeyStore(postgres.postgresKeys(strict), { seed: seed() });
      for (const { ok, detail } of results) assert.ok(ok || detail.includes("40001"), detail);
    } finally {
      await strict.end();
    }
  });

  it("is an outage when it cannot be asked, or refuses", async () => {
    await pools[0].query(`CREATE TABLE IF NOT EXISTS ${name}.checked (id text)`);
    await pools[0].query(`ALTER TABLE ${name}.api_keys ADD CONSTRAINT never CHECK (owner <> '${RECORD.owner}') NOT VALID`);
    await refusesWithoutQuoting(() => postgres.postgresKeys(pools[0]).insert(RECORD));
    await pools[0].query(`ALTER TABLE ${name}.api_keys DROP CONSTRAINT never`);
    const { default: pg } = await import("pg");
    const nowhere = new pg.Pool({ connectionString: "postgres://x:secret-label@127.0.0.1:1/x" });
    await refusesWithoutQuoting(() => postgres.postgresKeys(nowhere).find("x"));
    await nowhere.end();
    assert.throws(() => postgres.postgresKeys({}), { code: "options_invalid" });
  });

  it("rotates once when sixteen rotate at once", () => rotations(postgres.postgresKeys(pools[0])));
});

describe("Redis", { skip: missing(redisUrl, "there is no SCOPEGATE_REDIS_URL: run it under scripts/with-services") }, () => {
  const prefix = `{t${seed()}}`;
  let clients;
  before(async () => {
    const { createClient } = await import("redis");
    clients = await Promise.all([0, 1].map(() => createClient({ url: redisUrl }).connect()));
  });
  after(() => Promise.all(clients.map((client) => client.close())));

  it("passes the kits on two clients", () =>
    kits({ keys: clients.map((client) => redisStores.redisKeys(client, { prefix })), grants: clients.map((client) => redisStores.redisGrants(client, { prefix })) }));

  it("is an outage when it cannot be asked, or refuses", async () => {
    const store = redisStores.redisKeys(clients[0], { prefix: `${prefix}broken` });
    await clients[0].set(`${prefix}broken:key:x`, "no hash");
    await refusesWithoutQuoting(() => store.find("x"));
    assert.throws(() => redisStores.redisKeys({}), { code: "options_invalid" });
  });

  it("forgets what expired", async () => {
    const grants = redisStores.redisGrants(clients[0], { prefix });
    await grants.insertGrant("g", "{}", Math.floor(Date.now() / 1000) - 1);
    assert.equal(await clients[0].exists(`${prefix}:grant:g`), 0);
    await grants.putOnce("s", "k", Math.floor(Date.now() / 1000) + 100);
    assert.ok((await clients[0].ttl(`${prefix}:once:["s","k"]`)) > 0);
  });

  it("rotates once when sixteen rotate at once", () => rotations(redisStores.redisKeys(clients[0], { prefix })));
});
