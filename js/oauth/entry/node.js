// Node, Deno and Bun: the module is read from beside this file, at once, so `require` works as well.
import * as crypto from "node:crypto";
import { readFileSync } from "node:fs";
import * as glue from "../../../pkg/scopegate_oauth.js";
import { host, start } from "../runtime.js";

host.crypto = crypto;
start(glue, new WebAssembly.Module(readFileSync(new URL("../../../pkg/scopegate_oauth_bg.wasm", import.meta.url))));

/** Settled when the module runs; here it already does. */
export const ready = Promise.resolve();
export * from "../index.js";
