// Cloudflare Workers and other edge runtimes that hand a `.wasm` import over as a compiled module.
import module from "../../../pkg/scopegate_oauth_bg.wasm";
import * as glue from "../../../pkg/scopegate_oauth.js";
import { start } from "../runtime.js";

start(glue, module);

/** Settled when the module runs; here it already does. */
export const ready = Promise.resolve();
export * from "../index.js";
