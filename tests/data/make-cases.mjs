// Writes the decision cases: node tests/data/make-cases.mjs
//
// Each module of cases/ is the source of one file. To add a case, add a line there and run this again; the keys that sign
// tokens lie in keys/ and are for tests alone. `--check` writes nothing and fails when a file is not what would be written.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { apiKey, keepSignatures, keyHash } from "./build.mjs";

const FILES = {
  jobiflow: "../../examples/jobiflow/cases.json",
  targets: "../vectors/targets.json",
  precedence: "../vectors/precedence.json",
  alternatives: "../vectors/alternatives.json",
  options: "../vectors/options.json",
  jwt: "../vectors/jwt.json",
  keys: "../vectors/keys.json",
  imported: "../vectors/imported.json",
};

/** JSON with one case, key record or route a line. */
function text(value, indent = "") {
  const inner = `${indent}  `;
  if (Array.isArray(value) && value.some((item) => item?.cases)) return `[\n${value.map((item) => inner + text(item, inner)).join(",\n")}\n${indent}]`;
  const members = Object.entries(value).map(([name, member]) => {
    const line = JSON.stringify(member);
    let written = line;
    if (Array.isArray(member) && line.length > 100) written = `[\n${member.map((item) => `${inner}  ${JSON.stringify(item)}`).join(",\n")}\n${inner}]`;
    else if (line.length > 100 && typeof member === "object") written = text(member, inner);
    return `${inner}${JSON.stringify(name)}: ${written}`;
  });
  return `{\n${members.join(",\n")}\n${indent}}`;
}

function vectorHolds(key, hex) {
  const [, env, id, rest] = key.split("_");
  if (apiKey(id, { env, secret: rest.slice(0, 43) }) !== key || Buffer.from(keyHash(key, "p1"), "base64url").toString("hex") !== hex) {
    throw new Error(`the fixed key vector ${id} does not hold`);
  }
}
vectorHolds("jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg", "e285f31396a7aea8f921343d8e8f75c3f27fbef878a7c1bbd41fef34059d9b3f");
vectorHolds("jbf_test_AbCdEfGhIjKl_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg0onHLo", "1c649d50fb44d49fde283de5f0c0d6bd79f9259ab2cb14b5999011eac24b6def");

let stale = 0;

/** Writes a file, or says that it is stale. */
function keep(path, wanted, target, written) {
  if (process.argv.includes("--check")) {
    if (!existsSync(path) || readFileSync(path, "utf8") !== wanted) console.log(`${target} is stale (${++stale})`);
  } else {
    writeFileSync(path, wanted);
    console.log(written);
  }
}

for (const [source, target] of Object.entries(FILES)) {
  const path = new URL(target, import.meta.url);
  keepSignatures(path);
  const { default: suites, files = {} } = await import(`./cases/${source}.mjs`);
  const names = [suites].flat().flatMap((suite) => suite.cases.map((one) => `${suite.name ?? ""}: ${one.name}`));
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice) throw new Error(`${source}: two cases are called ${twice}`);
  keep(path, `${text(suites)}\n`, target, `${names.length} cases in ${target}`);
  for (const [name, content] of Object.entries(files)) {
    const beside = typeof content === "string" ? content : Array.isArray(content) ? `[\n${content.map((one) => `  ${JSON.stringify(one)}`).join(",\n")}\n]` : text(content);
    keep(new URL(name, path), `${beside}\n`, new URL(name, path).pathname, name);
  }
}
process.exitCode = stale ? 1 : 0;
