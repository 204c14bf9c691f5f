/** The module, as the importing runtime or bundler hands `.wasm` files over. */
declare const module: WebAssembly.Module;
export default module;
