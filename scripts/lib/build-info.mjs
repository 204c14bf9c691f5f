// Writes BUILD.json: build-info.mjs DIR SOURCE_HASH, with RUSTC_VERSION and FEATURES in the environment.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const [dir, source] = process.argv.slice(2);
const wasm = readFileSync(`${dir}/scopegate_bg.wasm`);
const lock = readFileSync("Cargo.lock", "utf8");
const version = (name) => lock.match(new RegExp(`name = "${name}"\nversion = "([^"]+)"`))?.[1];
const npm = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
const info = {
  source,
  wasm: createHash("sha256").update(wasm).digest("hex"),
  features: process.env.FEATURES.split(","),
  tools: { rustc: process.env.RUSTC_VERSION, "wasm-bindgen": version("wasm-bindgen"), binaryen: npm("binaryen") },
  bytes: { raw: wasm.length, gzip: gzipSync(wasm, { level: 9 }).length, brotli: brotliCompressSync(wasm).length },
};
writeFileSync(`${dir}/BUILD.json`, `${JSON.stringify(info, null, 2)}\n`);
