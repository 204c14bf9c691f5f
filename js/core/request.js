// From what a runtime calls a request to what the engine looks at. Nothing is normalised: the target goes in as it came.
import { ScopegateError } from "./errors.js";

const OVERRIDES = ["x-http-method-override", "x-http-method", "x-method-override"];
/** The headers that the engine looks at besides the API-key headers of the policy. */
export const FIXED_HEADERS = ["authorization", "origin", "access-control-request-method", ...OVERRIDES];
/** Of one name two lines are enough to see that there is more than one. */
const LINES_PER_NAME = 2;
const MOST_LENGTH = 64;

/** The headers that a gate looks at: names to indices, by their length and first letter, which spares most look-ups. */
export class HeaderNames {
  #byLength = new Array(MOST_LENGTH + 1).fill(undefined);

  constructor(names) {
    this.names = names;
    names.forEach((name, index) => {
      const length = Math.min(name.length, MOST_LENGTH);
      (this.#byLength[length] ??= []).push({ name, index, first: name.charCodeAt(0) | 0x20 });
    });
  }

  find(name) {
    const known = this.#byLength[Math.min(name.length, MOST_LENGTH)];
    if (known === undefined) return -1;
    for (let at = 0; at < known.length; at++) if (known[at].name === name) return known[at].index;
    const first = name.charCodeAt(0) | 0x20;
    for (let at = 0; at < known.length; at++) if (known[at].first === first && known[at].name === name.toLowerCase()) return known[at].index;
    return -1;
  }
}

/** One request as strings; reused by its session. */
export class RequestView {
  method = "";
  target = "";
  clientIp = "";
  https = false;
  count = 0;
  indices = [];
  values = [];

  clear() {
    this.method = this.target = this.clientIp = "";
    for (let at = 0; at < this.count; at++) this.values[at] = "";
    this.count = 0;
  }

  /** The number of the only line of this header; -1 when there is none or more than one. */
  once(index) {
    let found = -1;
    for (let at = 0; at < this.count; at++) {
      if (this.indices[at] !== index) continue;
      if (found >= 0) return -1;
      found = at;
    }
    return found;
  }

  line(index, value) {
    let seen = 0;
    for (let at = 0; at < this.count; at++) if (this.indices[at] === index) seen += 1;
    if (seen >= LINES_PER_NAME) return;
    this.indices[this.count] = index;
    this.values[this.count] = value;
    this.count += 1;
  }
}

/**
 * Reads a Fetch `Request`, a Node `IncomingMessage` or `{ method, target, headers, https, clientIp }`.
 * @param {RequestView} view where to
 * @param {HeaderNames} names
 * @param {object | undefined} trust the trusted-proxy option
 * @param {object | undefined} context `clientIp` and `https` of callers who know better
 */
export function readRequest(view, input, names, trust, context) {
  if (input === null || typeof input !== "object") throw misuse("a request is an object");
  view.clear();
  if (typeof input.target === "string") readPlain(view, input, names);
  else if (Array.isArray(input.rawHeaders)) readNode(view, input, names);
  else if (typeof input.url === "string" && typeof input.headers?.get === "function") readFetch(view, input, names);
  else throw misuse("a request is a Fetch Request, an IncomingMessage or { method, target, headers, https, clientIp }");
  if (typeof view.method !== "string") throw misuse("the method of a request is a string");
  if (context !== undefined && context !== null) {
    if (typeof context.clientIp === "string") view.clientIp = context.clientIp;
    if (typeof context.https === "boolean") view.https = context.https;
  }
  if (trust) readForwarded(view, input, trust);
}

function readPlain(view, input, names) {
  view.method = input.method;
  view.target = input.target;
  view.https = input.https !== false;
  view.clientIp = typeof input.clientIp === "string" ? input.clientIp : "";
  const { headers } = input;
  if (headers === undefined || headers === null) return;
  if (typeof headers.get === "function") return fromHeaders(view, headers, names);
  if (typeof headers[Symbol.iterator] === "function") {
    for (const [name, value] of headers) see(view, names, name, value);
    return;
  }
  for (const name in headers) {
    const index = names.find(name);
    if (index >= 0 && Object.hasOwn(headers, name)) lines(view, index, headers[name]);
  }
}

function see(view, names, name, value) {
  const index = names.find(String(name));
  if (index >= 0) lines(view, index, value);
}

function lines(view, index, value) {
  if (value === undefined || value === null) return;
  if (Array.isArray(value)) for (const one of value) view.line(index, String(one));
  else view.line(index, String(value));
}

function readNode(view, input, names) {
  view.method = input.method;
  // Routers rewrite `url` where they are mounted; the request line stays in `originalUrl`.
  const target = input.originalUrl ?? input.url;
  if (typeof target !== "string") throw misuse("the url of a request is a string");
  view.target = target;
  view.https = input.socket?.encrypted === true;
  view.clientIp = zoneless(input.socket?.remoteAddress);
  const lines = input.rawHeaders;
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const index = names.find(lines[at]);
    if (index >= 0) view.line(index, lines[at + 1]);
  }
}

function readFetch(view, input, names) {
  view.method = input.method;
  view.target = targetOf(input.url);
  view.https = input.url.startsWith("https:");
  fromHeaders(view, input.headers, names);
}

/** `Headers` joins lines of one name by a comma, which the engine reads as more than one value. */
function fromHeaders(view, headers, names) {
  for (let index = 0; index < names.names.length; index++) {
    const value = headers.get(names.names[index]);
    if (value !== null && value !== undefined) view.line(index, value);
  }
}

/** The request target of an absolute URL, cut by string: from the first slash after the authority to the fragment. */
export function targetOf(url) {
  const authority = url.indexOf("://");
  const from = authority < 0 ? 0 : authority + 3;
  const hash = url.indexOf("#", from);
  const end = hash < 0 ? url.length : hash;
  let slash = from;
  while (slash < end && url[slash] !== "/" && url[slash] !== "?") slash += 1;
  return url[slash] === "/" ? url.slice(slash, end) : `/${url.slice(slash, end)}`;
}

/** Only the headers that the option names are read, and of a list only the entry that the nearest trusted proxy wrote. */
function readForwarded(view, input, trust) {
  if (trust.clientIp) {
    const list = header(input, trust.clientIp.header);
    if (list !== undefined) view.clientIp = fromRight(list, trust.clientIp.hops ?? 1);
  }
  if (trust.https) {
    const list = header(input, trust.https.header);
    if (list !== undefined) view.https = fromRight(list, trust.https.hops ?? 1).toLowerCase() === "https";
  }
}

function header(input, name) {
  const { rawHeaders, headers } = input;
  const values = [];
  const wanted = name.toLowerCase();
  const take = (key, value) => {
    if (String(key).toLowerCase() === wanted && value !== undefined && value !== null) values.push(...[value].flat());
  };
  if (Array.isArray(rawHeaders)) {
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) take(rawHeaders[at], rawHeaders[at + 1]);
  } else if (typeof headers?.get === "function") {
    take(name, headers.get(name));
  } else if (typeof headers?.[Symbol.iterator] === "function") {
    for (const [key, value] of headers) take(key, value);
  } else {
    for (const key of Object.keys(headers ?? {})) take(key, headers[key]);
  }
  return values.length > 0 ? values.join(",") : undefined;
}

/** An entry that is not there is no address and no scheme: it denies where one is needed. */
function fromRight(list, hops) {
  const entries = list.split(",");
  return (entries[entries.length - hops] ?? "").trim();
}

function zoneless(address) {
  if (typeof address !== "string") return "";
  const zone = address.indexOf("%");
  return zone < 0 ? address : address.slice(0, zone);
}

function misuse(what) {
  return new ScopegateError("invalid_request", `Not a request: ${what}.`);
}
