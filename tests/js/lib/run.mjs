// Runs every case file in whatever runtime this is: the caller brings the package and the files.

/** @returns `{ failures: string[], decisions: string[] }` */
export async function runAll({ runCases }, data, options) {
  const failures = [];
  const decisions = [];
  for (const { path, text, policies } of data) {
    const mine = path.endsWith("policy.json") ? {} : options;
    for (const { name, decision, differences } of await runCases(text, (file) => policies[file], mine)) {
      decisions.push(decision);
      if (differences.length > 0) failures.push(`${path}: ${name}: ${differences.join("; ")}`);
    }
  }
  return { failures, decisions };
}

/** The first decision that differs, so that a failure can be read. */
export function firstDifference(found, expected) {
  if (found.length !== expected.length) return `${found.length} decisions instead of ${expected.length}`;
  const at = found.findIndex((decision, index) => decision !== expected[index]);
  return at < 0 ? undefined : `${found[at]}\ninstead of\n${expected[at]}`;
}
