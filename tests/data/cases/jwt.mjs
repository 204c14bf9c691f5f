// Tokens: each rule of the verifier and each known class of attack, as decisions of a route that takes a bearer token.
import { b64u, c, now, testKey, token } from "../build.mjs";

const ISSUER = "https://id.example";
const claims = { iss: ISSUER, aud: "api", sub: "u1", iat: now - 60, exp: now + 600, scope: "read" };
const bearer = (algorithms, more = {}) => ({ type: "bearer", issuer: ISSUER, audiences: ["api", "https://api.example"], algorithms, ...more });
const suite = (name, credential, keys, cases, more = {}) => ({
  name,
  policy: { version: 1, name: "tokens", scopes: { read: "Read", write: "Write" }, credentials: { user: credential }, routes: [{ id: "it", match: "GET /", allow: [{ user: ["read"] }] }] },
  ...(keys === undefined ? {} : { jwks: { user: Array.isArray(keys) ? { keys } : keys } }),
  now, cases, ...more,
});
const A = "test-rsa-a";
const rsa = testKey(A).jwk;
const rsaB = testKey("test-rsa-b").jwk;
const sent = (bearerToken) => ({ bearer: bearerToken });
const ok = (name, bearerToken, more) => c(name, "GET /", sent(bearerToken), "200", more);
const bad = (detail, name, bearerToken, more) => c(`${detail}: ${name}`, "GET /", sent(bearerToken), `401 invalid_token ${detail}`, more);
const shape = (name, bearerToken) => c(`token_malformed: ${name}`, "GET /", sent(bearerToken), "401 malformed_credential token_malformed", { store: "fail" });
const refused = (name, bearerToken) => c(name, "GET /", sent(bearerToken), "401 invalid_token");

const make = (change = {}, options = {}) => token({ ...claims, ...change }, { key: A, ...options });
const head = (header, options = {}) => make({}, { header, ...options });
const pay = (payloadText) => make({}, { payloadText });
const headText = (headerText) => make({}, { headerText });
const good = make();
const [H, P, S] = good.split(".");
const flip = (part, at, by = 1) => { const bytes = Buffer.from(part, "base64url"); bytes[at < 0 ? bytes.length + at : at] ^= by; return b64u(bytes); };
const loose = (part) => part.slice(0, -1) + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".indexOf(part.at(-1)) + 1];
const base = JSON.stringify(claims).slice(1, -1);
const deep = (levels) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const pem = testKey(A).public.export({ type: "spki", format: "pem" });

const front = suite("front end", bearer(["RS256"]), [rsa], [
  ok("a good token", good, { expect: { principal: { credential: "user", kind: "bearer", subject: "u1", keyId: null, clientId: null, scopes: ["read"] } } }),
  c("the scheme in another case", "GET /", { headers: [["authorization", `bEaReR ${good}`]] }, "200"),
  c("two tokens", "GET /", { headers: [["Authorization", `Bearer ${good}`], ["Authorization", `Bearer ${good}`]] }, "400 ambiguous_credentials"),
  c("two tokens in one line", "GET /", { bearer: `${good}, Bearer ${good}` }, "400 ambiguous_credentials"),
  c("in the query string", `GET /?access_token=${good}`, {}, "401 missing_credential"),
  c("in a cookie", "GET /", { headers: [["Cookie", `access_token=${good}`]] }, "401 missing_credential"),
  shape("one part", "abc"), shape("two parts", `${H}.${P}`), shape("four parts", `${good}.${S}`), shape("five parts, like a JWE", `${H}.${P}.${S}.${S}.${S}`),
  shape("no header", `.${P}.${S}`), shape("no payload", `${H}..${S}`), shape("no signature", `${H}.${P}.`), shape("dots alone", ".."), shape("5,000 dots", ".".repeat(5000)),
  bad("base64_invalid", "a character of the other alphabet in the header", `${H}+.${P}.${S}`),
  bad("base64_invalid", "padding", `${H}.${P}.${S}==`),
  bad("base64_invalid", "a slash in the signature", `${H}.${P}.${S.slice(0, -4)}/${S.slice(-3)}`),
  bad("base64_invalid", "last bits of the signature that are not zero", `${H}.${P}.${loose(S)}`),
  bad("base64_invalid", "an impossible length", `${H}.${P}.${S.slice(0, -1)}`),
  refused("a space inside", `${H}.${P}. ${S}`), refused("a line feed inside", `${H}.${P}.${S.slice(0, 10)}\n${S.slice(10)}`), refused("a tab behind", `${good}\t`), refused("non-ASCII", `${H}.${P}.é${S.slice(1)}`),
  bad("token_too_large", "9,000 bytes of signature", `${H}.${P}.${"A".repeat(9000)}`),
  bad("token_too_large", "200 KB", `${H}.${"A".repeat(200000)}.${S}`),
  bad("header_invalid", "not JSON", headText("{")), bad("header_invalid", "an array", headText("[]")), bad("header_invalid", "a string", headText('"RS256"')), bad("header_invalid", "something behind", headText(`{"alg":"RS256","typ":"at+jwt","kid":"${A}"}x`)),
  bad("header_invalid", "a byte order mark", headText(`\ufeff{"alg":"RS256","typ":"at+jwt","kid":"${A}"}`)),
  bad("header_invalid", "more than 2 KiB", head({ x: "x".repeat(2100) })), bad("header_invalid", "deep nesting", headText(`{"alg":"RS256","typ":"at+jwt","kid":"${A}","x":${deep(17)}}`)),
  bad("header_duplicate_member", "alg twice", headText('{"alg":"RS256","alg":"RS256","typ":"at+jwt"}')), bad("header_duplicate_member", "alg twice, once escaped", headText('{"alg":"RS256","\\u0061lg":"none","typ":"at+jwt"}')),
  bad("header_duplicate_member", "a nested member twice", headText('{"alg":"RS256","typ":"at+jwt","x":{"a":1,"a":2}}')),
  bad("alg_missing", "no alg", head({ alg: undefined })), refused("alg is a number", head({ alg: 256 })), refused("alg is null", head({ alg: null })), refused("alg is an array", head({ alg: ["RS256"] })),
  ...["none", "None", "NONE", "nOnE", "rs256", "RS256 ", "", "HS256", "RS384", "ES256", "PS256", "RSA-OAEP", "dir"].map((alg) => bad("alg_not_allowed", `alg ${JSON.stringify(alg)}`, head({ alg }))),
  bad("alg_not_allowed", "HS256 with the public key as the secret, PEM", head({ alg: "HS256" }, { signed: "HS256", key: pem, kid: A })),
  bad("crit_unsupported", "an unknown extension", head({ crit: ["exp"], exp: 1 })), bad("crit_unsupported", "b64", head({ crit: ["b64"], b64: true })),
  bad("crit_invalid", "empty", head({ crit: [] })), bad("crit_invalid", "a string", head({ crit: "exp" })), bad("crit_invalid", "null", head({ crit: null })), bad("crit_invalid", "a number inside", head({ crit: [1] })),
  bad("crit_invalid", "twice the same", head({ crit: ["x", "x"], x: 1 })), bad("crit_invalid", "not in the header", head({ crit: ["x"] })),
  bad("b64_unsupported", "b64 false without crit", head({ b64: false })),
  ...["JWT", "at+jwt ", "jwt", "dpop+jwt", "logout+jwt", ""].map((typ) => bad("typ_mismatch", `typ ${JSON.stringify(typ)}`, head({ typ }))), bad("typ_mismatch", "no typ", head({ typ: undefined })),
  ok("typ in upper case", head({ typ: "AT+JWT" })), ok("typ with its prefix", head({ typ: "application/at+jwt" })), ok("typ with its prefix in upper case", head({ typ: "Application/At+Jwt" })),
  bad("nested_unsupported", "cty JWT", head({ cty: "JWT" })), bad("nested_unsupported", "cty jwt", head({ cty: "jwt" })),
  bad("key_not_found", "an unknown kid", head({}, { kid: "other" })), bad("key_not_found", "a kid in upper case", head({}, { kid: A.toUpperCase() })), bad("key_not_found", "a path as kid", head({}, { kid: "../../dev/null" })),
  bad("key_not_found", "SQL as kid", head({}, { kid: "x' OR '1'='1" })), bad("key_not_found", "an empty kid", head({}, { kid: "" })),
  refused("kid is a number", head({ kid: 1 })), refused("kid of 257 bytes", head({}, { kid: "k".repeat(257) })),
  ok("no kid and one key", head({ kid: undefined })),
  ...["jku", "x5u"].map((name) => ok(`${name} is not fetched`, head({ [name]: "https://evil.example/jwks.json" }))),
  bad("signature_invalid", "an embedded jwk is not used", head({ jwk: rsaB, kid: undefined }, { key: "test-rsa-b" })),
  bad("signature_invalid", "an embedded certificate is not used", head({ x5c: ["MIIB"], kid: undefined }, { key: "test-rsa-b" })),
  bad("signature_invalid", "another key under this kid", make({}, { key: "test-rsa-b", kid: A })),
  bad("signature_invalid", "a changed payload", `${H}.${b64u(JSON.stringify({ ...claims, sub: "u2" }))}.${S}`), bad("signature_invalid", "a changed header", `${b64u(JSON.stringify({ alg: "RS256", typ: "at+jwt", kid: A, x: 1 }))}.${P}.${S}`),
  bad("signature_invalid", "a changed first byte", `${H}.${P}.${flip(S, 0)}`), bad("signature_invalid", "a changed last byte", `${H}.${P}.${flip(S, -1)}`), bad("signature_invalid", "one byte short", `${H}.${P}.${b64u(Buffer.from(S, "base64url").subarray(1))}`),
  bad("signature_invalid", "one byte long", `${H}.${P}.${b64u(Buffer.concat([Buffer.alloc(1), Buffer.from(S, "base64url")]))}`), bad("signature_invalid", "zeros", `${H}.${P}.${b64u(Buffer.alloc(256))}`), bad("signature_invalid", "the modulus itself", `${H}.${P}.${rsa.n}`),
  bad("signature_invalid", "all ones", `${H}.${P}.${b64u(Buffer.alloc(256, 255))}`), bad("signature_invalid", "RS384 under the name RS256", make({}, { signed: "RS384" })), bad("signature_invalid", "PS256 under the name RS256", make({}, { signed: "PS256" })),
  bad("signature_invalid", "the signature is told before the claims", `${H}.${b64u("{")}.${S}`),
]);

const numeric = (name, list) => list.map((value) => bad("claim_type", `${name} ${value}`, pay(`{${base.replace(new RegExp(`"${name}":\\d+`), `"${name}":${value}`)}}`)));
const claimCases = suite("claims", bearer(["RS256"], { leeway: 30, maxAge: 3600 }), [rsa], [
  bad("claims_invalid", "not JSON", pay("{")), bad("claims_invalid", "an array", pay("[]")), bad("claims_invalid", "a string", pay('"x"')), bad("claims_invalid", "something behind", pay(`{${base}}{}`)), bad("claims_invalid", "a byte order mark", pay(`\ufeff{${base}}`)),
  bad("claims_invalid", "not UTF-8", make({}, { payloadText: Buffer.concat([Buffer.from(`{${base},"x":"`), Buffer.from([0xff]), Buffer.from('"}')]) })), bad("claims_invalid", "deep nesting", pay(`{${base},"x":${deep(17)}}`)),
  ok("nesting within the limit", pay(`{${base},"x":${deep(12)}}`)),
  bad("claims_duplicate_member", "sub twice", pay(`{${base},"sub":"u2"}`)), bad("claims_duplicate_member", "sub twice, once escaped", pay(`{${base},"\\u0073ub":"u2"}`)), bad("claims_duplicate_member", "a nested member twice", pay(`{${base},"x":[{"a":1,"a":1}]}`)),
  ...numeric("exp", ['"1780000600"', "true", "[1780000600]", "{}", "1e400", "253402300800", "18446744073709551616", "1780000600000", "-253402300800"]),
  ...numeric("iat", ['"1779999940"', "1e400"]), refused("exp is null", make({ exp: null })), refused("iat is null", make({ iat: null })),
  ...['"0"', "null", "1e400", "-8334601228800"].map((value) => bad("claim_type", `nbf ${value}`, pay(`{${base},"nbf":${value}}`))),
  bad("expired", "at exp with the leeway", make({ exp: now - 30 })), ok("a second before", make({ exp: now - 29 })), bad("expired", "long ago", make({ exp: 1 })), bad("expired", "a negative exp", make({ exp: -1 })), ok("a fraction of a second", pay(`{${base.replace(`"exp":${now + 600}`, `"exp":${now + 600}.5`)}}`)),
  bad("not_yet_valid", "nbf after the leeway", make({ nbf: now + 31 })), ok("nbf at the leeway", make({ nbf: now + 30 })), bad("issued_in_future", "iat after the leeway", make({ iat: now + 31 })), ok("iat at the leeway", make({ iat: now + 30 })),
  bad("token_too_old", "older than maxAge and leeway", make({ iat: now - 3631 })), ok("as old as maxAge", make({ iat: now - 3600 })),
  ...["exp", "iat", "sub"].map((name) => bad("claim_missing", `no ${name}`, make({ [name]: undefined }))),
  ...[`${ISSUER}/`, ISSUER.toUpperCase(), "http://id.example", "https://id.example.evil", "id.example", "", ` ${ISSUER}`].map((iss) => bad("issuer_mismatch", `iss ${JSON.stringify(iss)}`, make({ iss }))),
  ...[[ISSUER], { iss: ISSUER }, 1, null].map((iss) => refused(`iss is ${JSON.stringify(iss)}`, make({ iss }))), refused("no iss", make({ iss: undefined })),
  ...["api2", "ap", "API", "api ", "", "api,other", [], ["x", "apis"], "https://api.example/"].map((aud) => bad("audience_mismatch", `aud ${JSON.stringify(aud)}`, make({ aud }))),
  ...[{ api: "api" }, 1, null, [["api"]], ["api", 1], true].map((aud) => refused(`aud is ${JSON.stringify(aud)}`, make({ aud }))), refused("no aud", make({ aud: undefined })),
  ok("an audience out of two", make({ aud: ["x", "https://api.example"] })), refused("sub is a number", make({ sub: 1 })), refused("sub is null", make({ sub: null })),
]);

const lacks = (name, change) => c(name, "GET /", sent(make(change)), "403 insufficient_scope read");
const scopes = suite("scopes", bearer(["RS256"]), [rsa], [
  ok("a list in a string", make({ scope: "write read" }), { expect: { principal: { scopes: ["read", "write"] } } }), ok("an array", make({ scope: ["read"] })), ok("scp", make({ scope: undefined, scp: ["read"] })), ok("scp as a string", make({ scope: undefined, scp: "read" })),
  ok("both agree", make({ scope: "read write", scp: ["write", "read"] })), bad("claim_type", "scope and scp disagree", make({ scope: "read", scp: ["read", "write"] })), ok("scopes that are not declared", make({ scope: "read admin:all *" }), { expect: { principal: { scopes: ["read"] } } }),
  lacks("none", { scope: undefined }), lacks("null", { scope: null }), lacks("empty", { scope: "" }), lacks("an empty array", { scope: [] }), lacks("another", { scope: "write" }), lacks("in upper case", { scope: "READ" }), lacks("a longer one", { scope: "read2" }), lacks("a star", { scope: "*" }),
  ...[1, true, { read: true }, ["read", 1], [["read"]]].map((scope) => bad("claim_type", `scope is ${JSON.stringify(scope)}`, make({ scope }))),
  ...["read  write", " read", "read ", "read\twrite", "read\nwrite", "read\"", "réad"].map((scope) => bad("claim_type", `scope ${JSON.stringify(scope)}`, make({ scope }))),
]);

const profile = suite("rfc9068 and clients", bearer(["RS256"], { profile: "rfc9068", clients: ["app"] }), [rsa], [
  ok("all there", make({ client_id: "app", jti: "1" }), { expect: { principal: { clientId: "app" } } }), bad("claim_missing", "no jti", make({ client_id: "app" })), bad("claim_missing", "no client_id", make({ jti: "1", azp: "app" })),
  ...["App", "app2", "", "app "].map((client_id) => c(`client ${JSON.stringify(client_id)}`, "GET /", sent(make({ client_id, jti: "1" })), "403 credential_not_accepted")),
]);
const types = suite("types off", bearer(["RS256"], { types: [] }), [rsa], [ok("typ JWT", head({ typ: "JWT" })), ok("no typ", head({ typ: undefined })), bad("nested_unsupported", "cty is still refused", head({ typ: undefined, cty: "JWT" }))]);
const limits = suite("limits", bearer(["RS256"], { limits: { tokenBytes: 900, headerBytes: 80, depth: 2, members: 20 } }), [rsa], [
  ok("within", good), bad("token_too_large", "a token", make({ x: "x".repeat(300) })), bad("header_invalid", "a header", head({ x: "x".repeat(60) }, { kid: A })), bad("claims_invalid", "depth", make({ x: [[[]]] })), bad("claims_invalid", "members", make({ x: Object.fromEntries([..."abcdefghijklmnopqrstu"].map((name) => [name, 0])) })),
]);

const signed = (alg, key, options = {}) => token(claims, { alg, key, ...options });
const ecParts = (name, alg) => { const t = signed(alg, name); const at = t.lastIndexOf("."); return [t.slice(0, at), t.slice(at + 1)]; };
const pss = suite("PS256", bearer(["PS256", "PS384"]), [rsa], [
  ok("a good token", signed("PS256", A)), ok("PS384", signed("PS384", A)), bad("alg_not_allowed", "RS256", good), bad("signature_invalid", "RS256 under the name PS256", signed("PS256", A, { signed: "RS256" })), bad("signature_invalid", "PS384 under the name PS256", signed("PS256", A, { signed: "PS384" })),
]);
const EC_ORDER = { "test-p256": "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "test-p384": "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973" };
const ec = (name, alg, size) => {
  const [input, good] = ecParts(name, alg);
  const bytes = Buffer.from(good, "base64url");
  const order = Buffer.from(EC_ORDER[name], "hex");
  const r = bytes.subarray(0, size), s = bytes.subarray(size), zero = Buffer.alloc(size);
  const der = (n) => { let b = n; while (b.length > 1 && b[0] === 0) b = b.subarray(1); if (b[0] & 128) b = Buffer.concat([zero.subarray(0, 1), b]); return Buffer.concat([Buffer.from([2, b.length]), b]); };
  const body = Buffer.concat([der(r), der(s)]);
  const list = { "r and s zero": [zero, zero], "r zero": [zero, s], "s zero": [r, zero], "r = n": [order, s], "s = n": [r, order], "r and s exchanged": [s, r], "r alone": [r], "one byte short": [r, s.subarray(1)], "one byte long": [r, s, zero.subarray(0, 1)], "DER": [Buffer.from([0x30, body.length]), body] };
  return suite(alg, bearer([alg]), [testKey(name).jwk], [
    ok("a good token", `${input}.${good}`), ...Object.entries(list).map(([what, parts]) => bad("signature_invalid", what, `${input}.${b64u(Buffer.concat(parts))}`)),
    bad("signature_invalid", "a changed payload", `${input.split(".")[0]}.${b64u(JSON.stringify({ ...claims, sub: "u2" }))}.${good}`), bad("alg_not_allowed", "RS256", signed("RS256", A, { kid: name })),
  ]);
};
const [edInput, edSignature] = ecParts("test-ed25519", "EdDSA");
const edBytes = Buffer.from(edSignature, "base64url");
const L = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn;
const littleEndian = (number) => Buffer.from(number.toString(16).padStart(64, "0"), "hex").reverse();
const S_VALUE = BigInt(`0x${Buffer.from(edBytes.subarray(32)).reverse().toString("hex")}`);
const ed = suite("EdDSA", bearer(["EdDSA"]), [testKey("test-ed25519").jwk], [
  ok("a good token", `${edInput}.${edSignature}`), bad("signature_invalid", "S + L", `${edInput}.${b64u(Buffer.concat([edBytes.subarray(0, 32), littleEndian(S_VALUE + L)]))}`), bad("signature_invalid", "zeros", `${edInput}.${b64u(Buffer.alloc(64))}`),
  bad("signature_invalid", "63 bytes", `${edInput}.${b64u(edBytes.subarray(0, 63))}`), bad("signature_invalid", "65 bytes", `${edInput}.${b64u(Buffer.concat([edBytes, Buffer.alloc(1)]))}`), bad("signature_invalid", "the small-order point and S zero", `${edInput}.${b64u(Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]))}`),
  bad("alg_not_allowed", "Ed25519 is another name", signed("EdDSA", "test-ed25519", { header: { alg: "Ed25519" } })),
]);

const secret = Buffer.alloc(64, 0x5a);
const hs = (alg, key, options = {}) => token(claims, { alg, key, signed: alg, ...options });
const hmac = suite("HS256", bearer(["HS256", "HS512"]), undefined, [
  ok("a good token", hs("HS256", secret)), ok("HS512", hs("HS512", secret)), bad("alg_not_allowed", "HS384", hs("HS384", secret)), bad("signature_invalid", "an empty secret", hs("HS256", Buffer.alloc(0))), bad("signature_invalid", "another secret", hs("HS256", Buffer.alloc(64, 1))),
  bad("signature_invalid", "the secret with a space before", hs("HS256", Buffer.concat([Buffer.from(" "), secret]))), bad("signature_invalid", "HS512 under the name HS256", hs("HS256", secret, { signed: "HS512" })), bad("signature_invalid", "a shortened signature", hs("HS256", secret).slice(0, -3) + ""), bad("signature_invalid", "one byte of signature", `${hs("HS256", secret).split(".").slice(0, 2).join(".")}.AA`),
], { secrets: { user: b64u(secret) } });
const confusion = suite("HMAC beside RSA", bearer(["RS256", "HS256"]), [rsa], [
  ok("RS256 by the public key", good), ok("HS256 by the secret", hs("HS256", secret)),
  ...Object.entries({ "the PEM": pem, "the PEM without its last line feed": pem.trimEnd(), "a space and the PEM": ` ${pem}`, "the DER": testKey(A).public.export({ type: "spki", format: "der" }), "the modulus": Buffer.from(rsa.n, "base64url"), "the modulus as text": rsa.n, "the JWK as text": JSON.stringify(rsa) })
    .map(([what, key]) => bad("signature_invalid", `HS256 with ${what} as the secret`, hs("HS256", key, { kid: A }))),
], { secrets: { user: b64u(secret) } });

const set = (name, keys, cases, algorithms = ["RS256"]) => suite(`key set: ${name}`, bearer(algorithms), keys, cases);
const weak = testKey("test-rsa-1024").jwk;
const p256 = testKey("test-p256").jwk;
const offCurve = { ...p256, y: flip(p256.y, -1) };
const sets = [
  set("two keys", [rsa, rsaB], [ok("the first", good), ok("the second", make({}, { key: "test-rsa-b" })), bad("key_ambiguous", "no kid", head({ kid: undefined })), bad("signature_invalid", "the kid of the other", make({}, { key: "test-rsa-b", kid: A }))]),
  set("one key of each kind", [rsa, p256], [ok("no kid and one candidate", head({ kid: undefined })), bad("alg_key_mismatch", "RS256 by the kid of an EC key", make({}, { kid: "test-p256" }))]),
  set("empty", [], [bad("key_not_found", "any", good)]),
  set("unknown and broken members are skipped", [{ kty: "AKP", kid: "x" }, { kid: "y" }, { kty: "RSA", kid: "z", n: 1 }, rsa], [ok("the good one", good)]),
  set("members that are no objects are skipped", [null, "z", rsa], [ok("the good one", good)]),
  set("alg of another kind", [{ ...rsa, alg: "PS256" }], [bad("alg_key_mismatch", "RS256", good)], ["RS256", "PS256"]),
  set("alg as in the header", [{ ...rsa, alg: "RS256", use: "sig", key_ops: ["verify"] }], [ok("RS256", good)]),
  set("for encryption", [{ ...rsa, use: "enc" }], [bad("key_use_mismatch", "use enc", good)]),
  set("for other operations", [{ ...rsa, key_ops: ["sign"] }], [bad("key_use_mismatch", "key_ops sign", good)]),
  set("1024 bits", [weak], [bad("key_weak", "RSA 1024", make({}, { key: "test-rsa-1024" }))]),
  set("exponent 1", [{ ...rsa, e: "AQ" }], [bad("key_invalid", "e = 1", good)]),
  set("an even exponent", [{ ...rsa, e: "AQAA" }], [bad("key_invalid", "e even", good)]),
  set("an even modulus", [{ ...rsa, n: flip(rsa.n, -1) }], [bad("key_invalid", "n even", good)]),
  set("a point off the curve", [offCurve], [bad("key_invalid", "y changed", signed("ES256", "test-p256"))], ["ES256"]),
  set("a short coordinate", [{ ...p256, x: b64u(Buffer.from(p256.x, "base64url").subarray(1)) }], [bad("key_invalid", "x of 31 bytes", signed("ES256", "test-p256"))], ["ES256"]),
  set("a short Ed25519 key", [{ ...testKey("test-ed25519").jwk, x: b64u(Buffer.alloc(31, 7)) }], [bad("key_invalid", "x of 31 bytes", `${edInput}.${edSignature}`)], ["EdDSA"]),
  set("curve and algorithm differ", [testKey("test-p384").jwk], [bad("alg_key_mismatch", "ES256 by a P-384 key", signed("ES256", "test-p256", { kid: "test-p384" }))], ["ES256", "ES384"]),
  set("a symmetric key", [{ kty: "oct", kid: "o", k: b64u(secret) }], [refused("HS256 by a key of the set", hs("HS256", secret, { kid: "o" }))]),
  set("a private member", [{ ...rsa, d: "AQAB" }], [c("the set is refused whole", "GET /", sent(good), "503 keys_unavailable")]),
  set("no set", { key: [rsa] }, [c("it is out of reach", "GET /", sent(good), "503 keys_unavailable")]),
  set("keys of a wrong type", { keys: rsa }, [c("it is out of reach", "GET /", sent(good), "503 keys_unavailable")]),
  suite("key set: none", bearer(["RS256"]), undefined, [c("the host has none", "GET /", sent(good), "503 keys_unavailable"), bad("alg_not_allowed", "the header is told first", head({ alg: "none" }))]),
  suite("key set: out of reach", bearer(["RS256"]), [rsa], [c("a good token", "GET /", sent(good), "503 keys_unavailable", { store: "fail" }), { ...bad("typ_mismatch", "the header is told first", head({ typ: "JWT" })), store: "fail" }]),
  suite("key set: in the policy", bearer(["RS256"], { jwks: { keys: [rsa] } }), undefined, [c("no host call", "GET /", sent(good), "200", { store: "fail" }), bad("key_not_found", "an unknown kid", head({}, { kid: "other" }))]),
];

export default [front, claimCases, scopes, profile, types, limits, pss, ec("test-p256", "ES256", 32), ec("test-p384", "ES384", 48), ed, hmac, confusion, ...sets];
