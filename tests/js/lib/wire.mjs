// Requests as bytes, because clients tidy targets up before they send them.
import { connect } from "node:net";

/** Sends one request and resolves to `{ status, headers: [[name, value]], body }`. */
export function raw(port, target, { method = "GET", headers = [], host = "127.0.0.1" } = {}) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    const chunks = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("end", () => {
      const text = Buffer.concat(chunks).toString("latin1");
      const split = text.indexOf("\r\n\r\n");
      const [first, ...lines] = text.slice(0, split).split("\r\n");
      resolve({
        status: Number(first.split(" ")[1]),
        headers: lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
        body: text.slice(split + 4),
      });
    });
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    socket.write(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}\r\n`, "latin1");
  });
}
