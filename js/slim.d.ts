export * from "./index.js";
/**
 * Starts the module that the application brought: `scopegate/wasm`, which verifies every algorithm itself where the runtime cannot, or the
 * smaller `scopegate/slim/wasm`, which has API keys and HMAC and leaves every other signature to the runtime. With that one a policy that
 * allows another algorithm than `HS256`, `HS384` and `HS512` is refused with the code `algorithm_unsupported` under `verify: "wasm"`, and a
 * signature that the runtime does not verify, or not at once for `decideSync`, is an outage (503) with the same code for `onError`.
 */
export function init(module: WebAssembly.Module | BufferSource): void;
