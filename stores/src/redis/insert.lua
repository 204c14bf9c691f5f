-- KEYS: the record, the owner's list, the owner's active keys, all ends.
-- ARGV: record, version, revoked (0 or 1), last use or "", place in the list, end or "", place among the ends or "", id.
if redis.call("EXISTS", KEYS[1]) == 1 then return 0 end
redis.call("HSET", KEYS[1], "record", ARGV[1], "version", ARGV[2], "revoked", ARGV[3], "owner_list", KEYS[2], "place", ARGV[5], "end", ARGV[7])
if ARGV[4] ~= "" then redis.call("HSET", KEYS[1], "used", ARGV[4]) end
redis.call("ZADD", KEYS[2], 0, ARGV[5])
if ARGV[3] == "0" then
  redis.call("ZADD", KEYS[3], ARGV[6] == "" and "+inf" or ARGV[6], ARGV[8])
  if ARGV[7] ~= "" then redis.call("ZADD", KEYS[4], 0, ARGV[7]) end
end
return 1
