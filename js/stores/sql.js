// The stores of every SQL database: the statements of SQLite and PostgreSQL differ in a few places, the answers in none.
// Each operation is one statement, so that no transaction and no lock of ours is needed.
import { asked, capabilities, change, clock, grant, grantPage, latest, loaded, page, parsed, scopeList, stored, text, whole } from "./contract.js";

// The tables are those of the Rust crate `scopegate-stores`.
const tables = (integer, bytes, name, end, also) => [
  `CREATE TABLE IF NOT EXISTS api_keys (
    id ${name} PRIMARY KEY NOT NULL, owner ${name} NOT NULL, created_at ${integer} NOT NULL, version ${integer} NOT NULL,
    record TEXT NOT NULL, last_used_at ${integer}${also}
  )${end}`,
  "CREATE INDEX IF NOT EXISTS api_keys_by_owner ON api_keys (owner, created_at, id)",
  `CREATE TABLE IF NOT EXISTS oauth_grants (
    id ${name} PRIMARY KEY NOT NULL, body ${bytes} NOT NULL, version ${integer} NOT NULL, expires_at ${integer} NOT NULL,
    sub ${name} NOT NULL DEFAULT ''
  )${end}`,
  "CREATE INDEX IF NOT EXISTS oauth_grants_by_end ON oauth_grants (expires_at)",
  "CREATE INDEX IF NOT EXISTS oauth_grants_by_sub ON oauth_grants (sub, id)",
  `CREATE TABLE IF NOT EXISTS oauth_once (
    space ${name} NOT NULL, key_hash ${bytes} NOT NULL, expires_at ${integer} NOT NULL, PRIMARY KEY (space, key_hash)
  )${end}`,
  "CREATE INDEX IF NOT EXISTS oauth_once_by_end ON oauth_once (expires_at)",
  `CREATE TABLE IF NOT EXISTS oauth_consents (
    sub ${name} NOT NULL, client_id ${name} NOT NULL, scopes TEXT NOT NULL, PRIMARY KEY (sub, client_id)
  )${end}`,
];

/** SQLite and what speaks like it: node:sqlite, better-sqlite3, D1. */
export const SQLITE = Object.freeze({
  schema: Object.freeze(tables("INTEGER", "BLOB", "TEXT", " STRICT", "")),
  toBytes: "CAST(? AS BLOB)",
  fromBytes: "CAST(body AS TEXT)",
  also: Object.freeze({}),
  active: "json_extract(record, '$.revokedAt') IS NULL",
  touch: `UPDATE api_keys SET last_used_at = uses.at
    FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS at FROM json_each(?)) AS uses
    WHERE api_keys.id = uses.id AND (api_keys.last_used_at IS NULL OR api_keys.last_used_at < uses.at)`,
});

/** When a key ends: by its expiry or by the end of its grace, whichever comes first. */
function endOf({ expiresAt, graceUntil }) {
  return expiresAt === null || graceUntil === null ? (expiresAt ?? graceUntil) : Math.min(expiresAt, graceUntil);
}

/** PostgreSQL. Names are compared as bytes. Rows are locked in one order, so that two batches never wait for each other. */
export const POSTGRES = Object.freeze({
  schema: Object.freeze([
    ...tables("BIGINT", "BYTEA", 'TEXT COLLATE "C"', "", ", ends_at BIGINT, revoked BOOLEAN NOT NULL"),
    "CREATE INDEX IF NOT EXISTS api_keys_by_end ON api_keys (ends_at, id) WHERE NOT revoked",
  ]),
  toBytes: "convert_to(?, 'UTF8')",
  fromBytes: "convert_from(body, 'UTF8')",
  also: Object.freeze({ ends_at: endOf, revoked: ({ revokedAt }) => revokedAt !== null }),
  active: "NOT revoked",
  touch: `WITH uses AS (SELECT entry ->> 0 AS id, (entry ->> 1)::bigint AS at FROM jsonb_array_elements(?::jsonb) AS entry),
    locked AS (SELECT api_keys.id FROM api_keys JOIN uses ON api_keys.id = uses.id ORDER BY api_keys.id FOR UPDATE OF api_keys)
    UPDATE api_keys SET last_used_at = uses.at FROM uses, locked
    WHERE api_keys.id = uses.id AND locked.id = api_keys.id AND (api_keys.last_used_at IS NULL OR api_keys.last_used_at < uses.at)`,
});

/**
 * @param {(sql: string, parameters: unknown[]) => object[] | Promise<object[]>} run gives the rows of a statement
 * @param {typeof SQLITE} dialect
 */
export function sqlKeys(run, dialect) {
  const FIND = `SELECT record, last_used_at FROM api_keys WHERE id = ?`;
  const also = Object.entries(dialect.also);
  const INSERT = `INSERT INTO api_keys (id, owner, created_at, version, record, last_used_at${also.map(([name]) => `, ${name}`).join("")})
    VALUES (?, ?, ?, ?, ?, ?${", ?".repeat(also.length)}) ON CONFLICT (id) DO NOTHING RETURNING id`;
  const UPDATE = `UPDATE api_keys SET version = ?, record = ?${also.map(([name]) => `, ${name} = ?`).join("")}
    WHERE id = ? AND version = ? AND version < ? AND owner = ? AND created_at = ? AND (${dialect.active} OR ? = 1) RETURNING id`;
  const LIST = `SELECT record, last_used_at FROM api_keys WHERE owner = ? AND (created_at, id) > (?, ?)
    ORDER BY created_at, id LIMIT ?`;
  const read = (row) => loaded(row.record, row.last_used_at);
  const beside = (record) => also.map(([, of]) => of(record));
  const ask = (sql, parameters, use) => asked(() => run(sql, parameters), use);
  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, list: true }),
    find: (id) => ask(FIND, [id], (rows) => (rows.length === 0 ? null : read(rows[0]))),
    insert(key) {
      const { id, owner, createdAt, version, text: json, used } = stored(key);
      return ask(INSERT, [id, owner, createdAt, version, json, used, ...beside(key)], (rows) => (rows.length === 1 ? "done" : "exists"));
    },
    update(id, expectedVersion, key) {
      const { version, text: json, expected, revoked, owner, createdAt } = change(id, expectedVersion, key);
      return ask(UPDATE, [version, json, ...beside(key), id, expected, version, owner, createdAt, revoked ? 1 : 0], (rows) => {
        if (rows.length === 1) return "done";
        return ask(FIND, [id], (found) => (found.length === 0 ? "missing" : "conflict"));
      });
    },
    list(owner, after, limit) {
      const { createdAt, id, limit: most } = page(owner, after, limit);
      return ask(LIST, [owner, createdAt, id, most], (rows) => rows.map(read));
    },
    touch(uses) {
      const found = [...latest(uses)];
      return found.length === 0 ? undefined : ask(dialect.touch, [JSON.stringify(found)], () => undefined);
    },
  };
}

const GET_CONSENT = "SELECT scopes FROM oauth_consents WHERE sub = ? AND client_id = ?";
const SAVE_CONSENT = `INSERT INTO oauth_consents (sub, client_id, scopes) VALUES (?, ?, ?)
  ON CONFLICT (sub, client_id) DO UPDATE SET scopes = excluded.scopes`;

/** The grants of the authorization server, in the same databases. */
export function sqlGrants(run, { toBytes, fromBytes }, { now = clock } = {}) {
  const INSERT_GRANT = `INSERT INTO oauth_grants (id, body, version, expires_at, sub) VALUES (?, ${toBytes}, 1, ?, ?)
    ON CONFLICT (id) DO UPDATE SET body = excluded.body, version = oauth_grants.version + 1, expires_at = excluded.expires_at, sub = excluded.sub
    WHERE oauth_grants.expires_at <= ? RETURNING id`;
  const GET_GRANT = `SELECT ${fromBytes} AS row_text, version FROM oauth_grants WHERE id = ? AND expires_at > ?`;
  const SWAP_GRANT = `UPDATE oauth_grants SET body = ${toBytes}, version = version + 1, expires_at = ?
    WHERE id = ? AND version = ? AND expires_at > ? RETURNING id`;
  const GRANTS_OF = "SELECT id FROM oauth_grants WHERE sub = ? AND id > ? AND expires_at > ? ORDER BY id LIMIT ?";
  const PUT_ONCE = `INSERT INTO oauth_once (space, key_hash, expires_at) VALUES (?, ${toBytes}, ?)
    ON CONFLICT (space, key_hash) DO UPDATE SET expires_at = excluded.expires_at WHERE oauth_once.expires_at <= ? RETURNING space`;
  const ask = (sql, parameters, use) => asked(() => run(sql, parameters), use);
  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, putOnce: true, list: true }),
    insertGrant(id, row, expiresAt, sub) {
      return ask(INSERT_GRANT, [id, row, expiresAt, grant(id, row, expiresAt, sub).sub, now()], (rows) => (rows.length === 1 ? "inserted" : "exists"));
    },
    getGrant: (id) => ask(GET_GRANT, [text(id, "id"), now()], ([found]) => (found ? { row: found.row_text, version: Number(found.version) } : null)),
    swapGrant(id, expectedVersion, row, expiresAt) {
      grant(id, row, expiresAt);
      return ask(SWAP_GRANT, [row, expiresAt, id, whole(expectedVersion, "expectedVersion"), now()], (rows) => {
        if (rows.length === 1) return "swapped";
        return ask(GET_GRANT, [id, now()], (found) => (found.length === 0 ? "missing" : "conflict"));
      });
    },
    grantsOf(sub, after, limit) {
      const asked = grantPage(sub, after, limit);
      return ask(GRANTS_OF, [asked.sub, asked.after, now(), asked.limit], (rows) => rows.map(({ id }) => id));
    },
    putOnce(space, keyHash, expiresAt) {
      const parameters = [text(space, "space"), text(keyHash, "keyHash"), whole(expiresAt, "expiresAt"), now()];
      return ask(PUT_ONCE, parameters, (rows) => (rows.length === 1 ? "fresh" : "seen"));
    },
    getConsent: (sub, clientId) =>
      ask(GET_CONSENT, [text(sub, "sub"), text(clientId, "clientId")], ([found]) => (found ? parsed(found.scopes) : null)),
    saveConsent(sub, clientId, scopes) {
      return ask(SAVE_CONSENT, [text(sub, "sub"), text(clientId, "clientId"), JSON.stringify(scopeList(scopes))], () => undefined);
    },
    purge() {
      const at = now();
      return ask("DELETE FROM oauth_grants WHERE expires_at <= ?", [at], () =>
        ask("DELETE FROM oauth_once WHERE expires_at <= ?", [at], () => undefined));
    },
  };
}
