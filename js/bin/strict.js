// JSON as the native command reads it: each member once, and what is wrong told with file, line, column and what was expected, never with
// the text that was found, which may be a secret.

/** A mistake in what was given: exit code 2. */
export class Misuse extends Error {}

/** The deepest nesting. */
const MAX_DEPTH = 127;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;

/** A value and where it stands: `kind`, `at`, `end`, and `value`, `items` or `members` (`{ name, end, node }`). */
class Text {
  constructor(file, text) {
    this.file = file;
    this.text = text;
    this.at = 0;
    this.depth = 0;
  }

  /** A mistake before a place of the text, which is counted in lines and in bytes of a line, as the native command does. */
  fault(at, message, more = 0) {
    const before = this.text.slice(0, at).split("\n");
    return new Misuse(`${this.file}:${before.length}:${Buffer.byteLength(before.at(-1)) + more}: ${message}`);
  }

  /** A mistake in what comes next. */
  next(message) {
    return this.fault(this.at, message, this.at < this.text.length ? 1 : 0);
  }

  token() {
    while (this.at < this.text.length && " \t\n\r".includes(this.text[this.at])) this.at += 1;
    return this.text[this.at];
  }

  value() {
    const character = this.token();
    if (character === undefined) throw this.next("EOF while parsing a value");
    if (character === "{" || character === "[") return this.nested(character);
    const at = this.at;
    if (character === '"') return { kind: "string", at, value: this.string(), end: this.at };
    for (const [word, kind, value] of [["true", "boolean", true], ["false", "boolean", false], ["null", "null", null]]) {
      if (character === word[0]) return { kind, at, value: this.word(word, value), end: this.at };
    }
    NUMBER.lastIndex = at;
    const [found] = NUMBER.exec(this.text) ?? [];
    if (found === undefined) throw this.next(character === "-" ? "invalid number" : "expected value");
    this.at += found.length;
    if (/[\d.eE]/.test(this.text[this.at] ?? "")) throw this.next("invalid number");
    return { kind: "number", at, value: Number(found), whole: /^-?\d+$/.test(found), end: this.at };
  }

  word(word, value) {
    for (const letter of word) {
      if (this.at >= this.text.length) throw this.next("EOF while parsing a value");
      if (this.text[this.at] !== letter) throw this.next("expected ident");
      this.at += 1;
    }
    return value;
  }

  string() {
    let value = "";
    for (this.at += 1; ; this.at += 1) {
      const character = this.text[this.at];
      if (character === undefined) throw this.next("EOF while parsing a string");
      if (character === '"') break;
      if (character < " ") throw this.fault(this.at + 1, "control character (\\u0000-\\u001F) found while parsing a string");
      value += character === "\\" ? this.escape() : character;
    }
    this.at += 1;
    return value;
  }

  escape() {
    this.at += 1;
    const letter = this.text[this.at];
    if (letter === undefined) throw this.next("EOF while parsing a string");
    if (letter !== "u") {
      if (ESCAPES[letter] === undefined) throw this.next("invalid escape");
      return ESCAPES[letter];
    }
    const digits = this.text.slice(this.at + 1, this.at + 5);
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) throw this.next("invalid escape");
    this.at += 4;
    const unit = Number.parseInt(digits, 16);
    if (unit >= 0xdc00 && unit <= 0xdfff) throw this.next("lone leading surrogate in hex escape");
    if (unit < 0xd800 || unit > 0xdbff) return String.fromCharCode(unit);
    const low = /^\\u([dD][c-fC-F][0-9A-Fa-f]{2})$/.exec(this.text.slice(this.at + 1, this.at + 7));
    if (low === null) throw this.next("unexpected end of hex escape");
    this.at += 6;
    return String.fromCharCode(unit, Number.parseInt(low[1], 16));
  }

  nested(open) {
    const isList = open === "[";
    const [end, kind, what] = isList ? ["]", "array", "a list"] : ["}", "object", "an object"];
    const node = { kind, at: this.at, end: 0, [isList ? "items" : "members"]: [] };
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw this.next("recursion limit exceeded");
    this.at += 1;
    const names = new Set();
    for (let first = true; this.token() !== end; first = false) {
      if (this.token() === undefined) throw this.next(`EOF while parsing ${what}`);
      if (!first) {
        if (this.token() !== ",") throw this.next(`expected \`,\` or \`${end}\``);
        this.at += 1;
        if (this.token() === end) throw this.next("trailing comma");
      }
      if (isList) node.items.push(this.value());
      else node.members.push(this.member(names));
    }
    this.at += 1;
    this.depth -= 1;
    node.end = this.at;
    return node;
  }

  member(names) {
    const character = this.token();
    if (character === undefined) throw this.next("EOF while parsing a value");
    if (character !== '"') throw this.next("key must be a string");
    const name = this.string();
    const end = this.at;
    if (names.has(name)) throw this.fault(end, `duplicate field \`${name}\``);
    names.add(name);
    const colon = this.token();
    if (colon === undefined) throw this.next("EOF while parsing an object");
    if (colon !== ":") throw this.next("expected `:`");
    this.at += 1;
    return { name, end, node: this.value() };
  }
}

/** The value of a text, and what tells of mistakes in it. */
export function readStrict(file, text) {
  const reader = new Text(file, text);
  const node = reader.value();
  if (reader.token() !== undefined) throw reader.next("trailing characters");
  return { node, fault: (at, message) => reader.fault(at, message), behind: (at) => behind(text, at) };
}

/** Where an item of a list is left behind: at the next one, or after the end of the list. */
function behind(text, at) {
  const [skipped] = /^\s*(?:\]|,\s*)?/.exec(text.slice(at, at + 256));
  return at + skipped.length;
}

/** A node as the value that `JSON.parse` gives. */
export function plain(node) {
  if (node.kind === "array") return node.items.map(plain);
  if (node.kind !== "object") return node.value;
  const object = {};
  for (const { name, node: value } of node.members) {
    Object.defineProperty(object, name, { value: plain(value), enumerable: true, writable: true, configurable: true });
  }
  return object;
}
