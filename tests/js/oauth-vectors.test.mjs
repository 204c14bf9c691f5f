// The recorded flows give in this runtime what they gave where they were recorded; a Rust test plays the same file natively.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import "../../js/oauth/entry/node.js";
import { decode } from "../../js/oauth/bytes.js";
import { Engine } from "../../js/oauth/runtime.js";
import { root } from "./lib/files.mjs";

const { settings, flows } = JSON.parse(readFileSync(new URL("tests/vectors/oauth/flows.json", root), "utf8"));

describe("the recorded flows", () => {
  const engine = new Engine("RawServer", JSON.stringify(settings));
  it("are many", () => assert.ok(flows.length > 70));
  for (const { name, input, now, entropy, answers, outputs } of flows) {
    it(name, () => {
      const given = (count) => JSON.stringify(answers.slice(0, count));
      outputs.forEach((output, at) => assert.deepEqual(JSON.parse(engine.step(JSON.stringify(input), now, decode(entropy), given(at))), output));
    });
  }
});
