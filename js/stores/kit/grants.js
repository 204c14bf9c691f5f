// What every store of grants must hold: each of these lets a code or a refresh token be redeemed more than once when it is wrong.
import { RACERS, Samples, equal, expect, judged, racing } from "./judge.js";

/**
 * Checks a grant store. It may hold other grants.
 * @param {object} store
 * @param {{ seed: number, other?: object, now?: number }} options a seed that was not used with this database before, a second handle of
 *   it, and the instant by the store's clock (the system's unless given)
 * @returns {Promise<{ name: string, ok: boolean, detail: string }[]>}
 */
export async function checkGrantStore(store, { seed, other = store, now = Math.floor(Date.now() / 1000) }) {
  const samples = new Samples(seed);
  const context = { store, other, samples, handles: [store, other], later: now + 3600, past: now - 60 };
  return judged(CHECKS.map(([name, check]) => [name, () => check(context)]));
}

const count = (outcomes, wanted) => outcomes.filter((outcome) => outcome === wanted).length;

/** A row as the authorization server writes them: JSON text. */
const ROW = JSON.stringify({ v: 1, state: "issued", note: "ünï ' \" \\ \u{1f511}" });

const CHECKS = [
  ["it says what it offers", async ({ store }) => {
    for (const name of ["cas", "readYourWrites", "putOnce"]) expect(store.capabilities?.[name] === true, `a store of grants needs \`${name}\``);
  }],

  ["a grant is inserted once", async ({ store, other, samples, later }) => {
    const id = samples.id();
    expect((await store.getGrant(id)) === null, "an unknown grant is found");
    expect((await store.insertGrant(id, ROW, later)) === "inserted", "a fresh grant is not inserted");
    for (const handle of [store, other]) equal((await handle.getGrant(id))?.row, ROW, "what is found is not what was inserted");
    expect((await other.insertGrant(id, "{}", later)) === "exists", "a taken id is inserted again");
    equal((await store.getGrant(id))?.row, ROW, "a refused insert changed the grant");
  }],

  ["a swap goes through on the stored version alone", async ({ store, other, samples, later }) => {
    const id = samples.id();
    expect((await store.swapGrant(id, 1, "a", later)) === "missing", "an unknown grant is swapped");
    await store.insertGrant(id, ROW, later);
    const { version } = await other.getGrant(id);
    expect(Number.isSafeInteger(version), "a version is no whole number");
    expect((await other.swapGrant(id, version + 1, "b", later)) === "conflict", "a swap of another version goes through");
    expect((await other.swapGrant(id, version, "c", later)) === "swapped", "a swap of the stored version is refused");
    for (const handle of [store, other]) {
      const found = await handle.getGrant(id);
      expect(found?.row === "c" && found.version > version, "what is found is not what was swapped in");
    }
    expect((await store.swapGrant(id, version, "d", later)) === "conflict", "a stale swap goes through");
    equal((await store.getGrant(id)).row, "c", "a refused swap changed the grant");
  }],

  ["an expired grant is gone", async ({ store, other, samples, later, past }) => {
    const id = samples.id();
    await store.insertGrant(id, ROW, later);
    const { version } = await store.getGrant(id);
    expect((await store.swapGrant(id, version, "ended", past)) === "swapped", "a grant cannot be ended");
    expect((await other.getGrant(id)) === null, "an expired grant is found");
    for (const expected of [version, version + 1]) expect((await other.swapGrant(id, expected, "revived", later)) === "missing", "an expired grant is swapped");
    expect((await store.getGrant(id)) === null, "an expired grant is revived");
    await store.purge?.();
    expect((await store.getGrant(id)) === null, "an expired grant is back after a purge");
  }],

  ["what is no grant is refused", async ({ store, samples, later }) => {
    const id = samples.id();
    const bad = [
      () => store.insertGrant(id, ROW, Number.NaN), () => store.insertGrant(id, ROW, later + 0.5), () => store.insertGrant(id, null, later),
      () => store.insertGrant("", ROW, later), () => store.swapGrant(id, Number.NaN, ROW, later), () => store.putOnce("", "x", later), () => store.putOnce("x", "y", "z"),
      () => store.insertGrant(`${id}\0`, ROW, later), () => store.putOnce("x", "\ud800", later),
    ];
    for (const run of bad) {
      const error = await Promise.resolve().then(run).then(() => undefined, (thrown) => thrown);
      expect(typeof error?.code === "string", "a grant that is none is taken, or refused without a code");
    }
    expect((await store.getGrant(id)) === null, "a refused grant is found");
  }],

  ["one of sixteen inserts goes through", async ({ handles, samples, later }) => {
    const id = samples.id();
    const outcomes = await racing(RACERS, (at) => handles[at % 2].insertGrant(id, `racer ${at}`, later));
    expect(count(outcomes, "inserted") === 1 && count(outcomes, "exists") === RACERS - 1, "not exactly one of several inserts went through");
    equal((await handles[1].getGrant(id)).row, `racer ${outcomes.indexOf("inserted")}`, "the insert that went through is not what is stored");
  }],

  ["one of sixteen swaps goes through", async ({ handles, samples, later }) => {
    const id = samples.id();
    await handles[0].insertGrant(id, ROW, later);
    const { version } = await handles[0].getGrant(id);
    const outcomes = await racing(RACERS, (at) => handles[at % 2].swapGrant(id, version, `racer ${at}`, later));
    expect(count(outcomes, "swapped") === 1 && count(outcomes, "conflict") === RACERS - 1, "not exactly one of several swaps went through");
    equal((await handles[1].getGrant(id)).row, `racer ${outcomes.indexOf("swapped")}`, "the swap that went through is not what is stored");
  }],

  ["no swap of sixteen is lost", async ({ handles, samples, later }) => {
    const id = samples.id();
    await handles[0].insertGrant(id, "[]", later);
    await racing(RACERS, async (at) => {
      for (;;) {
        const { row, version } = await handles[at % 2].getGrant(id);
        if ((await handles[at % 2].swapGrant(id, version, JSON.stringify([...JSON.parse(row), at]), later)) === "swapped") return;
      }
    });
    equal(JSON.parse((await handles[0].getGrant(id)).row).sort((a, b) => a - b), Array.from({ length: RACERS }, (_, at) => at), "a swap was lost");
  }],

  ["somebody's grants are found in order, in pages", async ({ store, other, samples, later }) => {
    if (store.capabilities?.list !== true) return;
    const [sub, stranger] = [samples.id(), samples.id()];
    equal(await store.grantsOf(sub, null, 10), [], "grants of nobody are found");
    const ids = Array.from({ length: 5 }, () => samples.id());
    for (const [at, id] of ids.entries()) await (at % 2 === 0 ? store : other).insertGrant(id, ROW, later, sub);
    for (const whose of [stranger, undefined]) await store.insertGrant(samples.id(), ROW, later, whose);
    const { version } = await store.getGrant(ids[0]);
    await other.swapGrant(ids[0], version, ROW, later + 10);
    ids.sort();
    equal(await other.grantsOf(sub, null, 10), ids, "what is found is not somebody's grants");
    equal(await store.grantsOf(sub, null, 2), ids.slice(0, 2), "a page is not cut");
    equal(await store.grantsOf(sub, ids[1], 10), ids.slice(2), "a page does not go on after the last");
    equal(await store.grantsOf(sub, ids[4], 10), [], "there is something after the last");
    equal((await store.grantsOf(stranger, null, 10)).length, 1, "a stranger's grants are not told apart");
  }],

  ["something is put once", async ({ handles, samples, later }) => {
    const [space, key] = [`kit-${samples.id()}`, samples.id()];
    const outcomes = await racing(RACERS, (at) => handles[at % 2].putOnce(space, key, later));
    expect(count(outcomes, "fresh") === 1 && count(outcomes, "seen") === RACERS - 1, "not exactly one of several was fresh");
    expect((await handles[1].putOnce(space, key, later)) === "seen", "what was put is fresh again");
    expect((await handles[1].putOnce(`${space}2`, key, later)) === "fresh", "what was put is seen in another space");
    expect((await handles[1].putOnce(space, `${key}2`, later)) === "fresh", "what was put is seen under another key");
  }],

  ["spaces and keys are not run together", async ({ store, samples, later }) => {
    const id = samples.id();
    expect((await store.putOnce(`${id}a`, "b", later)) === "fresh", "a fresh key was seen");
    for (const [space, key] of [[id, "ab"], [`${id}a:b`, "c"], [`${id}a`, "b:c"]]) expect((await store.putOnce(space, key, later)) === "fresh", "two pairs of space and key are one");
  }],

  ["a consent is kept and replaced", async ({ store, other, samples }) => {
    const [sub, client] = [samples.id(), samples.id()];
    expect((await store.getConsent(sub, client)) === null, "a consent that nobody gave is found");
    await store.saveConsent(sub, client, ["openid", "jobs:read"]);
    equal(await store.getConsent(sub, client), ["openid", "jobs:read"], "what is found is not what was saved");
    await store.saveConsent(sub, client, ["openid"]);
    equal(await other.getConsent(sub, client), ["openid"], "a consent is not replaced");
    expect((await store.getConsent(client, sub)) === null, "person and client are not told apart");
  }],
];
