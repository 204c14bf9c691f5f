// From a JSON pointer to a line and a column, and from policy errors to messages with an excerpt; as the native command prints them.
import { redact } from "./secrecy.js";

/** A mistake in what was given: exit code 2. */
export class Misuse extends Error {}

/** Line and column, from 1, of the value that a pointer names in valid JSON; of the nearest parent when it is not there. */
export function locate(text, pointer) {
  const tokens = pointer.split("/").slice(1).map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  const best = find(text, tokens);
  const before = text.slice(0, best);
  return [before.split("\n").length, [...before.slice(before.lastIndexOf("\n") + 1)].length + 1];
}

/** A member name as a token of a JSON pointer (RFC 6901 section 3). */
export const token = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");

/** A mistake in what a pointer names. */
export function mistaken(file, text, pointer, message) {
  return new Misuse(`${file}:${locate(text, pointer).join(":")}: ${message}`);
}

function find(text, tokens) {
  let at = space(text, 0);
  let best = at;
  descend: for (const [depth, token] of tokens.entries()) {
    const isObject = text[at] === "{";
    if (!isObject && text[at] !== "[") return best;
    at += 1;
    for (let index = 0; ; index++) {
      at = space(text, at);
      const start = at;
      if (at >= text.length || text[at] === "]" || text[at] === "}") return best;
      let name = String(index);
      if (isObject) {
        const end = string(text, at);
        name = JSON.parse(text.slice(at, end));
        at = space(text, space(text, end) + 1);
      }
      if (name === token) {
        best = depth === tokens.length - 1 && isObject ? start : at;
        continue descend;
      }
      at = space(text, skip(text, at));
      if (text[at] !== ",") return best;
      at += 1;
    }
  }
  return best;
}

function space(text, from) {
  let at = from;
  while (at < text.length && " \t\n\r".includes(text[at])) at += 1;
  return at;
}

function string(text, from) {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function skip(text, from) {
  let at = from;
  for (let depth = 0; at < text.length; ) {
    const character = text[at];
    if (character === '"') {
      at = string(text, at);
      if (depth === 0) return at;
      continue;
    }
    if ("{[".includes(character)) depth += 1;
    else if (depth === 0 && ",]}".includes(character)) return at;
    else if ("]}".includes(character) && --depth === 0) return at + 1;
    at += 1;
  }
  return at;
}

/** Every error with file, line, column and an excerpt. */
export function explain(file, text, errors) {
  const lines = text.split("\n");
  let message = "";
  const excerpt = (line, column) => {
    const margin = " ".repeat(String(line).length);
    const shown = [...(lines[line - 1] ?? "").replace(/\r$/, "")].slice(0, 160).join("");
    return `${margin} |\n${line} | ${redact(shown)}\n${margin} | ${" ".repeat(Math.min(Math.max(column - 1, 0), 160))}^`;
  };
  const point = (label, pointer) => {
    const [line, column] = locate(text, pointer);
    message += `${file}:${line}:${column}: ${label}\n${excerpt(line, column)}\n`;
  };
  // What is no JSON of a policy has a line and a column of its own, and ends the reading.
  const [syntax] = errors;
  const at = syntax?.code === "syntax" ? / at line (\d+) column (\d+)$/.exec(syntax.message) : null;
  if (at !== null) {
    const [line, column] = [Number(at[1]), Number(at[2])];
    return `${file}:${line}:${column}: ${syntax.message.slice(0, at.index)}\n${excerpt(line, column)}`;
  }
  for (const { code, place, other, message: what } of errors) {
    point(`error[${code}]: ${what}`, place);
    if (other !== undefined) point("the other one is here", other);
  }
  return `${message}${file}: ${errors.length} ${errors.length === 1 ? "error" : "errors"}`;
}
