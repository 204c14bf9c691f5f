// Runs the Worker here, in workerd: `node examples/worker-oauth/dev.mjs`. Makes keys, two users and two clients, and says how to sign in.
// PROVIDER, when it is set, is a provider to sign in with, as JSON: see docs/social-login.md.
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { hashSecret } from "scopegate/oauth";
import { schema } from "./schema.mjs";
import { hashPassword } from "./users.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const random = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");

/** The issuer names the port, so it is chosen before the Worker starts. */
const port = await new Promise((found) => {
  const probe = createServer().listen(Number(process.env.PORT ?? 8790), "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => found(port));
  });
});
const issuer = `http://127.0.0.1:${port}`;

/** As you would once, on your own machine, before `wrangler secret put SIGNING_KEY`. */
async function signingKey() {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  return JSON.stringify(await crypto.subtle.exportKey("jwk", privateKey));
}

const { outputFiles } = await build({
  entryPoints: [here("worker.mjs")], outdir: here("out"), write: false, bundle: true, format: "esm", target: "es2023",
  conditions: ["workerd", "worker"], loader: { ".wasm": "copy" }, assetNames: "[name]",
});
const worker = new Miniflare({
  modules: outputFiles
    .sort((a, b) => Number(b.path.endsWith(".js")) - Number(a.path.endsWith(".js")))
    .map(({ path, contents }) => (path.endsWith(".js") ? { type: "ESModule", path, contents: Buffer.from(contents).toString() } : { type: "CompiledWasm", path, contents })),
  modulesRoot: here("out"),
  compatibilityDate: "2026-05-01",
  host: "127.0.0.1",
  port,
  d1Databases: ["DB"],
  bindings: { ISSUER: issuer, SIGNING_KEY: await signingKey(), TOKEN_SECRET: random(), SESSION_SECRET: random(), ...(process.env.PROVIDER && { PROVIDER: process.env.PROVIDER }) },
});
await worker.ready;

const db = await worker.getD1Database("DB");
for (const statement of schema) await db.prepare(statement).run();
const password = random().slice(0, 12);
const salt = random();
for (const [sub, name] of [["user-1", "demo"], ["user-2", "other"]]) {
  await db.prepare("INSERT INTO users VALUES (?, ?, ?, ?, ?)").bind(sub, name, `${name}@example.com`, salt, await hashPassword(password, salt)).run();
}
const secret = random();
const grantTypes = ["authorization_code", "refresh_token"];
const scopes = ["openid", "profile", "email", "offline_access", "keys:manage"];
for (const client of [
  { clientId: "demo-app", name: "The demo app", auth: "none", redirectUris: ["http://127.0.0.1/callback"], grantTypes, scopes, trusted: true },
  {
    clientId: "demo-web", name: "The demo site", auth: { method: "client_secret_basic", hashes: [hashSecret(secret)] },
    redirectUris: ["http://127.0.0.1/callback"], grantTypes, scopes, trusted: true,
  },
]) await db.prepare("INSERT INTO clients VALUES (?, ?)").bind(client.clientId, JSON.stringify(client)).run();

// The challenge of RFC 7636, appendix B. Its verifier is dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk.
const query = new URLSearchParams({
  response_type: "code", client_id: "demo-app", redirect_uri: "http://127.0.0.1/callback", scope: "openid email",
  code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256",
});
console.log(`Issuer ${issuer}, user demo or other, password ${password}, clients demo-app, and demo-web with the secret ${secret}`);
console.log(`${issuer}/oauth2/authorize?${query}`);
