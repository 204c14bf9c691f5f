// The one WebAssembly instance of this package, and what to do when it breaks.
import { ScopegateError } from "./errors.js";

let started;
let generation = 0;

/** What an entry knows of its runtime. */
export const host = {
  /** Loads `node:crypto`, where there is one. */
  crypto: undefined,
  /** Whether a promise made for one request may be awaited by another; not so in Workers. */
  sharePromises: true,
};

/**
 * Starts the module. Entries call it once, at import or when the application says so.
 * @param {object} glue the generated module
 * @param {WebAssembly.Module} module
 */
export function start(glue, module) {
  started = { glue, module, memory: glue.initSync({ module }).memory };
  generation += 1;
}

export const isStarted = () => started !== undefined;

/** The number of the running instance: what was made under another number is gone. */
export const currentGeneration = () => generation;

/** The generated classes and the memory of the running instance. */
export function instance() {
  if (!started) throw new ScopegateError("not_started", "The WebAssembly module is not started: await `ready` first.");
  return started;
}

/**
 * Throws a broken instance away and starts a fresh one. Several gates may notice the same trap: only the first restarts.
 * @param {number} broken the generation that trapped
 */
export function restart(broken) {
  if (broken !== generation) return;
  const { glue, module } = instance();
  generation += 1;
  glue.__wbg_reset_state();
  started = { glue, module, memory: glue.initSync({ module }).memory };
}
