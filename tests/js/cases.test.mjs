// The case files give the expected decisions in this runtime, by each way of verifying, and the very bytes of the native command.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import "../../js/entry/node.js";
import * as cases from "../../js/core/cases.js";
import { caseData, caseFiles, root } from "./lib/files.mjs";
import { firstDifference, runAll } from "./lib/run.mjs";

const native = process.env.SCOPEGATE_NATIVE ?? fileURLToPath(new URL("target/debug/scopegate", root));

describe("the case files", () => {
  const data = caseData();
  const decisions = {};
  for (const verify of ["auto", "webcrypto", "wasm"]) {
    it(`hold with verify: ${verify}`, async () => {
      const found = await runAll(cases, data, { verify });
      assert.deepEqual(found.failures, []);
      assert.ok(found.decisions.length > 300);
      decisions[verify] = found.decisions;
    });
  }

  it("give the same bytes by each way of verifying, and by eager and late text", async () => {
    assert.equal(firstDifference(decisions.webcrypto, decisions.auto), undefined);
    assert.equal(firstDifference(decisions.wasm, decisions.auto), undefined);
    const { decisions: eager } = await runAll(cases, data, { json: true });
    assert.equal(firstDifference(eager, decisions.auto), undefined);
  });

  it("give the same bytes as the native command", { skip: existsSync(native) ? false : "no native command is built" }, () => {
    const lines = execFileSync(native, ["test", "--decisions", ...caseFiles], { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28 });
    const expected = lines.trim().split("\n").map((line) => JSON.parse(line).decision);
    assert.equal(firstDifference(decisions.auto, expected), undefined);
  });
});
