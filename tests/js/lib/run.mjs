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
