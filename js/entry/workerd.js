// Cloudflare Workers and other edge runtimes that hand a `.wasm` import over as a compiled module.
import module from "../../pkg/scopegate_bg.wasm";
import * as glue from "../../pkg/scopegate.js";
import { host, start } from "../core/runtime.js";

// A promise made for one request must not be awaited by another.
host.sharePromises = false;
start(glue, module);

/** Settled when the module runs; here it already does. */
export const ready = Promise.resolve();
export * from "../core/index.js";
