// The gate on the request target: what is refused before any route is looked up, and what is not.
import { c } from "../build.mjs";

const policy = {
  version: 1, name: "targets", scopes: {}, credentials: {},
  routes: [
    { id: "root", match: "GET /", public: true },
    { id: "admin", match: "GET /admin", public: true },
    { id: "secret", match: "GET /admin/secret", public: true },
    { id: "item", match: "GET /items/{id}", public: true },
    { id: "files", match: "GET /files/{rest...}", public: true },
  ],
};

const refused = (detail, targets) => targets.map((target) => c(`${detail} in ${name(target)}`, `GET ${target}`, {}, `400 noncanonical_target ${detail}`, { expect: { routeId: null, params: {} } }));
const refusedSomehow = (targets) => targets.map((target) => c(`refused: ${name(target)}`, `GET ${target}`, {}, "400 noncanonical_target"));
const reaches = (routeId, targets) => targets.map((target) => c(`${routeId} is reached by ${name(target)}`, `GET ${target}`, {}, "200", { expect: { routeId } }));
const nowhere = (targets) => targets.map((target) => c(`no route for ${name(target)}`, `GET ${target}`, {}, "404 no_route"));
const name = (target) => (target.length > 60 ? `a target of ${target.length} bytes starting ${JSON.stringify(target.slice(0, 8))}` : JSON.stringify(target));

const cases = [
  ...refused("dot_segment", ["/.", "/..", "/./admin", "/../admin", "/admin/.", "/admin/..", "/items/../admin/secret", "/items/./1", "/files/a/../../admin"]),
  ...refusedSomehow(["/%2e", "/%2e%2e/admin", "/.%2e/admin", "/%2E./admin", "/files/%2e%2e/admin", "/admin/%2e", "/items/..;/admin", "/items/..%2fadmin", "/items/%2e%2e%2fadmin"]),
  ...refused("encoded_slash", ["/admin%2fsecret", "/admin%2Fsecret", "/items/a%2Fb", "/files/a%2fb"]),
  ...refused("encoded_delimiter", ["/items/1%3fx=1", "/items/1%23x", "/items/100%25", "/items/%252e%252e", "/items/%252f"]),
  ...refusedSomehow(["/items/1%3bv=1", "/items/1%3Bv=1", "/items/a%5cb", "/items/a%5Cb", "/items/a%00", "/admin%00/secret"]),
  ...refused("encoded_unreserved", ["/%61dmin", "/adm%69n/secret", "/items/%41", "/items/%7e", "/items/%2d", "/items/%5f", "/items/%30"]),
  ...refused("matrix_parameter", ["/admin;x=1/secret", "/items/1;v=2", "/admin;", "/;/admin"]),
  ...refused("backslash", ["/admin\\secret", "\\admin".padStart(7, "/"), "/items/..\\admin"]),
  ...refused("fragment", ["/admin#", "/admin#/../items", "/items/1?x=1#y"]),
  ...refused("control_character", ["/admin\u0000", "/admin\n", "/admin\r\nX: y", "/admin\t", "/admin\u007f", "/items/1?x=\u0001"]),
  ...refusedSomehow(["/items/%0a", "/items/%0d%0a", "/items/%1f", "/items/%7f", "/items/%09", "/items/%01"]),
  ...refused("non_ascii", ["/ädmin", "/items/\u200b", "/items/１", "/items/1?q=é"]),
  ...refused("invalid_utf8", ["/items/%ff", "/items/%c3", "/items/%c0%af", "/items/%c0%ae%c0%ae", "/items/%e0%80%af", "/items/%ed%a0%80", "/items/%f4%90%80%80", "/items/%c3x"]),
  ...refused("empty_segment", ["//", "//admin", "/admin//secret", "/admin//", "///", "//example.com/admin", "/files//a"]),
  ...refused("not_absolute_path", ["admin", "*", "http://example.com/admin", "example.com:443", "?x=1", " /admin"]),
  ...refused("bad_percent_encoding", ["/items/%", "/items/%4", "/items/%zz", "/items/%4g", "/items/%%30%30", "/items/%u002e"]),
  ...refused("invalid_character", ["/items/a b", "/items/<a>", "/items/\"a\"", "/items/a|b", "/items/{id}", "/items/a^b", "/items/`a`"]),
  ...refused("too_long", [`/items/${"a".repeat(8186)}`, `/${"a/".repeat(5000)}`]),
  ...refused("too_many_segments", [`/files${"/a".repeat(64)}`]),
  c("an empty target", "GET ", {}, "400 noncanonical_target"),

  ...reaches("root", ["/", "/?", "/?x=1"]),
  ...reaches("admin", ["/admin", "/admin?", "/admin?next=/../x", "/admin?next=//x", "/admin?a=%2e%2e%2f", "/admin?a=1&b=2", "/admin?/admin/secret"]),
  ...reaches("secret", ["/admin/secret"]),
  ...reaches("item", ["/items/1", "/items/a.b", "/items/...", "/items/..a", "/items/.a", "/items/a..", "/items/%C3%A9", "/items/%20", "/items/a+b", "/items/a:b@c", "/items/$&'()*,=!", "/items/~", "/items/__proto__", "/items/constructor",
    `/items/${"a".repeat(8185)}`]),
  ...reaches("files", ["/files/a", "/files/a/b/c", `/files${"/a".repeat(63)}`, "/files/.../x"]),
  ...nowhere(["/Admin", "/ADMIN", "/admin/", "/administrator", "/admi", "/admin/secret/", "/admin/secret/x", "/items", "/items/", "/items/1/", "/files", "/files/", "/admin.", "/admin..", "/admin../secret", "/admin%20", "/toString", "/__proto__"]),

  c("a parameter keeps its escapes", "GET /items/%C3%A9", {}, "200", { expect: { params: { id: "%C3%A9" } } }),
  c("the rest keeps its slashes", "GET /files/a/b/c", {}, "200", { expect: { params: { rest: "a/b/c" } } }),
  c("__proto__ is a value like another", "GET /items/__proto__", {}, "200", { expect: { params: { id: "__proto__" } } }),
  ...["X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "x-middleware-subrequest"].map((header) =>
    c(`${header} is never read`, "GET /nowhere", { headers: [[header, "/admin"]] }, "404 no_route")),
  ...["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x-http-method-override"].map((header) =>
    c(`${header} is refused`, "GET /admin", { headers: [[header, "GET"]] }, "400 method_override")),
  ...["get", "Get", "GETS", "TRACE", "CONNECT", "PROPFIND", "POST", "DELETE"].map((method) =>
    c(`the method ${method} is refused`, `${method} /admin`, {}, "405 method_not_allowed", { expect: { allow: ["GET", "HEAD"] } })),
  { ...c("the empty method is refused", "GET /admin", {}, "405 method_not_allowed"), request: { method: "", target: "/admin" } },
  { ...c("a method with a space is refused", "GET /admin", {}, "405 method_not_allowed"), request: { method: "GET ", target: "/admin" } },
];

export default { policy, now: 1780000000, cases };
