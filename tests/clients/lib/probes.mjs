import { test } from "node:test";

/** A table of probes: one test for each row, named by what it tries. */
export const probes = (group, rows, run) => {
  for (const [name, ...row] of rows) test(`${group}: ${name}`, () => run(...row));
};
