// Cold start: fresh processes in turn; each loads its code and the policy and makes one decision, and says how long that took.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { duration, median } from "./harness.js";
import { bearerPolicy, keyRequests, makeKeys, makeTokens, manyRoutes, seed, tokenRequests } from "./world.js";

const ROUNDS = 15;
const child = fileURLToPath(new URL("cold-child.js", import.meta.url));

/** What a process needs that is no part of what is measured, in a file. */
function setUp(folder, count) {
  const policy = count === 30 ? seed : manyRoutes(count);
  const made = makeKeys(policy);
  const tokens = makeTokens("RS256");
  const file = join(folder, `${count}.json`);
  writeFileSync(file, JSON.stringify({
    policyText: JSON.stringify(policy),
    tokenPolicyText: JSON.stringify(bearerPolicy("RS256")),
    request: keyRequests(count, made.raw)[1],
    tokenRequest: tokenRequests(tokens)[1],
    token: tokens.tokens[1], jwk: tokens.jwk, origin: tokens.origin,
    pepper: made.pepper.toString("base64url"),
    records: [...made.stores.peppered.values()],
    hand: [...made.hand.byId].map(([id, { hash, mac, scopes, ...rest }]) => [id, { ...rest, scopes: [...scopes], hash: hash.toString("hex") }]),
  }));
  return file;
}

export async function coldStarts() {
  const folder = mkdtempSync(join(tmpdir(), "scopegate-cold-"));
  try {
    const medians = {};
    for (const [count, names] of [[30, ["ours", "ours-token", "hand", "casbin", "cedar", "jose", "fast-jwt"]], [1000, ["ours", "hand", "casbin", "cedar"]]]) {
      const file = setUp(folder, count);
      const times = Object.fromEntries(names.map((name) => [name, []]));
      for (let round = 0; round < ROUNDS; round++) {
        for (const name of names) times[name].push(Number(execFileSync(process.execPath, [child, name, file], { encoding: "utf8" })));
      }
      medians[count] = Object.fromEntries(names.map((name) => [name, median(times[name])]));
      report(count, medians[count]);
    }
    row("cold start: 1,000 routes", medians[1000].ours, "30 routes", medians[30].ours);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const PEERS = {
  hand: "find-my-way and node:crypto", casbin: "casbin", cedar: "cedar-wasm", jose: "jose, one token, no policy", "fast-jwt": "fast-jwt, one token, no policy",
};

function report(count, times) {
  for (const [name, peer] of Object.entries(PEERS)) {
    if (times[name] === undefined) continue;
    const ours = name === "jose" || name === "fast-jwt" ? "ours-token" : "ours";
    row(`cold start, ${count} routes: ${ours === "ours" ? "a key" : "a token"}`, times[ours], peer, times[name]);
  }
}

function row(task, ours, peer, theirs) {
  console.log(`| ${task} | ${duration(ours * 1e6)} | ${peer} | ${duration(theirs * 1e6)} | ${(ours / theirs).toFixed(2)} | – | |`);
}
