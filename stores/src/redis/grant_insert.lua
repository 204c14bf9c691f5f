-- KEYS: the grant, the ends. ARGV: row, end, id.
if redis.call("EXISTS", KEYS[1]) == 1 then return 0 end
redis.call("HSET", KEYS[1], "row", ARGV[1], "version", 1)
redis.call("ZADD", KEYS[2], ARGV[2], ARGV[3])
return 1
