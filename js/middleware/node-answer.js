/** Sends a refusal or a preflight through a Node `ServerResponse`. */
export function send(res, decision) {
  const { status, headers, body } = decision.response;
  res.statusCode = status;
  for (const [name, value] of grouped(headers)) res.setHeader(name, value);
  res.end(body === "" ? undefined : body);
}

/** Header lines by name: several challenges stay several lines. */
export function grouped(headers) {
  const lines = new Map();
  for (const [name, value] of headers) {
    const known = lines.get(name);
    lines.set(name, known === undefined ? value : [known, value].flat());
  }
  return lines;
}
