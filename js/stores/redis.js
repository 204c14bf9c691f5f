// Redis 6.2 or later through a connected client of `redis`. Each operation is one script, which Redis runs alone. All keys share
// one hash tag, so that a script may touch several of them in a cluster too.
import { StoreError, asked, capabilities, change, grant, grantPage, latest, loaded, page, parsed, scopeList, stored, text, whole } from "./contract.js";

const INSERT = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[1], 'version', ARGV[2], 'revoked', ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'used', ARGV[4]) end
redis.call('ZADD', KEYS[2], 0, ARGV[5])
return 1`;
const FIND = "return redis.call('HMGET', KEYS[1], 'record', 'used')";
const UPDATE = `
local version = redis.call('HGET', KEYS[1], 'version')
if not version then return 0 end
if version ~= ARGV[1] or tonumber(ARGV[2]) <= tonumber(version) then return 1 end
if redis.call('HGET', KEYS[1], 'revoked') == '1' and ARGV[3] ~= '1' then return 1 end
if not redis.call('ZSCORE', KEYS[2], ARGV[5]) then return 1 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'revoked', ARGV[3], 'record', ARGV[4])
return 2`;
const LIST = `
local found = {}
for _, place in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], '(' .. ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  found[#found + 1] = redis.call('HMGET', ARGV[3] .. string.sub(place, 18), 'record', 'used')
end
return found`;
const TOUCH = `
for at, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    local used = redis.call('HGET', key, 'used')
    if not used or tonumber(used) < tonumber(ARGV[at]) then redis.call('HSET', key, 'used', ARGV[at]) end
  end
end
return 0`;
// The names of somebody's grants stay as long as the last of them.
const INDEX = `
local function index(key, id, at)
  redis.call('ZADD', key, 0, id)
  local left = redis.call('TTL', key)
  if left < 0 or tonumber(redis.call('TIME')[1]) + left < tonumber(at) then redis.call('EXPIREAT', key, at) end
end`;
const INSERT_GRANT = `${INDEX}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'row', ARGV[1], 'version', '1', 'sub', ARGV[3])
redis.call('EXPIREAT', KEYS[1], ARGV[2])
if ARGV[3] ~= '' then index(ARGV[5] .. ARGV[3], ARGV[4], ARGV[2]) end
return 1`;
const GET_GRANT = "return redis.call('HMGET', KEYS[1], 'row', 'version')";
const SWAP_GRANT = `${INDEX}
local version = redis.call('HGET', KEYS[1], 'version')
if not version then return 0 end
if version ~= ARGV[1] then return 1 end
redis.call('HSET', KEYS[1], 'row', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('EXPIREAT', KEYS[1], ARGV[3])
local sub = redis.call('HGET', KEYS[1], 'sub')
if sub and sub ~= '' then index(ARGV[5] .. sub, ARGV[4], ARGV[3]) end
return 2`;
const GRANTS_OF = `
local found = {}
local after = ARGV[1] == '' and '-' or '(' .. ARGV[1]
while #found < tonumber(ARGV[2]) do
  local ids = redis.call('ZRANGEBYLEX', KEYS[1], after, '+', 'LIMIT', 0, tonumber(ARGV[2]) - #found)
  if #ids == 0 then break end
  for _, id in ipairs(ids) do
    if redis.call('EXISTS', ARGV[3] .. id) == 1 then found[#found + 1] = id else redis.call('ZREM', KEYS[1], id) end
    after = '(' .. id
  end
end
return found`;
const PUT_ONCE = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], '1')
redis.call('EXPIREAT', KEYS[1], ARGV[1])
return 1`;
const GET_CONSENT = "return redis.call('GET', KEYS[1])";
const SAVE_CONSENT = "return redis.call('SET', KEYS[1], ARGV[1])";

const UPDATED = ["missing", "conflict", "done"];
const SWAPPED = ["missing", "conflict", "swapped"];

/** Members of an index are ordered as bytes: the time in sixteen digits, a colon, the id. */
const place = (createdAt, id) => `${String(createdAt).padStart(16, "0")}:${id}`;

function runner(client) {
  if (typeof client?.eval !== "function") throw new StoreError("options_invalid", "Expected a connected client with `eval`.");
  return (script, keys, parameters, use) => asked(() => client.eval(script, { keys, arguments: parameters.map(String) }), use);
}

/**
 * Keys in Redis.
 * @param {object} client
 * @param {{ prefix?: string }} [options] what the names of keys begin with, `{scopegate-js}` unless given; keep the braces in a cluster
 */
export function redisKeys(client, { prefix = "{scopegate-js}" } = {}) {
  const ask = runner(client);
  const key = (id) => `${prefix}:key:${id}`;
  const owned = (owner) => `${prefix}:owner:${owner}`;
  const read = ([record, used]) => loaded(record, used);
  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, list: true }),
    find: (id) => ask(FIND, [key(id)], [], (found) => (found[0] === null ? null : read(found))),
    insert(record) {
      const { id, owner, createdAt, version, revoked, used, text: json } = stored(record);
      const parameters = [json, version, Number(revoked), used ?? "", place(createdAt, id)];
      return ask(INSERT, [key(id), owned(owner)], parameters, (done) => (done === 1 ? "done" : "exists"));
    },
    update(id, expectedVersion, record) {
      const { version, revoked, text: json, expected, owner, createdAt } = change(id, expectedVersion, record);
      const parameters = [expected, version, Number(revoked), json, place(createdAt, id)];
      return ask(UPDATE, [key(id), owned(owner)], parameters, (outcome) => UPDATED[outcome]);
    },
    list(owner, after, limit) {
      const { createdAt, id, limit: most } = page(owner, after, limit);
      return ask(LIST, [owned(owner)], [createdAt < 0 ? "" : place(createdAt, id), most, key("")], (found) => found.map(read));
    },
    touch(uses) {
      const found = latest(uses);
      if (found.size === 0) return undefined;
      return ask(TOUCH, [...found.keys()].map(key), [...found.values()], () => undefined);
    },
  };
}

/** Grants in Redis, which forgets what expired by itself and by its own clock. */
export function redisGrants(client, { prefix = "{scopegate-js}" } = {}) {
  const ask = runner(client);
  const key = (id) => `${prefix}:grant:${text(id, "id")}`;
  const of = `${prefix}:grants:`;
  const consent = (sub, clientId) => `${prefix}:consent:${JSON.stringify([text(sub, "sub"), text(clientId, "clientId")])}`;
  return {
    capabilities: capabilities({ cas: true, readYourWrites: true, putOnce: true, list: true }),
    insertGrant(id, row, expiresAt, sub) {
      const parameters = [row, expiresAt, grant(id, row, expiresAt, sub).sub, id, of];
      return ask(INSERT_GRANT, [key(id)], parameters, (done) => (done === 1 ? "inserted" : "exists"));
    },
    getGrant: (id) => ask(GET_GRANT, [key(id)], [], ([row, version]) => (row === null ? null : { row, version: Number(version) })),
    swapGrant(id, expectedVersion, row, expiresAt) {
      grant(id, row, expiresAt);
      return ask(SWAP_GRANT, [key(id)], [whole(expectedVersion, "expectedVersion"), row, expiresAt, id, of], (outcome) => SWAPPED[outcome]);
    },
    grantsOf(sub, after, limit) {
      const asked = grantPage(sub, after, limit);
      return ask(GRANTS_OF, [of + asked.sub], [asked.after, asked.limit, `${prefix}:grant:`], (ids) => ids);
    },
    putOnce(space, keyHash, expiresAt) {
      const name = `${prefix}:once:${JSON.stringify([text(space, "space"), text(keyHash, "keyHash")])}`;
      return ask(PUT_ONCE, [name], [whole(expiresAt, "expiresAt")], (done) => (done === 1 ? "fresh" : "seen"));
    },
    getConsent: (sub, clientId) => ask(GET_CONSENT, [consent(sub, clientId)], [], (found) => (found === null ? null : parsed(found))),
    saveConsent: (sub, clientId, scopes) => ask(SAVE_CONSENT, [consent(sub, clientId)], [JSON.stringify(scopeList(scopes))], () => undefined),
    /** Nothing to do. */
    purge() {},
  };
}
