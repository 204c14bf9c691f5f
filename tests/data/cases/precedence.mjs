// Which route a path means: the most specific path first, then the method; never a fall-through.
import { c } from "../build.mjs";

const open = (id, match) => ({ id, match, public: true });
const policy = {
  version: 1, name: "precedence", scopes: {}, credentials: {}, base: "/api",
  routes: [
    open("users", "GET /users"), open("createUser", "POST /users"),
    open("me", "GET /users/me"), open("userById", "GET /users/{id:int}"), open("userByName", "GET /users/{name}"), open("deleteUser", "DELETE /users/{name}"),
    open("userPosts", "GET /users/{name}/posts"), open("myPosts", "POST /users/me/posts"),
    open("order", "GET /orders/{id:uuid}"), open("article", "GET /articles/{slug:slug}"), open("color", "GET /colors/{c:hex}"),
    open("archive", "GET /exports/report-{year:int}.csv"), open("anyExport", "GET /exports/{name}"), open("jsonExport", "GET /exports/{name}.json"),
    open("docsIndex", "GET /docs"), open("docsGuide", "GET /docs/guide"), open("docs", "GET /docs/{path...}"), open("docsPut", "PUT /docs/{path...}"),
    open("docsSection", "GET /docs/{section}/index"),
    open("headOwn", "HEAD /probe"), open("getProbe", "GET /probe"), open("postOnly", "POST /probe/only"),
    open("options", "OPTIONS /cors"), open("getCors", "GET /cors"),
  ],
};

const found = [
  ["GET /api/users", "users", {}], ["POST /api/users", "createUser", {}], ["HEAD /api/users", "users", {}],
  ["GET /api/users/me", "me", {}], ["GET /api/users/42", "userById", { id: "42" }], ["GET /api/users/0", "userById", { id: "0" }],
  ["GET /api/users/ann", "userByName", { name: "ann" }], ["GET /api/users/Me", "userByName", { name: "Me" }], ["GET /api/users/4x2", "userByName", { name: "4x2" }],
  ["GET /api/users/meow", "userByName", { name: "meow" }], ["GET /api/users/m", "userByName", { name: "m" }],
  ["DELETE /api/users/ann", "deleteUser", { name: "ann" }],
  ["GET /api/users/ann/posts", "userPosts", { name: "ann" }], ["POST /api/users/me/posts", "myPosts", {}],
  ["GET /api/orders/6f1b9d6e-7b0c-4f6a-9c3e-2d1f0a8b7c6d", "order", { id: "6f1b9d6e-7b0c-4f6a-9c3e-2d1f0a8b7c6d" }],
  ["GET /api/articles/hello-world-2", "article", { slug: "hello-world-2" }], ["GET /api/colors/00ff9a", "color", { c: "00ff9a" }],
  ["GET /api/exports/report-2026.csv", "archive", { year: "2026" }], ["GET /api/exports/report-x.csv", "anyExport", { name: "report-x.csv" }],
  ["GET /api/exports/all.json", "jsonExport", { name: "all" }], ["GET /api/exports/all.xml", "anyExport", { name: "all.xml" }], ["GET /api/exports/.json", "anyExport", { name: ".json" }],
  ["GET /api/docs", "docsIndex", {}], ["GET /api/docs/guide", "docsGuide", {}], ["GET /api/docs/other", "docs", { path: "other" }],
  ["GET /api/docs/guide/x", "docs", { path: "guide/x" }], ["GET /api/docs/a/b/c", "docs", { path: "a/b/c" }], ["PUT /api/docs/a", "docsPut", { path: "a" }],
  ["GET /api/docs/a/index", "docsSection", { section: "a" }], ["GET /api/docs/guide/index", "docsSection", { section: "guide" }], ["GET /api/docs/a/b/index", "docs", { path: "a/b/index" }],
  ["HEAD /api/probe", "headOwn", {}], ["GET /api/probe", "getProbe", {}], ["OPTIONS /api/cors", "options", {}],
];
const wrongMethod = [
  ["DELETE /api/users", "a literal path"], ["DELETE /api/users/me", "a literal path beside a parameter with that method"], ["DELETE /api/users/42", "a typed parameter beside a plain one with that method"],
  ["GET /api/users/me/posts", "a literal path beside a parameter with GET"], ["PUT /api/docs/guide", "a literal path beside a wildcard with PUT"],
  ["PUT /api/docs/a/index", "a parameter beside a wildcard with PUT"], ["GET /api/probe/only", "a path for POST alone"], ["HEAD /api/probe/only", "HEAD where there is no GET"], ["OPTIONS /api/users", "OPTIONS without a rule"],
];
const nowhere = [
  "/users", "/api", "/api/", "/apiusers", "/api/users/", "/api/users/ann/", "/api/users/ann/posts/", "/api/users/ann/posts/1", "/api/orders/42", "/api/orders/6f1b9d6e7b0c4f6a9c3e2d1f0a8b7c6d",
  "/api/articles/Hello%20World", "/api/colors/xyz", "/api/exports", "/api/docs/", "/API/users", "/api/user",
];

const cases = [
  ...found.map(([what, routeId, params]) => c(`${what} is ${routeId}`, what, {}, "200", { expect: { routeId, params } })),
  ...wrongMethod.map(([what, why]) => c(`${what}: ${why}`, what, {}, "405 method_not_allowed", { expect: { routeId: null } })),
  ...nowhere.map((path) => c(`GET ${path} is nothing`, `GET ${path}`, {}, "404 no_route")),
  c("the methods of a path that has HEAD by GET", "PUT /api/docs/guide", {}, "405 method_not_allowed", { expect: { allow: ["GET", "HEAD"] } }),
  c("the methods of a path for POST alone", "GET /api/users/me/posts", {}, "405 method_not_allowed", { expect: { allow: ["POST"] } }),
  c("a preflight of a path with a rule for OPTIONS", "OPTIONS /api/cors", { headers: [["Origin", "https://app.example"], ["Access-Control-Request-Method", "GET"]] }, "204 preflight"),
];

export default { policy, now: 1780000000, cases };
