// Credentials where they should not be: in an argument of the command, or in a message about a broken file.

const TOKEN_MIN_LENGTH = 20;
const ID_LENGTH = 12;
const TAIL_LENGTH = 49;

/** A JSON object in base64url starts with `eyJ`, at least one dot follows. */
const isToken = (run) => run.length >= TOKEN_MIN_LENGTH && run.includes(".") && run.split(".").some((part) => part.startsWith("eyJ"));

/** `_`, an id, `_` and what is left of a secret and a checksum, anywhere. */
function holdsKey(run) {
  const parts = run.split("_");
  const begin = (part, length) => part !== undefined && new RegExp(`^[A-Za-z0-9]{${length}}`).test(part);
  return parts.some((id, at) => at > 0 && id.length === ID_LENGTH && begin(id, ID_LENGTH) && begin(parts[at + 1], TAIL_LENGTH));
}

const RUN = /[A-Za-z0-9_.-]+/g;
const isCredential = (run) => isToken(run) || holdsKey(run);

export const holdsCredential = (text) => (text.match(RUN) ?? []).some(isCredential);

export const redact = (text) => text.replace(RUN, (run) => (isCredential(run) ? "[hidden]" : run));
