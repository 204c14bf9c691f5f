// Without a module: the application brings one (`scopegate/wasm`) and starts it.
import * as glue from "../../pkg/scopegate.js";
import { start } from "../core/runtime.js";

/**
 * Starts the module.
 * @param {WebAssembly.Module | BufferSource} module
 */
export function init(module) {
  start(glue, module instanceof WebAssembly.Module ? module : new WebAssembly.Module(module));
}
export * from "../core/index.js";
