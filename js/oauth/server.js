// The authorization server.
import { ScopegateError } from "../core/errors.js";
import { requireCapabilities } from "../stores/contract.js";
import { operations } from "./host.js";
import { Interaction, readRequest, responseOf, unavailable, withCookie } from "./http.js";
import { Counter, run } from "./loop.js";
import { called, optionsOf } from "./options.js";
import { Engine } from "./runtime.js";
import { keysOf } from "./signer.js";

/** Grants that are revoked by one flow. */
const PAGE = 8;
/** How often the list of grants is read at most. */
const PASSES = 8;
const misuse = (message) => new ScopegateError("outcome_invalid", message);

/** How a login ended, as the module reads it. */
function loginOutcome(outcome) {
  if (outcome === "notLoggedIn" || outcome === "denied") return outcome;
  const { sub, authTime, acr = null, amr = [] } = outcome ?? {};
  if (typeof sub !== "string" || sub === "") throw misuse('A login is `{ sub, authTime }`, "notLoggedIn" or "denied".');
  if (!Number.isSafeInteger(authTime) || authTime < 0) throw misuse("`authTime` is in whole Unix seconds.");
  if (acr !== null && typeof acr !== "string") throw misuse("`acr` is a text.");
  if (!Array.isArray(amr) || !amr.every((method) => typeof method === "string")) throw misuse("`amr` is a list of texts.");
  return { loggedIn: { sub, authTime, acr, amr } };
}

function consentOutcome(outcome) {
  if (outcome === "denied") return "deny";
  const scopes = outcome?.scopes;
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === "string")) throw misuse('A consent is `{ scopes }` or "denied".');
  return { approve: scopes };
}

/** What came out of a form: a field that is not there is no ticket. */
const ticketOf = (ticket) => (typeof ticket === "string" ? ticket.toWellFormed() : "");

/** The request that each interaction is the answer to: in no other may it stand for a ticket that a browser has brought. */
const answered = new WeakMap();

/** The request of a browser that comes back with a ticket, or is answered at once, before it could be given the cookie. */
async function resumed(request, from) {
  const read = await readRequest(request, false);
  if (!(from instanceof Interaction)) return { request: read, ticket: ticketOf(from) };
  if (answered.get(from) !== request) throw new ScopegateError("request_invalid", "The interaction answers another request: give the ticket that came back.");
  return { request: { ...read, headers: withCookie(read.headers, from) }, ticket: from.ticket };
}

export class AuthorizationServer {
  #settings;
  #host;
  #now;
  #timeout;
  /** The keys of now with what signs by them. A flow keeps those that it began with. */
  #current;
  #counter;
  #closed = false;

  constructor(options) {
    const { settings, host, told, signers, now, timeout } = optionsOf(options);
    this.#settings = settings;
    this.#host = host;
    this.#now = now;
    this.#timeout = timeout;
    this.#counter = new Counter(host.onError);
    this.#current = this.#engineOf(told, signers);
  }

  #engineOf(keys, signers) {
    const engine = called(() => new Engine("RawServer", JSON.stringify({ ...this.#settings, keys })));
    return { engine, operations: operations({ ...this.#host, signers, onError: (error, operation) => this.#counter.report(error, operation) }) };
  }

  /** Other keys, after a rotation. */
  setKeys(keys) {
    const { told, signers } = keysOf(keys);
    this.#current = this.#engineOf(told, signers);
  }

  /**
   * Answers a request to any endpoint.
   * @param {Request | import("node:http").IncomingMessage} request
   * @param {unknown} [context] handed to the functions of the options
   * @returns {Promise<Response | Interaction>}
   */
  async handle(request, context) {
    return this.#run(request, { http: await readRequest(request, true) }, context);
  }

  /**
   * Goes on after a login.
   * @param {Request | import("node:http").IncomingMessage} request the browser's, for its cookie
   * @param {unknown} from the ticket that came back, or, in the request that it answers, the interaction itself when the user need not be asked
   */
  async resumeLogin(request, from, outcome, context) {
    const login = loginOutcome(outcome);
    return this.#run(request, { ...(await resumed(request, from)), login }, context);
  }

  /**
   * Goes on after a consent.
   * @param {string | null} present the subject of the session that the browser has now; null when nobody is signed in
   */
  async resumeConsent(request, from, present, outcome, context) {
    if (present !== null && (typeof present !== "string" || present === "")) throw misuse("`present` is who is signed in, or null.");
    const consent = consentOutcome(outcome);
    return this.#run(request, { ...(await resumed(request, from)), present, consent }, context);
  }

  /**
   * Revokes somebody's grants, or those for one client: after a change of password, a logout everywhere, the removal of the user.
   * Rejects when the store could not; what was revoked until then stays so, and another call does the rest.
   * @returns {Promise<{ revoked: number }>}
   */
  async revokeAll(sub, { clientId = null } = {}, context) {
    if (typeof sub !== "string" || sub === "") throw new ScopegateError("request_invalid", "`sub` is a text.");
    if (clientId !== null && typeof clientId !== "string") throw new ScopegateError("request_invalid", "`clientId` is a text.");
    requireCapabilities(this.#host.store, ["list"]);
    const seen = new Set();
    let revoked = 0;
    // What is granted meanwhile may stand before the page: the list is read until it names nothing new.
    for (let pass = 0; pass < PASSES; pass += 1) {
      const before = seen.size;
      for (let after = null; after !== undefined; ) {
        let page;
        const grantsOf = async (need) => {
          // The flow sees one page and then the end: it reads its answers again at each step.
          if (page !== undefined) return { grants: [] };
          page = (await this.#current.operations.grants_of({ ...need, after, limit: PAGE })).grants;
          // A store that does not go on would keep this going for ever.
          if (after !== null && page[0] <= after) throw new ScopegateError("answer_invalid", "grantsOf does not go on.");
          return { grants: page.filter((id) => !seen.has(id)) };
        };
        const response = await this.#run(undefined, { revokeAll: { sub, clientId } }, context, { grants_of: grantsOf });
        if (response.status !== 200) throw new ScopegateError("store_unavailable", "Some grants may be left: call it again.");
        revoked += (await response.json()).revoked;
        page.forEach((id) => seen.add(id));
        after = page.at(-1);
      }
      if (seen.size === before) return { revoked };
    }
    throw new ScopegateError("store_unavailable", "Grants are begun all the time: end the sessions, and call it again.");
  }

  /** How often what happened since the server was made. */
  get counts() {
    return this.#counter.counts;
  }

  close() {
    if (!this.#closed) this.#current.engine.free();
    this.#closed = true;
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.close();
  }

  async #run(request, input, context, more) {
    if (this.#closed) throw new ScopegateError("server_closed", "This server is closed.");
    const { engine, operations } = this.#current;
    const step = await run({
      engine, operations: { ...operations, ...more }, input, now: this.#now(), timeout: this.#timeout, context, counter: this.#counter,
    });
    if (step === undefined) return unavailable();
    if (step.respond !== undefined) return responseOf(step.respond);
    const interaction = new Interaction(step.interact);
    answered.set(interaction, request);
    return interaction;
  }
}
