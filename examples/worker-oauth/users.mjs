// The users of the example: names with passwords in D1, and a signed cookie as their session. Your own users go here.
import { linkIdentity } from "scopegate/oauth";

const ITERATIONS = 100_000; // as many as workerd allows
const SESSION = 8 * 3600;
const utf8 = (text) => new TextEncoder().encode(text);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
export const now = () => Math.floor(Date.now() / 1000);

export async function hashPassword(password, salt) {
  const key = await crypto.subtle.importKey("raw", utf8(password), "PBKDF2", false, ["deriveBits"]);
  return hex(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: utf8(salt), iterations: ITERATIONS }, key, 256));
}

/** Whether two texts of one length are the same, in time that does not tell where they differ. */
function same(a, b) {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}

/** What a login with this name and password comes to, or null. An unknown name takes as long as a wrong password. */
export async function logIn(env, name, password) {
  const user = await env.DB.prepare("SELECT sub, salt, password FROM users WHERE name = ?").bind(name).first();
  const hash = await hashPassword(password, user?.salt ?? "nobody");
  return user !== null && user.password !== null && same(hash, user.password) ? { sub: user.sub, authTime: now(), amr: ["pwd"] } : null;
}

export async function claimsOf(env, sub, scopes) {
  const user = await env.DB.prepare("SELECT name, email FROM users WHERE sub = ?").bind(sub).first();
  if (user === null) return {};
  return { ...(scopes.includes("profile") && { name: user.name }), ...(scopes.includes("email") && user.email !== null && { email: user.email, email_verified: false }) };
}

/** The user of an identity at a provider: known, or made now. Null: somebody here has its address, and may be somebody else. */
export async function userOf(env, identity) {
  const { provider, providerSub, email } = identity;
  const find = () => env.DB.prepare("SELECT sub FROM identities WHERE provider = ? AND provider_sub = ?").bind(provider, providerSub).first("sub");
  const known = await find();
  const namesake = email === null ? null : await env.DB.prepare("SELECT sub FROM users WHERE email = ? COLLATE NOCASE").bind(email).first("sub");
  // Nobody has verified the addresses of this example's users: they lead nowhere.
  const linking = linkIdentity(identity, { known, sameEmail: namesake && { sub: namesake, emailVerified: false } });
  if (linking.do !== "create") return linking.sub ?? null;
  const sub = crypto.randomUUID();
  try {
    await env.DB.batch([
      env.DB.prepare("INSERT INTO identities VALUES (?, ?, ?)").bind(provider, providerSub, sub),
      env.DB.prepare("INSERT INTO users VALUES (?, ?, ?, NULL, NULL)").bind(sub, `${provider}:${providerSub}`, email),
    ]);
    return sub;
  } catch (error) {
    // Two sign-ins at once: the other one made it.
    return (await find()) ?? Promise.reject(error);
  }
}

const cookieName = (env) => (env.ISSUER.startsWith("https:") ? "__Host-session" : "session");

async function mac(env, text) {
  const key = await crypto.subtle.importKey("raw", utf8(env.SESSION_SECRET), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return hex(await crypto.subtle.sign("HMAC", key, utf8(text)));
}

/** The cookie of a session that begins. */
export async function sessionCookie(env, { sub, authTime }) {
  const value = `${encodeURIComponent(sub).replaceAll(".", "%2E")}.${authTime}`;
  const secure = env.ISSUER.startsWith("https:") ? "; Secure" : "";
  return `${cookieName(env)}=${value}.${await mac(env, value)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${SESSION}${secure}`;
}

/** The login of the browser's session, or null. */
export async function sessionOf(env, request) {
  const pairs = (request.headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
  const found = pairs.find((pair) => pair.startsWith(`${cookieName(env)}=`))?.slice(cookieName(env).length + 1);
  const [sub, authTime, signature] = found?.split(".") ?? [];
  if (signature === undefined || !same(await mac(env, `${sub}.${authTime}`), signature)) return null;
  return now() < Number(authTime) + SESSION ? { sub: decodeURIComponent(sub), authTime: Number(authTime) } : null;
}
