// Decision cases: tests as data, the same files that the native command runs. Runs in every runtime; reads no file itself.
import { Gate } from "./gate.js";

/**
 * Runs the cases of one file.
 * @param {string} text a case file (one set or a list of sets), or a policy with tests of its own
 * @param {(path: string) => string | Promise<string>} readPolicy reads a policy that a set names
 * @param {object} [options] further options of every gate, like `{ verify: "wasm" }`
 * @returns {Promise<{ name: string, decision: string, differences: string[] }[]>}
 */
export async function runCases(text, readPolicy, options) {
  const document = JSON.parse(text);
  if (document.version !== undefined && document.cases === undefined) return policyTests(text, document, options);
  const results = [];
  for (const set of Array.isArray(document) ? document : [document]) {
    const policy = typeof set.policy === "string" ? await readPolicy(set.policy) : set.policy;
    for (const test of set.cases) results.push(await runCase(set, policy, test, options));
  }
  return results;
}

async function runCase(set, policy, test, options) {
  const now = test.now ?? set.now;
  const answer = (value) => {
    if (test.store === "fail") throw new Error("the store fails, as the case says");
    return value;
  };
  const records = new Map((set.keys ?? []).map((record) => [record.id, record]));
  const jwks = Object.entries(set.jwks ?? {});
  const peppers = Object.keys(set.peppers ?? {});
  // A gate of its own, so that no case hangs on what an earlier one fetched or failed to fetch.
  const gate = new Gate({
    policy,
    keys: { find: (id) => answer(records.get(id) ?? null) },
    keySets: Object.fromEntries(jwks.map(([name, keys]) => [name, () => answer({ jwks: keys, fetchedAt: now })])),
    peppers: peppers.length > 0 ? { current: peppers[0], ...set.peppers } : undefined,
    secrets: set.secrets,
    tokenCache: false,
    now: () => now,
    ...options,
  });
  try {
    const decision = (await gate.decide({ headers: [], ...test.request })).toString();
    return judged(set.name === undefined ? test.name : `${set.name}: ${test.name}`, decision, test.expect);
  } finally {
    gate.close();
  }
}

function policyTests(text, document, options) {
  const bearers = Object.entries(document.credentials ?? {}).filter(([, credential]) => credential.type === "bearer");
  // No token is verified in these tests: a key set that stands for none, a secret long enough for any algorithm.
  const hmac = ([, credential]) => JSON.stringify(credential).includes('"HS');
  const gate = new Gate({
    policy: text,
    keySets: Object.fromEntries(bearers.map(([name]) => [name, { keys: [] }])),
    secrets: Object.fromEntries(bearers.filter(hmac).map(([name]) => [name, new Uint8Array(64)])),
    ...options,
  });
  try {
    return (document.tests ?? []).map((test) => {
      const space = test.request.indexOf(" ");
      const decision = gate.rehearse({
        method: test.request.slice(0, space), target: test.request.slice(space + 1), https: test.https ?? true, now: 0, assumed: test.with ?? {},
      });
      return judged(test.name ?? test.request, decision, test.expect);
    });
  } finally {
    gate.close();
  }
}

function judged(name, decision, expect) {
  const differences = [];
  compare("", expect, JSON.parse(decision), differences);
  return { name, decision, differences };
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const sorted = (object) => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));

/** Objects match when each expected member does; null matches what is absent; everything else must be equal. */
function compare(place, expected, found, differences) {
  if (isObject(expected) && isObject(found)) {
    for (const [name, value] of sorted(expected)) {
      compare(`${place}/${name}`, value, Object.hasOwn(found, name) ? found[name] : null, differences);
    }
  } else if (canonical(expected) !== canonical(found)) {
    differences.push(`${place || "/"}: expected ${canonical(expected)}, found ${canonical(found)}`);
  }
}

/** JSON with sorted members, as the native command prints values. */
function canonical(value) {
  return JSON.stringify(value, (_, inner) => (isObject(inner) ? Object.fromEntries(sorted(inner)) : inner));
}
