// Node, Deno and Bun: the module is read from beside this file, at once, so `require` works as well.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as glue from "../../pkg/scopegate.js";
import { host, start } from "../core/runtime.js";

// Loading it takes 3 ms: not before a signature is checked.
const require = createRequire(import.meta.url);
host.crypto = () => require("node:crypto");
start(glue, new WebAssembly.Module(readFileSync(new URL("../../pkg/scopegate_bg.wasm", import.meta.url))));

/** Settled when the module runs; here it already does. */
export const ready = Promise.resolve();
export * from "../core/index.js";
