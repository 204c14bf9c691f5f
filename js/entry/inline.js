// For hosts that can load nothing else: the module as text inside a script.
import * as glue from "../../pkg/scopegate.js";
import { start } from "../core/runtime.js";
import { base64 } from "./inline-module.js";

start(glue, new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))));

/** Settled when the module runs; here it already does. */
export const ready = Promise.resolve();
export * from "../core/index.js";
