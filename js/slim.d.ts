export * from "./index.js";
/** Starts the module that the application brought. */
export function init(module: WebAssembly.Module | BufferSource): void;
