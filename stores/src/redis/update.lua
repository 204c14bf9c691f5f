-- KEYS: the record, the owner's list, the owner's active keys, all ends.
-- ARGV: record, version, revoked (0 or 1), expected version, place in the list, end or "", place among the ends or "", id.
local stored = redis.call("HMGET", KEYS[1], "version", "revoked", "owner_list", "place", "end")
if not stored[1] then return 2 end
if stored[1] ~= ARGV[4] or (stored[2] == "1" and ARGV[3] == "0") or stored[3] ~= KEYS[2] or stored[4] ~= ARGV[5] then return 0 end
redis.call("HSET", KEYS[1], "record", ARGV[1], "version", ARGV[2], "revoked", ARGV[3], "end", ARGV[7])
if stored[5] ~= "" then redis.call("ZREM", KEYS[4], stored[5]) end
if ARGV[3] == "1" then
  redis.call("ZREM", KEYS[3], ARGV[8])
else
  redis.call("ZADD", KEYS[3], ARGV[6] == "" and "+inf" or ARGV[6], ARGV[8])
  if ARGV[7] ~= "" then redis.call("ZADD", KEYS[4], 0, ARGV[7]) end
end
return 1
