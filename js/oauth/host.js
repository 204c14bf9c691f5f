// What a flow asks for, by the name of the operation. An answer that is not of the exact shape is an outage, never "no such thing".
import { ScopegateError } from "../core/errors.js";
import { within } from "../core/store.js";
import { decode, encode, textOf, utf8 } from "./bytes.js";
import { readWhole } from "./http.js";

const rubbish = (what) => new ScopegateError("answer_invalid", `${what} answered something else than it may.`);

function oneOf(answer, allowed, what) {
  if (!allowed.includes(answer)) throw rubbish(what);
  return answer;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const areTexts = (value) => Array.isArray(value) && value.every((one) => typeof one === "string");

function consented(scopes) {
  if (scopes !== null && !areTexts(scopes)) throw rubbish("getConsent");
  return scopes;
}

/** The operations over what the application gave. Each resolves to the answer as the module reads it. */
export function operations({ store, client, signers, claims, signedIn, verifySecret, onEvent, onError, fetch }) {
  return {
    async client_get({ clientId }, context) {
      const found = (await client(clientId, context)) ?? null;
      if (found !== null && !isObject(found)) throw rubbish("clients");
      return { client: found };
    },
    async grant_get({ id }) {
      const found = await store.getGrant(id);
      if (found === null) return { grant: null };
      if (typeof found?.row !== "string" || !Number.isSafeInteger(found.version) || found.version < 0) throw rubbish("getGrant");
      return { grant: { row: encode(utf8(found.row)), version: found.version } };
    },
    // Rows are text, the same bytes as the Rust stores keep.
    async grant_insert({ id, sub, row, expiresAt }, context) {
      const done = oneOf(await store.insertGrant(id, textOf(decode(row)), expiresAt, sub), ["inserted", "exists"], "insertGrant");
      // Who signs out meanwhile finds this grant in the list, or is seen here: then its code is told to nobody.
      const present = signedIn === undefined || oneOf(await signedIn(sub, context), [true, false], "signedIn");
      if (!present) throw new ScopegateError("signed_out", "The session ended while something was granted.");
      return { inserted: done === "inserted" };
    },
    async grants_of({ sub, after, limit }) {
      const ids = await store.grantsOf(sub, after, limit);
      if (!areTexts(ids) || ids.length > limit) throw rubbish("grantsOf");
      return { grants: ids };
    },
    grant_swap: async ({ id, expectVersion, row, expiresAt }) =>
      ({ swap: oneOf(await store.swapGrant(id, expectVersion, textOf(decode(row)), expiresAt), ["swapped", "conflict", "missing"], "swapGrant") }),
    consent_get: async ({ sub, clientId }) => ({ consent: consented(await store.getConsent(sub, clientId)) }),
    async consent_save({ sub, clientId, scopes }) {
      const known = consented(await store.getConsent(sub, clientId)) ?? [];
      await store.saveConsent(sub, clientId, [...new Set([...known, ...scopes])]);
      return "done";
    },
    async claims({ sub, scopes, target }, context) {
      const found = await claims(sub, { scopes, target }, context);
      if (!isObject(found)) throw rubbish("claims");
      return { claims: found };
    },
    async sign({ kid, signingInput }) {
      const sign = signers.get(kid);
      if (sign === undefined) throw new ScopegateError("key_unknown", "There is no private half of the active key.");
      return { signature: encode(await sign(decode(signingInput))) };
    },
    put_once: async ({ space, keyHash, expiresAt }) =>
      ({ put: oneOf(await store.putOnce(space, keyHash, expiresAt), ["fresh", "seen"], "putOnce") === "fresh" }),
    async verify_secret({ clientId, secret }, context) {
      if (verifySecret === undefined) throw new ScopegateError("options_invalid", "A client's secret is for `verifySecret`, which was not given.");
      return { verified: oneOf(await verifySecret(clientId, secret, context), [true, false], "verifySecret") };
    },
    /** It has happened already: whoever cannot be told of it changes nothing. */
    async event(need, context) {
      try {
        await onEvent?.({ kind: need.kind, grantId: need.grantId }, context);
      } catch (error) {
        onError(error, "event");
      }
      return "done";
    },
    async http({ method, url, headers, body, maxBytes, timeoutMs }) {
      const answer = await fetch(url, {
        method, headers, body: body === "" ? undefined : decode(body), redirect: "manual", signal: AbortSignal.timeout(timeoutMs),
      });
      const chunks = answer.body?.getReader();
      const found = chunks === undefined ? new Uint8Array(0) : await readWhole({ next: () => chunks.read(), return: () => chunks.cancel() }, maxBytes + 1);
      if (found.length > maxBytes) throw rubbish("A provider");
      return { http: { status: answer.status, headers: [...answer.headers.entries()], body: encode(found) } };
    },
  };
}

/** Asks the host, for so many milliseconds. What goes wrong is told to the operator and is an outage to the flow. */
export async function ask(host, need, context, { timeout, onError }) {
  try {
    if (!Object.hasOwn(host, need.op)) throw new ScopegateError("operation_unknown", `There is no operation \`${need.op}\`.`);
    return JSON.stringify(await within(host[need.op](need, context), timeout, need.op));
  } catch (error) {
    onError(error, need.op);
    return '"unavailable"';
  }
}
