-- Elements of lists. KEYS[2..] the key of each unit; each takes three arguments: where it stands, the element that must
-- stand there, and its new text. An element that has moved meanwhile is a conflict.
local function unit(key, at)
  local now = call('LINDEX', key, ARGV[at])
  if not now then return 'g' end
  if now ~= ARGV[at + 1] then return 'c' end
  local ttl = ttl_of(key)
  if ttl == 0 then return 'c' end
  if now ~= ARGV[at + 2] then call('LSET', key, ARGV[at], ARGV[at + 2]) end
  give_ttl(key, ttl)
  return 'd'
end

return every(unit, 3)
