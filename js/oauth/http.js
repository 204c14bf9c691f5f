// From a runtime's request to the one the module reads, and back to a `Response`.
import { ScopegateError } from "../core/errors.js";
import { targetOf } from "../core/request.js";
import { decode, encode } from "./bytes.js";

/** One more than an endpoint reads: what is longer is refused by the module. */
const MOST_BODY = 64 * 1024 + 1;
const EMPTY = new Uint8Array(0);

/**
 * Reads a Fetch `Request` or a Node `IncomingMessage`.
 * @param {boolean} withBody whether the body is still to be read
 */
export async function readRequest(input, withBody) {
  const node = Array.isArray(input?.rawHeaders);
  if (!node && (typeof input?.url !== "string" || typeof input.headers?.entries !== "function")) {
    throw new ScopegateError("request_invalid", "A request is a Fetch Request or an IncomingMessage.");
  }
  const target = node ? (input.originalUrl ?? input.url) : targetOf(input.url);
  const question = target.indexOf("?");
  const reads = withBody && input.method === "POST";
  if (reads && (input.bodyUsed || input.readableDidRead)) {
    throw new ScopegateError("request_invalid", "The body of the request was read already: no parser may come before this.");
  }
  return {
    method: input.method,
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? "" : target.slice(question + 1),
    headers: node ? pairs(input.rawHeaders) : [...input.headers.entries()],
    body: reads ? encode(await (node ? read(input[Symbol.asyncIterator]()) : fetched(input))) : "",
  };
}

function pairs(lines) {
  const headers = [];
  for (let at = 0; at + 1 < lines.length; at += 2) headers.push([lines[at], lines[at + 1]]);
  return headers;
}

function fetched(request) {
  if (request.body === null || request.body === undefined) return EMPTY;
  const reader = request.body.getReader();
  return read({ next: () => reader.read(), return: () => reader.cancel() });
}

/** All bytes, or the first that are too many; throws when the body breaks off. */
export async function readWhole(chunks, most) {
  const bytes = new Uint8Array(most);
  let length = 0;
  for (;;) {
    const { done, value } = await chunks.next();
    if (done) return bytes.slice(0, length);
    const part = value.subarray(0, most - length);
    bytes.set(part, length);
    length += part.length;
    if (length === most) {
      await chunks.return?.();
      return bytes;
    }
  }
}

/** The same of a request: a body that breaks off is none. */
const read = (chunks) => readWhole(chunks, MOST_BODY).catch(() => EMPTY);

/** A status that has no body. */
const isBare = (status) => status === 204 || status === 304;

export function responseOf({ status, headers, body }) {
  const lines = new Headers();
  for (const [name, value] of headers) lines.append(name, value);
  const bytes = body === "" || isBare(status) ? null : decode(body);
  return new Response(bytes, { status, headers: lines });
}

/** What the module says when the host could not, for when the module itself cannot. */
export function unavailable() {
  const body = { error: "temporarily_unavailable", error_description: "try again" };
  return Response.json(body, { status: 503, headers: { "cache-control": "no-store", "retry-after": "1" } });
}

/** What the host's page must do before an authorization goes on. */
export class Interaction {
  constructor({ ask, ticket, client, headers }) {
    this.ask = ask;
    this.ticket = ticket;
    this.client = client;
    this.headers = new Headers();
    for (const [name, value] of headers) this.headers.append(name, value);
  }

  /** A page with the headers that it must have; `html` is sent as it is, so escape what you put into it. */
  page(html, { status = 200, headers = {} } = {}) {
    const all = new Headers(this.headers);
    all.set("content-type", "text/html; charset=utf-8");
    new Headers(headers).forEach((value, name) => all.set(name, value));
    return new Response(html, { status, headers: all });
  }
}

/** The headers of a request as if its browser had been given the cookie of an interaction already. */
export function withCookie(headers, interaction) {
  const [pair] = interaction.headers.getSetCookie()[0].split(";");
  const name = pair.slice(0, pair.indexOf("=") + 1);
  const others = headers.filter(([header]) => header.toLowerCase() === "cookie").flatMap(([, value]) => value.split(";"));
  const cookies = [...others.map((other) => other.trim()).filter((other) => other !== "" && !other.startsWith(name)), pair];
  return [...headers.filter(([header]) => header.toLowerCase() !== "cookie"), ["cookie", cookies.join("; ")]];
}

/** Sends a `Response` through a Node `ServerResponse`. */
export async function sendResponse(outgoing, response) {
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) if (name !== "set-cookie") outgoing.setHeader(name, value);
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  outgoing.end(new Uint8Array(await response.arrayBuffer()));
}
