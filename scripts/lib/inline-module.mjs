// Writes the module as text for js/entry/inline.js. Part of packing; the file is not tracked.
import { readFileSync, writeFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);
const base64 = readFileSync(new URL("pkg/scopegate_bg.wasm", root)).toString("base64");
writeFileSync(new URL("js/entry/inline-module.js", root), `export const base64 =\n  "${base64}";\n`);
