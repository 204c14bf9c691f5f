export * from "./index.js";
/**
 * Starts the module that the application brought: `scopegate/wasm`, which has every algorithm, or the smaller `scopegate/slim/wasm`, which
 * has HMAC and RSA. With that one a policy that allows `ES256`, `ES384` or `EdDSA` is refused with the code `algorithm_unsupported`.
 */
export function init(module: WebAssembly.Module | BufferSource): void;
