/** What this package throws: misuse and outages of the package itself, never a bad credential. No message holds one. */
export class ScopegateError extends Error {
  /**
   * @param {string} code stable, snake case
   * @param {string} message for a person
   * @param {{ cause?: unknown }} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = "ScopegateError";
    this.code = code;
  }
}

/** The error behind a value that the module threw: its `code` and message; anything else it threw is a trap. */
export function fromModule(thrown) {
  if (thrown instanceof Error && typeof thrown.code === "string" && !(thrown instanceof ScopegateError)) {
    return new ScopegateError(thrown.code, thrown.message);
  }
  return undefined;
}
