-- Strings. KEYS[2..] the units; each takes two arguments: the value that it must have, and its new one.
local function unit(key, at)
  local now = call('GET', key)
  if not now then return 'g' end
  if now ~= ARGV[at] then return 'c' end
  local ttl = ttl_of(key)
  if ttl == 0 then return 'c' end
  if now ~= ARGV[at + 1] then call('SET', key, ARGV[at + 1], 'XX', 'KEEPTTL') end
  give_ttl(key, ttl)
  return 'd'
end

return every(unit, 2)
