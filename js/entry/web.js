// Browsers and bundlers: the module is fetched from beside this file. Await `ready` before the first gate.
import * as glue from "../../pkg/scopegate.js";
import { start } from "../core/runtime.js";

async function load() {
  const answer = await fetch(new URL("../../pkg/scopegate_bg.wasm", import.meta.url));
  if (!answer.ok) throw new Error(`scopegate_bg.wasm: ${answer.status}`);
  // Servers that do not know the media type of a module are common.
  const streams = answer.headers.get("content-type")?.startsWith("application/wasm");
  start(glue, await (streams ? WebAssembly.compileStreaming(answer) : WebAssembly.compile(await answer.arrayBuffer())));
}

/** Settled when the module runs. */
export const ready = load();
// Whoever awaits `ready` hears of a failure; nobody else should crash by it.
ready.catch(() => {});
export * from "../core/index.js";
