-- Members of sorted sets. KEYS[2..] the key of each unit; each takes four arguments: its member and the score that it
-- must have, its new member and score.
local function unit(key, at)
  local member, new, score = ARGV[at], ARGV[at + 2], ARGV[at + 3]
  local now = call('ZSCORE', key, member)
  if not now then return 'g' end
  if tonumber(now) ~= tonumber(ARGV[at + 1]) then return 'c' end -- servers spell one double in several ways
  local ttl = ttl_of(key)
  if ttl == 0 then return 'c' end
  local there = new ~= member and call('ZSCORE', key, new)
  if there and not (merges and tonumber(there) == tonumber(score)) then return 'x' end
  if not there then call('ZADD', key, score, new) end
  if new ~= member then call('ZREM', key, member) end
  give_ttl(key, ttl)
  return 'd'
end

return every(unit, 4)
