-- KEYS: the grant, the ends, the subject's ids. ARGV: row, end, id.
if redis.call("EXISTS", KEYS[1]) == 1 then return 0 end
redis.call("HSET", KEYS[1], "row", ARGV[1], "version", 1, "list", KEYS[3])
redis.call("ZADD", KEYS[2], ARGV[2], ARGV[3])
redis.call("ZADD", KEYS[3], 0, ARGV[3])
return 1
