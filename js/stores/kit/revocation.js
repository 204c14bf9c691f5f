// A revocation against requests under way: no request that starts after the revocation returned is allowed. First at every
// interleaving of asking the store, handing the record to the gate and deciding, where a schedule says whose turn it is; then with
// requests inside the store while it writes, for stores that keep copies and might fill them with what was read before.
import { NOW, Samples, expect, judged } from "./judge.js";

const POLICY = {
  version: 1, name: "kit", https: "optional", scopes: { "jobs:read": "Read jobs" },
  credentials: { apiKey: { type: "apiKey", header: "X-API-Key", prefix: "jbf" } },
  routes: [{ id: "jobs", match: "GET /jobs", allow: [{ apiKey: ["jobs:read"] }] }],
};

/** Turns of each: one request starts, is answered by the store, decides; another starts, decides; the revocation reads, writes. */
const TURNS = { first: 3, second: 2, revoke: 2 };

/** Requests that are inside the store when the revocation comes: from none to so many. */
const MOST_INSIDE = 8;

/**
 * Drives real gates over a store while a key is revoked.
 * @param {object} store
 * @param {{ seed: number, createGate: Function, other?: object }} options `createGate` of this package, and a second handle of the database
 * @returns {Promise<{ name: string, ok: boolean, detail: string }[]>}
 */
export async function checkRevocation(store, { seed, createGate, other }) {
  const owner = `kit-${new Samples(seed).id()}`;
  const context = { createGate, owner };
  const checks = [["on one handle", () => everySchedule({ ...context, handles: [store, store] })]];
  if (other !== undefined) checks.push(["on two handles of one database", () => everySchedule({ ...context, handles: [store, other] })]);
  return judged(checks.map(([where, check]) => [`nothing that starts after a revocation is allowed, ${where}`, check]));
}

async function everySchedule({ createGate, owner, handles }) {
  const scene = { owner, handles, actors: {} };
  // One pair of gates for all: whatever a gate remembers of earlier keys must not matter.
  scene.gates = handles.map((store, at) => createGate({ policy: POLICY, keys: slowed(store, scene), now: () => NOW + at }));
  let count = 0;
  try {
    // The revocation comes by either handle in turn.
    for (const schedule of schedules({ ...TURNS })) await play(schedule, scene, count++ % 2);
    for (let inside = 0; inside <= MOST_INSIDE; inside++) {
      for (const by of [0, 1]) for (const quiet of [true, false]) await underWay(inside, scene, by, quiet);
    }
  } finally {
    for (const gate of scene.gates) gate.close();
  }
  return `${count} interleavings`;
}

/** A store whose answers wait for turns: before it is asked, and with the answer in hand. */
function slowed(store, scene) {
  return {
    async find(id, context) {
      const actor = scene.actors[context?.actor];
      await actor?.pause();
      const record = await store.find(id);
      if (context?.actor !== "second") await actor?.pause();
      return record;
    },
  };
}

/** Every order of so many turns of each. */
function* schedules(left) {
  const names = Object.keys(left).filter((name) => left[name] > 0);
  if (names.length === 0) yield [];
  for (const name of names) {
    for (const rest of schedules({ ...left, [name]: left[name] - 1 })) yield [name, ...rest];
  }
}

/** A fresh key: its record, how to ask a gate with it, and how to revoke it by a handle. */
async function freshKey({ owner, handles, gates }) {
  const { record, rawKey } = gates[0].keys.issue({ label: "kit", scopes: ["jobs:read"], expiresAt: NOW + 86_400, owner });
  expect((await handles[0].insert(record)) === "done", "a fresh record is not inserted");
  return {
    record,
    decide: (at, actor) => gates[at].decide({ method: "GET", target: "/jobs", headers: { "x-api-key": rawKey } }, { actor }),
    async revoke(by, found) {
      expect((await handles[by].update(record.id, found.version, gates[by].keys.revoke(found))) === "done", "a revocation is refused");
    },
  };
}

/** Answers to requests that started after the revocation had returned. */
function judge(late, when) {
  for (const { code } of late) expect(code === "key_revoked", `after the revocation returned: ${code}, ${when}`);
}

async function play(schedule, scene, by) {
  const { handles, actors } = scene;
  const { record, decide, revoke } = await freshKey(scene);
  let revoked = false;
  const late = [];
  const request = (at, actor) => async () => {
    const startsLate = revoked;
    const decision = await decide(at, actor);
    if (startsLate) late.push(decision);
    else expect(decision.allowed || decision.code === "key_revoked", `a request under way was answered ${decision.code}`);
  };
  actors.first = new Actor(request(0, "first"));
  actors.second = new Actor(request(1, "second"));
  actors.revoke = new Actor(async (actor) => {
    const found = await handles[by].find(record.id);
    await actor.pause();
    await revoke(by, found);
    revoked = true;
  });
  for (const [at, name] of schedule.entries()) {
    await actors[name].turn();
    // One gate in between: asking both each time would bring the other's copy up to date.
    if (revoked) late.push(await decide(at % 2));
  }
  late.push(await decide(0), await decide(1));
  judge(late, `in the order ${schedule.join(" ")}`);
}

/**
 * Requests that were inside the store when it was told of the revocation; unless quiet, others that came while it wrote and right
 * after. Those would hide a copy that is filled with what was read before, so that both are tried.
 */
async function underWay(inside, scene, by, quiet) {
  const { record, decide, revoke } = await freshKey(scene);
  const early = [];
  for (let at = 0; at < inside; at++) {
    early.push(decide(at % 2));
    // Further inside, by a step or by a turn of the event loop.
    if (at % 2 === 0) await undefined;
    else if (inside % 2 === 0) await new Promise((go) => setTimeout(go, 0));
  }
  const writing = revoke(by, record);
  if (!quiet) early.push(decide(0), decide(1));
  await writing;
  const late = quiet ? [] : [await decide(0), await decide(1)];
  for (const { allowed, code } of await Promise.all(early)) expect(allowed || code === "key_revoked", `a request under way was answered ${code}`);
  late.push(await decide(0), await decide(1));
  judge(late, `with ${inside} requests inside the store`);
}

/** Somebody whose next turn is taken from outside: it runs until it pauses or ends. */
class Actor {
  #run;
  #go;
  #paused;
  #ended;

  constructor(run) {
    this.#run = run;
  }

  /** Waits for the next turn. */
  pause() {
    return new Promise((go) => {
      this.#go = go;
      this.#paused();
    });
  }

  turn() {
    const settled = new Promise((paused) => (this.#paused = paused));
    if (this.#ended === undefined) this.#ended = this.#run(this);
    else this.#go();
    return Promise.race([settled, this.#ended]);
  }
}
