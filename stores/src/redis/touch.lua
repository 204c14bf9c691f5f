-- KEYS: records. ARGV: an instant for each.
for at, key in ipairs(KEYS) do
  local stored = redis.call("HMGET", key, "version", "used")
  if stored[1] and (not stored[2] or tonumber(stored[2]) < tonumber(ARGV[at])) then redis.call("HSET", key, "used", ARGV[at]) end
end
return 1
