// Tokens that were seen before: their header lines, so that such a line crosses as a number. What a token is worth is the module's to
// say, each time anew; here is only whom the very same text proved before.

/** A shorter line is copied as fast. */
const SHORTEST = 128;
/** Where the characters are by which a line is found, from its end: in the signature, so that they differ. */
const FROM_END = 12;
const MOST_SLOTS = 4096;

/** Lines by a few of their characters, each compared as a whole. As many and as long as what the module may keep, at most. */
export class Seen {
  #proofs;
  #entries;
  #bytes;
  #mask;
  #lines;
  #count = 0;
  #used = 0;

  /**
   * @param {Proofs} proofs
   * @param {readonly [number, number]} limits entries and bytes
   */
  constructor(proofs, [entries, bytes]) {
    this.#proofs = proofs;
    this.#entries = entries;
    this.#bytes = bytes;
    let slots = 1;
    while (slots < MOST_SLOTS && slots < 4 * entries) slots *= 2;
    this.#mask = slots - 1;
    this.#lines = undefined;
  }

  #slot(line) {
    const at = line.length - FROM_END;
    const mixed = line.charCodeAt(at) + 41 * line.charCodeAt(at + 1) + 1697 * line.charCodeAt(at + 2) + 69931 * line.charCodeAt(at + 3);
    return (mixed ^ (mixed >> 13)) & this.#mask;
  }

  /** What is known of a line: `{ line, slot, proven, place }`. */
  find(line) {
    if (this.#lines === undefined || line.length < SHORTEST) return undefined;
    const known = this.#lines[this.#slot(line)];
    return known !== undefined && known.line === line && this.#proofs.has(known.slot, known.proven) ? known : undefined;
  }

  /** The same line proves the same again, as long as the module says so. */
  keep(line, slot, proven, place) {
    if (line.length < SHORTEST || line.length > this.#bytes) return;
    const at = this.#slot(line);
    const known = this.#lines?.[at];
    if (known !== undefined && known.proven === proven && known.place === place && known.line === line) return;
    this.drop(line);
    if (this.#lines === undefined || this.#count >= this.#entries || this.#used + line.length > this.#bytes) {
      this.#lines = new Array(this.#mask + 1).fill(undefined);
      this.#count = 0;
      this.#used = 0;
    }
    this.#lines[at] = { line, slot, proven, place };
    this.#count += 1;
    this.#used += line.length;
  }

  /** Forgets what stands where this line would. */
  drop(line) {
    const at = this.#slot(line);
    const known = this.#lines?.[at];
    if (known === undefined) return;
    this.#lines[at] = undefined;
    this.#count -= 1;
    this.#used -= known.line.length;
  }
}
