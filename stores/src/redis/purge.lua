-- KEYS: the ends. ARGV: an instant, how many at most, what a grant's key begins with (it is on the node of the ends: they share a hash tag).
local ids = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", ARGV[1], "LIMIT", 0, ARGV[2])
for _, id in ipairs(ids) do
  local list = redis.call("HGET", ARGV[3] .. id, "list")
  if list then redis.call("ZREM", list, id) end
  redis.call("DEL", ARGV[3] .. id)
  redis.call("ZREM", KEYS[1], id)
end
return #ids
