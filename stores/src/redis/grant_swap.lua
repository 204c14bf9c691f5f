-- KEYS: the grant, the ends. ARGV: row, end, id, expected version.
local version = redis.call("HGET", KEYS[1], "version")
if not version then return 2 end
if version ~= ARGV[4] then return 0 end
redis.call("HSET", KEYS[1], "row", ARGV[1])
redis.call("HINCRBY", KEYS[1], "version", 1)
redis.call("ZADD", KEYS[2], ARGV[2], ARGV[3])
return 1
