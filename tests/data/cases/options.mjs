// Each relaxation that a policy can declare, with what it opens and what stays shut.
import { c } from "../build.mjs";

const routes = [
  { id: "item", match: "GET /items/{id}", public: true }, { id: "drop", match: "DELETE /items/{id}", public: true }, { id: "save", match: "POST /items/{id}", public: true },
  { id: "files", match: "GET /files/{rest...}", public: true }, { id: "about", match: "GET /About", public: true },
];
const suite = (name, change, cases) => ({ name, policy: { version: 1, name, scopes: {}, credentials: {}, routes, ...change }, now: 1780000000, cases });
const opaque = routes.map((route) => (route.id === "item" ? { ...route, encodedSlash: "opaque" } : route));
const override = (method) => ({ headers: [["X-HTTP-Method-Override", method]] });
const preflight = { headers: [["Origin", "https://app.example"], ["Access-Control-Request-Method", "GET"]] };

export default [
  suite("trailing slash same", { trailingSlash: "same" }, [
    c("without", "GET /items/1", {}, "200", { expect: { routeId: "item", params: { id: "1" } } }),
    c("with", "GET /items/1/", {}, "200", { expect: { routeId: "item", params: { id: "1" } } }),
    c("two are an empty segment", "GET /items/1//", {}, "400 noncanonical_target empty_segment"),
    c("a parameter stays non-empty", "GET /items/", {}, "404 no_route"),
    c("the rest stays non-empty", "GET /files/", {}, "404 no_route"),
    c("case still matters", "GET /Items/1/", {}, "404 no_route"),
  ]),
  suite("case insensitive", { caseInsensitive: true }, [
    c("upper case", "GET /ITEMS/Ab", {}, "200", { expect: { routeId: "item", params: { id: "Ab" } } }),
    c("both sides are folded", "GET /aBOUT", {}, "200", { expect: { routeId: "about" } }),
    c("the method is not", "get /items/1", {}, "405 method_not_allowed"),
    c("a trailing slash still matters", "GET /ITEMS/1/", {}, "404 no_route"),
    c("only ASCII is folded", "GET /%C4%B0tems/1", {}, "404 no_route"),
  ]),
  suite("case sensitive", {}, [
    c("a literal in its own case", "GET /About", {}, "200", { expect: { routeId: "about" } }),
    c("a literal in another case", "GET /about", {}, "404 no_route"),
  ]),
  suite("opaque encoded slash", { routes: opaque }, [
    c("in the parameter", "GET /items/a%2Fb", {}, "200", { expect: { routeId: "item", params: { id: "a%2Fb" } } }),
    c("in lower case", "GET /items/a%2fb", {}, "200", { expect: { params: { id: "a%2fb" } } }),
    c("it never separates", "GET /items%2Fa", {}, "400 noncanonical_target encoded_slash"),
    c("on a route that did not opt in", "GET /files/a%2Fb", {}, "400 noncanonical_target encoded_slash"),
    c("for a method that did not opt in", "DELETE /items/a%2Fb", {}, "400 noncanonical_target encoded_slash"),
    c("on no route", "GET /nowhere/a%2Fb", {}, "400 noncanonical_target encoded_slash"),
    c("dot segments between encoded slashes: whoever decodes the value walks up", "GET /items/a%2F..%2Fb", {}, "400 noncanonical_target dot_segment"),
    c("a dot segment before an encoded slash", "GET /items/..%2Fb", {}, "400 noncanonical_target dot_segment"),
    c("a dot segment after an encoded slash", "GET /items/a%2F.", {}, "400 noncanonical_target dot_segment"),
    c("other delimiters stay refused", "GET /items/a%3Fb", {}, "400 noncanonical_target encoded_delimiter"),
  ]),
  suite("method override ignored", { methodOverride: "ignore" }, [
    c("the header means nothing", "GET /items/1", override("DELETE"), "200", { expect: { routeId: "item" } }),
    c("on POST neither", "POST /items/1", override("DELETE"), "200", { expect: { routeId: "save" } }),
  ]),
  suite("method override applied", { methodOverride: "apply" }, [
    c("POST becomes the method", "POST /items/1", override("DELETE"), "200", { expect: { routeId: "drop" } }),
    c("GET does not", "GET /items/1", override("DELETE"), "200", { expect: { routeId: "item" } }),
    c("to a method without a rule", "POST /items/1", override("PATCH"), "405 method_not_allowed"),
    c("to a method in lower case", "POST /items/1", override("delete"), "405 method_not_allowed"),
    c("twice", "POST /items/1", { headers: [["X-HTTP-Method-Override", "DELETE"], ["X-HTTP-Method-Override", "GET"]] }, "400 method_override"),
    c("two relatives", "POST /items/1", { headers: [["X-HTTP-Method-Override", "DELETE"], ["X-Method-Override", "GET"]] }, "400 method_override"),
    c("POST without the header", "POST /items/1", {}, "200", { expect: { routeId: "save" } }),
  ]),
  suite("method override denied", {}, [
    c("on GET", "GET /items/1", override("GET"), "400 method_override"),
    c("empty", "POST /items/1", override(""), "400 method_override"),
    c("on an unknown path", "POST /nowhere", override("GET"), "400 method_override"),
  ]),
  suite("hide", { hide: true }, [
    c("a wrong method is an unknown path", "PATCH /items/1", {}, "404 no_route", { expect: { challenges: [], problem: { status: 404, code: "no_route" } } }),
    c("an unknown path", "GET /nowhere", {}, "404 no_route"),
    c("a right one is unchanged", "GET /items/1", {}, "200"),
    c("a preflight is unchanged", "OPTIONS /items/1", preflight, "204 preflight"),
  ]),
  suite("https optional", { https: "optional" }, [
    c("plain HTTP", "GET /items/1", { https: false }, "200"),
    c("HTTPS", "GET /items/1", { https: true }, "200"),
  ]),
  suite("https required", { https: "required" }, [
    c("plain HTTP", "GET /items/1", { https: false }, "403 insecure_transport"),
    c("a forwarded header does not vouch", "GET /items/1", { https: false, headers: [["X-Forwarded-Proto", "https"]] }, "403 insecure_transport"),
    c("a preflight over plain HTTP", "OPTIONS /items/1", { https: false, ...preflight }, "403 insecure_transport"),
  ]),
  suite("base path", { base: "/v2" }, [
    c("below it", "GET /v2/items/1", {}, "200", { expect: { routeId: "item" } }),
    c("without it", "GET /items/1", {}, "404 no_route"),
    c("half of it", "GET /v22/items/1", {}, "404 no_route"),
    c("twice", "GET /v2/v2/items/1", {}, "404 no_route"),
  ]),
];
