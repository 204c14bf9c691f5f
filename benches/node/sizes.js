// How large the modules are that an application ships.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { brotliCompressSync, gzipSync } from "node:zlib";

const require = createRequire(import.meta.url);

const modules = {
  "ours, every algorithm": new URL("../../pkg/scopegate_bg.wasm", import.meta.url),
  "ours, slim": new URL("../../pkg/scopegate_slim_bg.wasm", import.meta.url),
  "cedar-wasm": require.resolve("@cedar-policy/cedar-wasm/nodejs").replace(/\.js$/, "_bg.wasm"),
};

export function sizes() {
  console.log("\n| module | raw | gzip | brotli |\n| --- | --- | --- | --- |");
  for (const [name, file] of Object.entries(modules)) {
    const bytes = readFileSync(file);
    const kilobytes = (count) => `${(count / 1000).toFixed(0)} KB`;
    console.log(`| ${name} | ${kilobytes(bytes.length)} | ${kilobytes(gzipSync(bytes).length)} | ${kilobytes(brotliCompressSync(bytes).length)} |`);
  }
}
