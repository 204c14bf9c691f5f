// The routes of a policy for other routers.

/** Routes of a policy as a router wants them. */
export const routesOf = (policy) => policy.routes.map(({ id, match, allow, public: open }) => {
  const [method, path] = match.split(" ");
  const scopes = open ? [] : Object.values(allow[0])[0];
  return { id, method, path: path.replace(/\{(\w+)\}/g, ":$1"), scopes };
});

/** A target without its query. */
export function pathOf(target) {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}
