import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderNames, RequestView, readRequest, targetOf } from "../../js/core/request.js";

const names = new HeaderNames(["x-api-key", "authorization"]);
const read = (input, trust, context) => {
  const view = new RequestView();
  readRequest(view, input, names, trust, context);
  return view;
};
const lines = (view) => view.values.slice(0, view.count).map((value, at) => `${names.names[view.indices[at]]}=${value}`);
const node = (fields) => ({ method: "GET", url: "/", rawHeaders: [], socket: { remoteAddress: "192.0.2.9" }, ...fields });

describe("requests", () => {
  it("that are none are misuse", () => {
    for (const input of [undefined, null, 1, "GET /", {}, { url: "/" }, { target: 1 }, { target: "/", headers: {} }]) {
      assert.throws(() => read(input), { code: "invalid_request" }, String(input));
    }
  });

  it("keep the target of a URL as it is", () => {
    const table = [
      ["https://a.example/x?y#z", "/x?y"], ["https://a.example", "/"], ["https://a.example?q=//x", "/?q=//x"], ["http://a/b//c/", "/b//c/"],
      ["https://u:p@a.example:1/p%2Fq", "/p%2Fq"], ["/only/path?x", "/only/path?x"], ["//evil/x", "//evil/x"], ["https://a.example#/x", "/"],
    ];
    for (const [url, target] of table) assert.equal(targetOf(url), target, url);
  });

  it("show two lines of a name at most, whatever holds the headers", () => {
    const pairs = [["X-API-Key", "a"], ["x-api-key", "b"], ["X-Api-Key", "c"], ["Accept", "d"], ["AUTHORIZATION", "e"]];
    const expected = ["x-api-key=a", "x-api-key=b", "authorization=e"];
    assert.deepEqual(lines(read({ method: "GET", target: "/", headers: pairs })), expected);
    assert.deepEqual(lines(read(node({ rawHeaders: pairs.flat() }))), expected);
    assert.deepEqual(lines(read({ method: "GET", target: "/", headers: { "X-API-Key": ["a", "b"], authorization: "e" } })), expected);
    assert.deepEqual(lines(read(new Request("https://a.example/", { headers: pairs }))), ["x-api-key=a, b, c", "authorization=e"]);
  });

  it("take https and the address from the connection, and from a header only when told", () => {
    const forwarded = ["X-Forwarded-For", "203.0.113.1, 198.51.100.7", "X-Forwarded-Proto", "https"];
    const plain = read(node({ rawHeaders: forwarded }));
    assert.deepEqual([plain.https, plain.clientIp], [false, "192.0.2.9"]);
    const trust = { clientIp: { header: "x-forwarded-for" }, https: { header: "x-forwarded-proto" } };
    const trusted = read(node({ rawHeaders: forwarded }), trust);
    assert.deepEqual([trusted.https, trusted.clientIp], [true, "198.51.100.7"]);
    assert.equal(read(node({ rawHeaders: forwarded }), { clientIp: { header: "x-forwarded-for", hops: 2 } }).clientIp, "203.0.113.1");
    assert.equal(read(node({ rawHeaders: forwarded }), { clientIp: { header: "x-forwarded-for", hops: 3 } }).clientIp, "");
    assert.equal(read(node({ url: "/mounted", originalUrl: "/api/mounted" })).target, "/api/mounted");
    assert.equal(read(node({ socket: { remoteAddress: "fe80::1%eth0", encrypted: true } })).clientIp, "fe80::1");
    assert.equal(read(new Request("https://a.example/"), undefined, { clientIp: "192.0.2.1" }).clientIp, "192.0.2.1");
  });
});
