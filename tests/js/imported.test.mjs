// Records of keys of other systems: the ids and digests that the native command makes, and nothing of a row that is wrong.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importedRecord } from "../../js/core/imported.js";
import { read } from "./lib/files.mjs";

const vectors = JSON.parse(read("tests/data/foreign.json"));
const good = { from: "seam", hash: vectors[0].hash, owner: "company-1", scopes: ["jobs:read"], expiresAt: null };

describe("imported records", () => {
  it("of rows that are wrong are refused, by member, without what was found", async () => {
    const secret = vectors[0].key;
    const url = vectors.find(({ from }) => from === "better-auth").hash;
    const table = [
      ["from", { from: "other" }], ["from", { from: "toString" }], ["hash", { hash: secret }], ["hash", { hash: undefined }], ["hash", { hash: `${good.hash}\n` }],
      ["hash", { from: "unkey" }], ["hash", { from: "better-auth", hash: `${url.slice(0, -1)}J` }], ["owner", { owner: "" }], ["owner", { owner: "é".repeat(129) }],
      ["label", { label: "a\nb" }], ["scopes", { scopes: [] }], ["scopes", { scopes: ["*"] }], ["env", { env: "LIVE" }],
      ["createdAt", { createdAt: -1 }], ["expiresAt", { expiresAt: undefined }], ["revokedAt", { revokedAt: undefined }], ["expiresAt", { expiresAt: 253402300800 }],
    ];
    for (const [member, change] of table) {
      await assert.rejects(importedRecord({ ...good, ...change }), (error) => {
        assert.equal(error.code, "import_invalid", JSON.stringify(change));
        assert.ok(error.message.startsWith(`\`${member}\``) && !error.message.includes(secret), error.message);
        return true;
      });
    }
    const { expiresAt, ...untold } = good;
    await assert.rejects(importedRecord(untold), { code: "import_invalid", message: /^`expiresAt`/ });
    for (const more of [{ enabled: false }, { expires: 5 }, { expires_at: 5 }, { [secret]: 1 }]) {
      await assert.rejects(importedRecord({ ...good, ...more }), (error) => error.code === "import_invalid" && !error.message.includes(secret), JSON.stringify(more));
    }
    for (const change of [{ owner: undefined }, { scopes: "jobs:read" }, { expiresAt: "soon" }, { expiresAt: Number.NaN }, { expiresAt: 1.5 }]) {
      await assert.rejects(importedRecord({ ...good, ...change }), { code: "record_invalid" });
    }
  });

  it("are those of the case file", async () => {
    const [taken] = JSON.parse(read("tests/vectors/imported.json"));
    for (const { from, hash, id } of vectors) {
      const record = await importedRecord({ ...good, from, hash, createdAt: 1764000000 });
      assert.equal(record.id, id);
      const { hashes, scopes } = taken.keys.find((known) => known.id === id);
      assert.deepEqual([record.hashes, record.scopes], [hashes, scopes]);
    }
  });

  it("hold each scope once", async () => {
    const record = await importedRecord({ ...good, scopes: ["b", "a", "b"] });
    assert.deepEqual([record.scopes, record.label, record.env], [["a", "b"], "Imported from seam", "live"]);
  });
});
