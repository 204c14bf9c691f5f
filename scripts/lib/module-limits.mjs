// The import section of the module equals a list, and the module does not grow: the limits are what it is, rounded up. The aim is 220 KB, 85 KB by brotli.
import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

const MOST_BYTES = 640 * 1024;
const MOST_BROTLI_BYTES = 220 * 1024;
const ALLOWED_IMPORTS = ["__wbg___wbindgen_throw", "__wbindgen_init_externref_table", "__wbindgen_generic"];

const bytes = readFileSync("pkg/scopegate_bg.wasm");
const brotli = brotliCompressSync(bytes).length;
const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
// wasm-bindgen ends some names in a hash of their type.
const others = imports.filter(({ module, name, kind }) =>
  module !== "./scopegate_bg.js" || kind !== "function" || !ALLOWED_IMPORTS.some((allowed) => name === allowed || name.startsWith(`${allowed}_`)));
console.log(`${bytes.length} bytes, ${brotli} by brotli; imports: ${imports.map(({ name }) => name).join(", ")}`);
for (const { module, name, kind } of others) console.log(`not allowed: ${kind} ${name} of ${module}`);
if (bytes.length > MOST_BYTES || brotli > MOST_BROTLI_BYTES) console.log(`too large: at most ${MOST_BYTES} bytes, ${MOST_BROTLI_BYTES} by brotli`);
process.exitCode = others.length > 0 || bytes.length > MOST_BYTES || brotli > MOST_BROTLI_BYTES ? 1 : 0;
