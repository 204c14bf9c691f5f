import type { GateOptions } from "./index.js";

export interface CaseResult {
  name: string;
  /** The decision's JSON. */
  decision: string;
  /** What differs from what was expected; empty when the case passed. */
  differences: string[];
}

/**
 * Runs decision cases: a case file (one set or a list of sets), or a policy with tests of its own.
 * @param readPolicy gives the text of a policy that a set names
 */
export function runCases(
  text: string,
  readPolicy: (path: string) => string | Promise<string>,
  options?: Partial<GateOptions>,
): Promise<CaseResult[]>;
