// Authorisation alone beside policy engines: `node engines.js` prints its rows.
import { setFlagsFromString } from "node:v8";

// V8 of Node 20 may die when it deoptimises code that waits for an inlined call into Cedar's module.
setFlagsFromString("--no-turbo-inline-js-wasm-calls");
const { authorisationOver, yesOrNo } = await import("./authorisation.js");
const { answers, cycle, race, rows } = await import("./harness.js");
const { casbin } = await import("./peers/casbin.js");
const { cedarWasm } = await import("./peers/cedar.js");

for (const count of [30, 1000]) {
  const { policy, held, covers, requests, asked } = authorisationOver(count);
  const contestants = [
    ["covers", covers], ["casbin", await casbin(policy, held)],
    ["cedar-wasm, policies prepared", cedarWasm(policy, held, true)], ["cedar-wasm, policies as text", cedarWasm(policy, held, false)],
  ];
  for (const [name, decide] of contestants) await answers(name, decide, yesOrNo(asked));
  rows(`authorisation, ${count} routes`, await race(contestants.map(([name, decide]) => ({ name, run: cycle(decide, requests) })), { rounds: 15 }), [
    ["covers", "casbin"], ["covers", "cedar-wasm, policies prepared", 0.0033], ["covers", "cedar-wasm, policies as text", 0.0033],
  ]);
}
