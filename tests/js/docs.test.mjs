// Pages of docs name what the code has: docs/javascript.md every code, option and adapter, docs/policy.md every mistake of a policy.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { it } from "node:test";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const files = (folder, end) => readdirSync(new URL(`../../${folder}`, import.meta.url)).filter((name) => name.endsWith(end)).map((name) => read(`${folder}/${name}`));
const page = read("docs/javascript.md");
const missing = (names) => [...new Set(names)].filter((name) => !page.includes(`\`${name}\``));

it("every code that the package throws", () => {
  const codes = [
    ...files("js/core", ".js").flatMap((text) => [...text.matchAll(/ScopegateError\("(\w+)"/g)]),
    ...files("src/wasm", ".rs").flatMap((text) => [...text.matchAll(/Thrown::new\(\s*"(\w+)"/g)]),
    ...[...read("src/error.rs").matchAll(/=> "(\w+)"/g)],
  ].map(([, code]) => code).filter((code) => code !== "engine_misuse");
  assert.ok(codes.length > 20);
  assert.deepEqual(missing(codes), []);
});

it("every option of a gate", () => {
  const [, options] = /export interface GateOptions[^{]*\{([^]*?)\n\}/.exec(read("js/index.d.ts"));
  const names = [...options.matchAll(/^  (\w+)\??:/gm)].map(([, name]) => name);
  assert.ok(names.length > 10);
  assert.deepEqual(names.filter((name) => !new RegExp(`\`${name}[\`.(]`).test(page)), []);
});

it("every adapter and entry", () => {
  const { exports } = JSON.parse(read("package.json"));
  const paths = Object.keys(exports).map((path) => path.replace(/^\./, "scopegate")).filter((path) => !/stores|oauth|cases|package\.json/.test(path));
  assert.deepEqual(missing(paths), []);
});

it("docs/policy.md: every mistake of a policy", () => {
  const policy = read("docs/policy.md");
  const codes = [
    ...["src/policy/compile.rs", "src/policy/credential.rs"].flatMap((path) => [...read(path).matchAll(/mistakes\.add\(\s*"(\w+)"|code: "(\w+)"/g)]),
    ...["src/scope.rs", "src/route/error.rs"].flatMap((path) => [...read(path).matchAll(/=> "(\w+)"/g)]),
  ].map(([, added, code]) => added ?? code);
  assert.ok(codes.length > 30, String(codes.length));
  assert.deepEqual(codes.filter((code) => !policy.includes(`\`${code}\``)), []);
});
