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

/** The error behind a value that the module threw: JSON text with `code` and `message`; anything else it threw is a trap. */
export function fromModule(thrown) {
  if (typeof thrown !== "string") return undefined;
  const { code, message, errors } = JSON.parse(thrown);
  const error = new ScopegateError(code, message);
  // Every mistake of a policy by its own code and JSON pointer.
  if (errors !== undefined) error.errors = errors;
  return error;
}
