// The contract of stores, and the life of keys in one.
export { MAX_PAGE, StoreError, requireCapabilities } from "./contract.js";
export { managedKeys } from "./managed.js";
