// Key sets from an issuer's URL.
import { ScopegateError } from "./errors.js";
import { host } from "./runtime.js";

const SECONDS = 1000;
const MOST_BYTES = 512 * 1024;

/**
 * A key set that is fetched when the engine asks for it. The engine decides when (by age and on an unknown `kid`); this
 * joins callers that ask at the same time, waits after a failure, and follows no redirect.
 * @param {string | URL} url `https:`, or `http:` on the loopback for tests
 * @param {{ timeout?: number, cooldown?: number, fetch?: typeof fetch, headers?: Record<string, string> }} [options]
 *   `timeout` in milliseconds (5,000), `cooldown` in seconds after a failure (30)
 */
export function remoteKeySet(url, { timeout = 5000, cooldown = 30, fetch = globalThis.fetch, headers } = {}) {
  const at = parsed(url);
  const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(at.hostname);
  if (at.protocol !== "https:" && !(loopback && at.protocol === "http:")) {
    throw new ScopegateError("key_set_url_insecure", "A key set is fetched over https.");
  }
  let underway;
  let failedAt;
  const load = async () => {
    const answer = await fetch(at.href, {
      redirect: "manual",
      headers: { accept: "application/jwk-set+json, application/json", ...headers },
      signal: AbortSignal.timeout(timeout),
    });
    if (answer.status !== 200) throw new ScopegateError("key_set_unavailable", `The issuer answered ${answer.status}.`);
    return { jwks: await limitedText(answer), fetchedAt: Math.floor(Date.now() / SECONDS) };
  };
  const guarded = async () => {
    try {
      const found = await load();
      failedAt = undefined;
      return found;
    } catch (cause) {
      failedAt = Date.now();
      throw cause instanceof ScopegateError ? cause : new ScopegateError("key_set_unavailable", "The key set could not be fetched.");
    } finally {
      underway = undefined;
    }
  };
  return {
    /** The key set, fetched now. */
    keys() {
      if (failedAt !== undefined && Date.now() - failedAt < cooldown * SECONDS) {
        return Promise.reject(new ScopegateError("key_set_unavailable", "The key set could not be fetched a moment ago."));
      }
      if (!host.sharePromises) return guarded();
      underway ??= guarded();
      return underway;
    },
  };
}

function parsed(url) {
  try {
    return new URL(url);
  } catch {
    throw new ScopegateError("options_invalid", "The URL of a key set is none.");
  }
}

async function limitedText(answer) {
  const chunks = [];
  let total = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > MOST_BYTES) {
      await reader.cancel();
      throw new ScopegateError("key_set_unavailable", "The key set is too large.");
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
