-- Members of sets. KEYS[2..] the key of each unit; each takes two arguments: the member that must be there, and its new
-- text.
local function unit(key, at)
  local member, new = ARGV[at], ARGV[at + 1]
  if call('SISMEMBER', key, member) == 0 then return 'g' end
  local ttl = ttl_of(key)
  if ttl == 0 then return 'c' end
  if member ~= new then
    if call('SADD', key, new) == 0 and not merges then return 'x' end
    call('SREM', key, member)
  end
  give_ttl(key, ttl)
  return 'd'
end

return every(unit, 2)
