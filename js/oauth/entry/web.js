// Other hosts and bundlers: the module is fetched from beside this file. Await `ready` before the first server.
import * as glue from "../../../pkg/scopegate_oauth.js";
import { start } from "../runtime.js";

async function load() {
  const answer = await fetch(new URL("../../../pkg/scopegate_oauth_bg.wasm", import.meta.url));
  if (!answer.ok) throw new Error(`scopegate_oauth_bg.wasm: ${answer.status}`);
  start(glue, await WebAssembly.compile(await answer.arrayBuffer()));
}

/** Settled when the module runs. */
export const ready = load();
// Whoever awaits `ready` hears of a failure; nobody else should crash by it.
ready.catch(() => {});
export * from "../index.js";
