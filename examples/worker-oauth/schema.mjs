// The tables of the example: scopegate's grants, and its own clients, users and their identities at providers. `node examples/worker-oauth/schema.mjs` prints them for
// `wrangler d1 migrations`.
import { schema as grants } from "scopegate/stores/d1";

export const schema = [
  ...grants,
  "CREATE TABLE IF NOT EXISTS clients (id TEXT PRIMARY KEY NOT NULL, client TEXT NOT NULL) STRICT",
  `CREATE TABLE IF NOT EXISTS users (
    sub TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE, email TEXT, salt TEXT, password TEXT
  ) STRICT`,
  `CREATE TABLE IF NOT EXISTS identities (
    provider TEXT NOT NULL, provider_sub TEXT NOT NULL, sub TEXT NOT NULL, PRIMARY KEY (provider, provider_sub)
  ) STRICT`,
];

if (import.meta.url === `file://${process.argv[1]}`) console.log(`${schema.join(";\n")};`);
