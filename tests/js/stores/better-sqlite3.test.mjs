// The SQLite stores over better-sqlite3, beside node:sqlite where this Node has it. It is compiled when it is installed, so it is no dependency:
// `scripts/test-better-sqlite3` installs it and says where it is.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createGate } from "../../../js/entry/node.js";
import * as sqlite from "../../../js/stores/sqlite.js";
import { kits, sampleRecord } from "./lib/asserted.mjs";

const folder = process.env.SCOPEGATE_BETTER_SQLITE3;
const Database = folder === undefined ? undefined : createRequire(join(folder, "package.json"))("better-sqlite3");
const { DatabaseSync } = await import("node:sqlite").catch(() => ({}));

describe("better-sqlite3", { skip: Database ? false : "scripts/test-better-sqlite3 installs it and sets SCOPEGATE_BETTER_SQLITE3" }, () => {
  const place = mkdtempSync(join(tmpdir(), "scopegate-better-"));
  const open = (Class) => {
    const db = new Class(join(place, "test.db"));
    db.prepare("PRAGMA journal_mode = WAL").all();
    sqlite.migrate(db);
    return db;
  };
  let handles;
  before(() => (handles = [open(Database), open(DatabaseSync ?? Database)]));
  after(() => {
    for (const db of handles) db.close();
    rmSync(place, { recursive: true });
  });

  it("passes the kits on two handles of one file", () => kits({ keys: handles.map(sqlite.sqliteKeys), grants: handles.map((db) => sqlite.sqliteGrants(db)) }));

  it("answers a gate at once", () => {
    const store = sqlite.sqliteKeys(handles[0]);
    const record = sampleRecord();
    assert.deepEqual([store.find("000000000000"), store.insert(record), store.insert(record)], [null, "done", "exists"]);
    const policy = {
      version: 1, name: "at once", scopes: {}, credentials: { key: { type: "apiKey", header: "X-API-Key", prefix: "jbf" } },
      routes: [{ id: "a", match: "GET /a", allow: [{ key: [] }] }],
    };
    const gate = createGate({ policy, keys: store });
    const key = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
    const decision = gate.decideSync({ method: "GET", target: "/a", headers: [["X-API-Key", key]], https: true });
    assert.equal(decision.code, "invalid_credential");
    gate.close();
  });

  it("waits for another writer, unless the database was told how long", () => {
    // It waits five seconds by itself; a database that was told otherwise keeps that.
    for (const [timeout, kept] of [[undefined, 5000], [7, 7], [0, 5000]]) {
      const db = new Database(":memory:", timeout === undefined ? {} : { timeout });
      sqlite.sqliteKeys(db);
      assert.equal(db.pragma("busy_timeout", { simple: true }), kept);
      db.close();
    }
  });

  it("says of an outage that it is one", () => {
    const db = new Database(":memory:");
    sqlite.migrate(db);
    const store = sqlite.sqliteKeys(db);
    db.close();
    assert.throws(() => store.find("000000000000"), { code: "store_unavailable" });
  });
});
