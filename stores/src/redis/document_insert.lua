-- KEYS: the document. ARGV: body.
if redis.call("EXISTS", KEYS[1]) == 1 then return 0 end
redis.call("HSET", KEYS[1], "body", ARGV[1], "version", 1)
return 1
