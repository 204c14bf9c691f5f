-- KEYS: the document. ARGV: body, expected version.
local version = redis.call("HGET", KEYS[1], "version")
if not version then return 2 end
if version ~= ARGV[2] then return 0 end
redis.call("HSET", KEYS[1], "body", ARGV[1])
redis.call("HINCRBY", KEYS[1], "version", 1)
return 1
