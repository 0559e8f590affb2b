-- Entries of hashes. KEYS[2..] the key of each unit; each takes four arguments: its field and the value that it must
-- have, its new field and value.
local function unit(key, at)
  local field, name, value = ARGV[at], ARGV[at + 2], ARGV[at + 3]
  local now = call('HGET', key, field)
  if not now then return 'g' end
  if now ~= ARGV[at + 1] then return 'c' end
  local ttl = ttl_of(key)
  if ttl == 0 then return 'c' end
  local there = name ~= field and call('HGET', key, name)
  if there and not (merges and there == value) then return 'x' end
  if not there and (name ~= field or value ~= now) then
    local expiry = field_expiry(key, field)
    call('HSET', key, name, value)
    keep_expiry(key, name, expiry)
  end
  if name ~= field then call('HDEL', key, field) end
  give_ttl(key, ttl)
  return 'd'
end

return every(unit, 4)
