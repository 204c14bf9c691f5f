// The case files of this project: text by path, and the policies that they name.
import { readFileSync } from "node:fs";

export const root = new URL("../../../", import.meta.url);
export const caseFiles = [
  "examples/jobiflow/cases.json", "examples/jobiflow/policy.json",
  ...["targets", "precedence", "alternatives", "options", "keys", "imported", "jwt"].map((name) => `tests/vectors/${name}.json`),
];
export const read = (path) => readFileSync(new URL(path, root), "utf8");

/** Everything that a runtime without files needs: `[{ path, text, policies }]`. */
export function caseData() {
  return caseFiles.map((path) => {
    const text = read(path);
    const document = JSON.parse(text);
    const named = (Array.isArray(document) ? document : [document]).map((set) => set.policy).filter((policy) => typeof policy === "string");
    return { path, text, policies: Object.fromEntries(named.map((name) => [name, read(new URL(name, new URL(path, root)).href.slice(root.href.length))])) };
  });
}
