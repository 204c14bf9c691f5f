// Prints the SHA-256 of what the module is made from: src/**, Cargo.toml and Cargo.lock, names and bytes, in order.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";

const files = readdirSync("src", { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`);
const hash = createHash("sha256");
for (const file of [...files, "Cargo.toml", "Cargo.lock"].sort()) {
  const bytes = readFileSync(file);
  hash.update(`${file}\0${bytes.length}\0`).update(bytes);
}
console.log(hash.digest("hex"));
