// Requests as somebody would write them who keeps to no rule: any Host, any method, any target, as the bytes stand here.
import { request } from "node:http";

import { ready } from "./ready.mjs";

/** `{ status, headers, body, json }`; `target` is sent as it is. */
export const raw = (method, target, { headers = {}, body } = {}) =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(ready.url);
    const sent = request({ hostname, port, method, path: target, headers, agent: false }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        let json = {};
        try {
          json = JSON.parse(text);
        } catch {
          // A page.
        }
        resolve({ status: response.statusCode, headers: response.headers, body: text, json });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });

export const basic = ({ id, secret }) => `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;

/** A form as a client posts it: with its secret in the header, or its id in the form. */
export const post = (target, fields, who, headers = {}) => {
  const form = new URLSearchParams(fields);
  const all = { "content-type": "application/x-www-form-urlencoded", ...headers };
  if (who?.secret) all.authorization = basic(who);
  else if (who) form.set("client_id", who.id);
  return raw("POST", target, { headers: all, body: form.toString() });
};

export const bearer = (token, target, method = "GET") => raw(method, target, { headers: { authorization: `Bearer ${token}` } });
