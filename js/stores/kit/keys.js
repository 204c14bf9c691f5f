// What every key store must hold.
import { NOW, RACERS, Samples, changed, equal, expect, judged, racing } from "./judge.js";

/**
 * Checks a key store. It may hold other records.
 * @param {object} store
 * @param {{ seed: number, other?: object }} options a seed that was not used with this database before, and a second handle of it
 * @returns {Promise<{ name: string, ok: boolean, detail: string }[]>}
 */
export async function checkKeyStore(store, { seed, other = store }) {
  const samples = new Samples(seed);
  const context = { store, other, samples, seed, handles: [store, other] };
  return judged(CHECKS.map(([name, check]) => [name, () => check(context)]));
}

async function put(store, record) {
  expect((await store.insert(record)) === "done", "a fresh record is not inserted");
  return record;
}

const CHECKS = [
  ["it says what it offers", async ({ store }) => {
    for (const name of ["cas", "readYourWrites", "putOnce", "list"]) expect(typeof store.capabilities?.[name] === "boolean", `capabilities.${name} is not true or false`);
    expect(store.capabilities.cas && store.capabilities.readYourWrites, "a store of keys that can be revoked needs `cas` and `readYourWrites`");
  }],

  ["an insert keeps a record as it is, once", async ({ store, other, samples }) => {
    const record = samples.record({ label: "ünï ' \" \\ \u{1f511}", expiresAt: null, ipAllow: ["::1/128"], lastUsedAt: NOW, note: { kept: [1, null, "\0"] } });
    expect((await store.find(record.id)) === null, "an unknown id is found");
    await put(store, record);
    for (const handle of [store, other]) equal(await handle.find(record.id), record, "what is found is not what was inserted");
    expect((await other.insert({ ...record, owner: "thief", label: "again" })) === "exists", "a taken id is inserted again");
    equal(await store.find(record.id), record, "a refused insert changed the record");
    expect((await other.update(record.id, 1, changed(record))) === "done", "a record with members of its own cannot be updated");
    if (store.capabilities.list) expect(!(await store.list("thief", null, 10)).some(({ id }) => id === record.id), "a refused insert is listed");
  }],

  ["ids are told apart by case", async ({ store, samples }) => {
    const lower = samples.record();
    const id = lower.id.replace(/[A-Za-z]/g, (letter) => (letter < "a" ? letter.toLowerCase() : letter.toUpperCase()));
    await put(store, lower);
    expect((await store.find(id)) === null, "an id in other case is found");
  }],

  ["what is no record is not stored", async ({ store, samples }) => {
    const bad = [{ expiresAt: Number.NaN }, { expiresAt: undefined }, { version: 1.5 }, { createdAt: "1" }, { scopes: null }];
    for (const wrong of bad) {
      const record = samples.record(wrong);
      expect(await refuses(() => store.insert(record)), `a record with a wrong \`${Object.keys(wrong)[0]}\` is inserted`);
      expect((await store.find(record.id)) === null, "a refused record is found");
    }
    const record = await put(store, samples.record());
    expect(await refuses(() => store.update(record.id, 1, changed(record, { expiresAt: Number.POSITIVE_INFINITY }))), "an expiry that cannot be read is stored");
    const stranger = changed(samples.record());
    expect(await refuses(() => store.update(record.id, 1, stranger)), "a record of another id replaces one");
    equal(await store.find(record.id), record, "a refused update changed the record");
  }],

  ["an update goes through on the stored version alone", async ({ store, other, samples }) => {
    const first = samples.record();
    const second = changed(first, { label: "second" });
    const update = (expected, record) => other.update(first.id, expected, record);
    expect((await update(1, second)) === "missing", "an unknown record is updated");
    await put(store, first);
    expect((await update(7, changed({ ...first, version: 7 }))) === "conflict", "an update on another version goes through");
    expect((await update(1, first)) === "conflict", "an update that keeps its version goes through");
    expect((await update(1, { ...first, version: 0 })) === "conflict", "an update to an older version goes through");
    expect((await update(1, second)) === "done", "an update on the stored version is refused");
    for (const handle of [store, other]) equal(await handle.find(first.id), second, "what is found is not what was updated");
    expect((await update(1, second)) === "conflict", "an update goes through twice");
    equal(await store.find(first.id), second, "a refused update changed the record");
  }],

  ["neither owner nor time of creation changes", async ({ store, other, samples }) => {
    const record = await put(store, samples.record());
    for (const change of [{ owner: "thief" }, { createdAt: record.createdAt + 1 }]) {
      expect((await other.update(record.id, 1, changed(record, change))) === "conflict", `a change of \`${Object.keys(change)[0]}\` goes through`);
      equal(await store.find(record.id), record, "a refused update changed the record");
    }
    expect((await store.update(record.id, 1, changed(record, { label: "own" }))) === "done", "a record is refused after that");
  }],

  ["a revoked record is never revived", async ({ store, other, samples }) => {
    const first = await put(store, samples.record());
    const revoked = changed(first, { revokedAt: NOW });
    expect((await store.update(first.id, 1, revoked)) === "done", "a revocation is refused");
    for (const handle of [store, other]) equal(await handle.find(first.id), revoked, "what is found after a revocation is not what was revoked");
    for (const [expected, record] of [[2, changed(revoked, { revokedAt: null })], [2, { ...first, version: 9 }], [1, changed(first)], [1, first]]) {
      expect((await other.update(first.id, expected, record)) === "conflict", "a revoked record is revived");
    }
    expect((await other.insert(first)) === "exists", "a revoked record is inserted anew");
    const relabelled = changed(revoked, { label: "still revoked" });
    expect((await store.update(first.id, 2, relabelled)) === "done", "a revoked record cannot be changed at all");
    equal(await store.find(first.id), relabelled, "a refused update changed the record");
  }],

  ["what the caller does to a record stays with the caller", async ({ store, samples }) => {
    const mine = samples.record();
    const kept = structuredClone(mine);
    await put(store, mine);
    mine.scopes.push("jobs:write");
    const found = await store.find(mine.id);
    equal(found, kept, "a change of what was inserted went into the store");
    found.revokedAt = NOW;
    found.scopes.length = 0;
    equal(await store.find(mine.id), kept, "a change of what was found went into the store");
  }],

  ["pages are an owner's records in order", async ({ store, samples, seed }) => {
    if (!store.capabilities.list) {
      expect(await refuses(() => store.list("kit", null, 1)), "a store that cannot list answers with a list");
      return "the store does not list";
    }
    const owner = `kit-${seed}-list`;
    const all = [];
    // Many of one second, so that the order hangs on the ids; more than one page may hold.
    for (let at = 0; at < 104; at++) all.push(await put(store, samples.record({ owner, createdAt: NOW + (at % 3) })));
    await put(store, samples.record({ owner: `${owner}-other` }));
    all.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    const seen = [];
    for (let after = null, pages = 0; ; pages++) {
      const records = await store.list(owner, after, 10);
      expect(records.length <= 10 && pages < 12, "a page is longer than its limit, or there is no last one");
      if (records.length === 0) break;
      after = { createdAt: records.at(-1).createdAt, id: records.at(-1).id };
      seen.push(...records);
    }
    equal(seen, all, "the pages of an owner are not its records in order");
    expect((await store.list(owner, null, 1000)).length === 100, "a page holds more than 100 records, or fewer than it could");
    expect((await store.list(owner, null, 0)).length === 0, "a page of none holds some");
    equal(await store.list(`${owner}-none`, null, 10), [], "an owner without keys has some");
    expect(await refuses(() => store.list("", null, 10)), "a list of no owner is given");
  }],

  ["a use is noted forward only, and changes no version", async ({ store, other, samples }) => {
    const record = await put(store, samples.record());
    const absent = samples.record();
    for (const at of [50, 80, 60]) await other.touch([{ id: record.id, at: NOW + at }, { id: absent.id, at: NOW }, { id: record.id, at: NOW + 10 }]);
    await store.touch([]);
    const touched = await store.find(record.id);
    equal(touched, { ...record, lastUsedAt: NOW + 80 }, "the last use went backwards, was not kept, or changed something else");
    expect((await store.find(absent.id)) === null, "a use made a record");
    expect((await store.update(record.id, 1, changed(record, { label: "later" }))) === "done", "a record that was used cannot be updated");
    expect((await store.find(record.id)).lastUsedAt === NOW + 80, "an update forgot the last use");
    for (const at of [Number.NaN, -1, 0.5]) expect(await refuses(() => store.touch([{ id: record.id, at }])), "a use at no time is noted");
  }],

  ["one of sixteen inserts of an id goes through", async ({ handles, samples }) => {
    const record = samples.record();
    const outcomes = await racing(RACERS, (at) => handles[at % 2].insert({ ...record, label: `racer ${at}` }));
    const winners = outcomes.flatMap((outcome, at) => (outcome === "done" ? [at] : []));
    expect(winners.length === 1 && outcomes.filter((outcome) => outcome === "exists").length === RACERS - 1, "not exactly one of several inserts of an id went through");
    expect((await handles[1].find(record.id)).label === `racer ${winners[0]}`, "the insert that went through is not what is stored");
  }],

  ["one of sixteen updates of a version goes through", async ({ handles, samples }) => {
    const record = await put(handles[0], samples.record());
    const mine = (at) => changed(record, { label: `racer ${at}` });
    const outcomes = await racing(RACERS, (at) => handles[at % 2].update(record.id, 1, mine(at)));
    const winners = outcomes.flatMap((outcome, at) => (outcome === "done" ? [at] : []));
    expect(winners.length === 1 && outcomes.filter((outcome) => outcome === "conflict").length === RACERS - 1, "not exactly one of several updates of a version went through");
    equal(await handles[1].find(record.id), mine(winners[0]), "the update that went through is not what is stored");
  }],

  ["no change of sixteen is lost, nor a use among them", async ({ handles, samples }) => {
    const record = await put(handles[0], samples.record({ scopes: [] }));
    await racing(RACERS, async (at) => {
      await handles[at % 2].touch([{ id: record.id, at: NOW + 1 + at }]);
      for (;;) {
        const found = await handles[at % 2].find(record.id);
        if ((await handles[at % 2].update(record.id, found.version, changed(found, { scopes: [...found.scopes, `s${at}`] }))) === "done") return;
      }
    });
    const found = await handles[0].find(record.id);
    expect(new Set(found.scopes).size === RACERS && found.scopes.length === RACERS && found.version === 1 + RACERS, "a change was lost");
    expect(found.lastUsedAt === NOW + RACERS, "a use was lost among changes");
  }],

  ["the latest of sixteen uses is kept", async ({ handles, samples }) => {
    const records = [await put(handles[0], samples.record()), await put(handles[0], samples.record())];
    await racing(RACERS, (at) => {
      // In both orders, so that two batches would wait for each other if the store locked as they come.
      const uses = records.map(({ id }) => ({ id, at: NOW + 1 + at }));
      return handles[at % 2].touch(at % 4 < 2 ? uses : uses.reverse());
    });
    for (const { id } of records) expect((await handles[1].find(id)).lastUsedAt === NOW + RACERS, "the latest of several uses is not what is stored");
  }],

  ["a revocation wins over every change that races with it", async ({ handles, samples }) => {
    const record = await put(handles[0], samples.record());
    const write = async (handle, change) => {
      for (;;) {
        const found = await handle.find(record.id);
        const outcome = await handle.update(record.id, found.version, changed(found, change(found)));
        if (outcome === "done") return;
        expect(outcome === "conflict", "a record was lost");
      }
    };
    await racing(RACERS, (at) => write(handles[at % 2], at === 7 ? () => ({ revokedAt: NOW }) : () => ({ label: `racer ${at}` })));
    expect((await handles[1].find(record.id)).revokedAt === NOW, "a change undid a revocation");
  }],
];

/** Whether something is refused with an error that has a code and holds no hash. */
async function refuses(run) {
  try {
    await run();
    return false;
  } catch (error) {
    expect(typeof error?.code === "string", "an error has no code");
    expect(!`${error.message} ${JSON.stringify(error)}`.includes("A".repeat(43)), "an error holds a hash");
    return true;
  }
}

