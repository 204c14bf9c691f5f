// Checks for stores: ours, and those that others write. Pure functions, for every runtime and every test runner.
export { checkGrantStore } from "./kit/grants.js";
export { checkKeyStore } from "./kit/keys.js";
export { checkRevocation } from "./kit/revocation.js";
