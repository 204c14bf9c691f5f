-- KEYS: a set of places. ARGV: start, end, how many at most, what a record's key begins with (it is on the node of the set: they share a
-- hash tag). A place is an instant of twelve digits and an id.
local records = {}
for at, place in ipairs(redis.call("ZRANGEBYLEX", KEYS[1], ARGV[1], ARGV[2], "LIMIT", 0, ARGV[3])) do
  records[at] = redis.call("HMGET", ARGV[4] .. string.sub(place, 13), "record", "used")
end
return records
