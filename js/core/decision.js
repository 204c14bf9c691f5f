// The answer to one request. Most requests are allowed and read little of it, so an allow is a few numbers, and its text is
// made by the module when somebody reads it; everything else comes with the text.
import { ScopegateError } from "./errors.js";

const EFFECTS = ["deny", "allow", "preflight"];
const NONE = Object.freeze([]);

export class Decision {
  #proven;
  #allowed;
  #text;
  #json;
  #response;
  #principals;

  /**
   * @param {number} effect 0 deny, 1 allow, 2 preflight
   * @param {number} status
   * @param {string | null} routeId
   * @param {Proven | Proven[] | null} proven who is behind it
   * @param {Allowed | null} allowed of an allow whose text was not made yet
   * @param {string} [text]
   * @param {string | object} [response] of everything but an allow
   */
  constructor(effect, status, routeId, proven, allowed, text, response) {
    this.effect = EFFECTS[effect];
    this.allowed = effect === 1;
    this.status = status;
    this.routeId = routeId;
    this.#proven = proven;
    this.#allowed = allowed;
    this.#text = text;
    this.#json = undefined;
    this.#response = response;
    this.#principals = undefined;
  }

  /** The id of the matched route: the same as `routeId`. */
  get route() {
    return this.routeId;
  }

  get code() {
    return this.allowed ? "ok" : this.#parsed().code;
  }

  get detail() {
    return this.#parsed().detail;
  }

  /** The path parameters as sent: percent-escapes are not decoded. */
  get params() {
    return this.#allowed ? this.#allowed.params() : this.#parsed().params;
  }

  get principal() {
    const first = Array.isArray(this.#proven) ? this.#proven[0] : this.#proven;
    return first ? first.principal : null;
  }

  /** Everyone behind an allowed request, in the order of the satisfied alternative. */
  get principals() {
    return (this.#principals ??= this.#proven === null ? NONE : [this.#proven].flat().map(({ principal }) => principal));
  }

  get alternative() {
    return this.#parsed().alternative;
  }

  get missing() {
    return this.#parsed().missing;
  }

  get challenges() {
    return this.#parsed().challenges;
  }

  get allow() {
    return this.#parsed().allow ?? NONE;
  }

  get problem() {
    return this.#parsed().problem;
  }

  get effects() {
    return this.#parsed().effects;
  }

  get trace() {
    return this.#parsed().trace;
  }

  /** `{ status, headers, body }` of the answer to a request that must not pass; null on allow. */
  get response() {
    if (this.allowed) return null;
    return structuredClone(typeof this.#response === "string" ? (this.#response = JSON.parse(this.#response)) : this.#response);
  }

  /** The answer as a Fetch `Response`: of a refusal or a preflight. */
  toResponse() {
    if (this.allowed) throw new ScopegateError("decision_allowed", "An allowed request has no refusal to answer with.");
    const { status, headers, body } = this.response;
    return new Response(body === "" ? null : body, { status, headers });
  }

  #parsed() {
    return (this.#json ??= JSON.parse(this.toString()));
  }

  toJSON() {
    return structuredClone(this.#parsed());
  }

  /** The decision's JSON: the same bytes in every runtime and natively. */
  toString() {
    return (this.#text ??= this.#allowed.text());
  }

  [Symbol.for("nodejs.util.inspect.custom")]() {
    return `Decision { ${this.effect} ${this.status} ${this.code}${this.routeId ? ` ${this.routeId}` : ""} }`;
  }
}

/** The refusal of a request that this package itself could not have judged: its module broke, or a store answers rubbish. */
export function unavailable(code, now) {
  const problem = {
    type: code.replaceAll("_", "-"), title: "Unavailable", status: 503,
    detail: "The credential cannot be checked at the moment; try again later.", code,
  };
  const audit = { type: "decision", at: now, effect: "deny", status: 503, code };
  return refusal(503, null, problem, audit);
}

/** An allow that turned out to be for another route than the one the handler was registered for. */
export function mismatched(decision, now) {
  const problem = {
    type: "route-mismatch", title: "Not found", status: 404, detail: "There is no such resource.", code: "route_mismatch",
  };
  const audit = { type: "decision", at: now, effect: "deny", status: 404, code: "route_mismatch", routeId: decision.routeId };
  return refusal(404, decision.routeId, problem, audit);
}

function refusal(status, routeId, problem, audit) {
  const json = {
    effect: "deny", status, code: problem.code, routeId, params: {}, principal: null, alternative: null, missing: [],
    challenges: [], problem, effects: { touch: null, upgrade: null, audit },
  };
  const headers = [["content-type", "application/problem+json"], ["cache-control", "no-store"]];
  if (status === 503) headers.push(["retry-after", "5"]);
  return new Decision(0, status, routeId, null, null, JSON.stringify(json), { status, headers, body: JSON.stringify(problem) });
}
