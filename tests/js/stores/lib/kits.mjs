// The kits over one database, in whatever runtime this is. No test runner, no file: a Worker runs it too.
import { checkGrantStore, checkKeyStore, checkRevocation } from "../../../../js/stores/kit.js";

/**
 * @param {object} stores `keys` and `grants`, each a list of one or two handles of one database; `short` leaves the many
 *   interleavings of a revocation out, for a second way to a database that was tried with them
 * @returns what failed, and how much was checked
 */
export async function runKits({ keys, grants, short = false }, { createGate, seed }) {
  const results = [];
  if (keys !== undefined) {
    const [store, other] = keys;
    results.push(...(await checkKeyStore(store, { seed, other })));
    if (!short) results.push(...(await checkRevocation(store, { seed: seed + 1, other, createGate })));
  }
  if (grants !== undefined) results.push(...(await checkGrantStore(grants[0], { seed: seed + 2, other: grants[1] })));
  return { failed: results.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`), count: results.length };
}
