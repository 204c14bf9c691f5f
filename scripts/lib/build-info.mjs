// Writes BUILD.json: build-info.mjs DIR SOURCE_HASH, with RUSTC_VERSION, FEATURES, SLIM_FEATURES and OAUTH_FEATURES in the environment.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const [dir, source] = process.argv.slice(2);
const lock = readFileSync("Cargo.lock", "utf8");
const version = (name) => lock.match(new RegExp(`name = "${name}"\nversion = "([^"]+)"`))?.[1];
const npm = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
const about = (file, features) => {
  const wasm = readFileSync(`${dir}/${file}`);
  return {
    wasm: createHash("sha256").update(wasm).digest("hex"),
    features: features.split(",").filter(Boolean),
    bytes: { raw: wasm.length, gzip: gzipSync(wasm, { level: 9 }).length, brotli: brotliCompressSync(wasm).length },
  };
};
const info = {
  source,
  tools: { rustc: process.env.RUSTC_VERSION, "wasm-bindgen": version("wasm-bindgen"), binaryen: npm("binaryen") },
  ...about("scopegate_bg.wasm", process.env.FEATURES),
  slim: about("scopegate_slim_bg.wasm", process.env.SLIM_FEATURES),
  oauth: about("scopegate_oauth_bg.wasm", process.env.OAUTH_FEATURES),
};
writeFileSync(`${dir}/BUILD.json`, `${JSON.stringify(info, null, 2)}\n`);
