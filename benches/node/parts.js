// Where the time of a key decision goes: two parts of it alone, the whole without what is around it, and the whole.
import { createGate } from "../../js/entry/node.js";
import { RawEngine } from "../../js/core/raw.js";
import { readRequest } from "../../js/core/request.js";
import { duration, race } from "./harness.js";
import { keyRequests, makeKeys, seed } from "./world.js";

export async function parts() {
  const made = makeKeys(seed);
  const records = made.stores.peppered;
  const keySets = { user: '{"keys":[]}' };
  const engine = new RawEngine(JSON.stringify(seed), JSON.stringify({
    peppers: { current: "p1", plainHashes: false, keys: { p1: made.pepper.toString("base64url") } },
    secrets: {}, keySets, tokenCache: null, hostVerification: false, trace: false, touchInterval: 60,
  }));
  const gate = createGate({ policy: seed, peppers: made.peppers, keySets, keys: { find: (id) => records.get(id) ?? null } });
  const requests = keyRequests(30, made.raw);
  const session = engine.acquire();
  const now = Math.floor(Date.now() / 1000);
  const idOf = ({ headers }) => headers["x-api-key"].split("_")[2];
  const stored = requests.map((request) => [idOf(request), records.get(idOf(request))]);
  const read = (at) => readRequest(session.view, requests[at & 63], engine.names);
  const handle = (at) => engine.records.handle(...stored[at & 63]);
  const answer = (at) => {
    read(at);
    session.begin(now, false);
    return session.answerKey(handle(at));
  };
  const steps = [
    ["the request read into strings", read],
    ["the record compared with the one that the module has", handle],
    ["both, the request into the module, the key proven, the decision made", answer],
    ["the whole: with clock, store and the decision's object", (at) => gate.decideSync(requests[at & 63])],
  ];
  if (answer(0) !== 0 || gate.decideSync(requests[0]).status !== 200) throw new Error("the key is not accepted");
  const times = await race(steps.map(([name, run]) => ({ name, run })));
  console.log("\n| part of a peppered key decision | time |\n| --- | --- |");
  for (const [name, time] of times) console.log(`| ${name} | ${duration(time)} |`);
}
