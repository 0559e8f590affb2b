-- Units that go. KEYS[2..] the key of each unit; each takes its kind and what must be there still:
--
-- 'string', value | 'hash', n, then n names and values in turn, which must be all: the key is unlinked
-- 'map', field, value | 'zset', member, score | 'set', member | 'list', element: only the part goes
local whole = {
  string = function(key, at)
    local now = call('GET', key)
    if not now then return 'g' end
    return now == ARGV[at] and 'd' or 'c'
  end,
  hash = function(key, at)
    local n, names = tonumber(ARGV[at]), {}
    local there = size_of(key, n)
    if there ~= n then return there == 0 and 'g' or 'c' end
    for i = 1, n do names[i] = ARGV[at + 2 * i - 1] end
    local now = fields_of(key, names)
    for i = 1, n do
      if now[i] ~= ARGV[at + 2 * i] then return 'c' end
    end
    return 'd'
  end,
}

local part = {
  map = function(key, at)
    local now = call('HGET', key, ARGV[at])
    if not now then return 'g' end
    if now ~= ARGV[at + 1] then return 'c' end
    call('HDEL', key, ARGV[at])
    return 'd'
  end,
  zset = function(key, at)
    local now = call('ZSCORE', key, ARGV[at])
    if not now then return 'g' end
    if tonumber(now) ~= tonumber(ARGV[at + 1]) then return 'c' end
    call('ZREM', key, ARGV[at])
    return 'd'
  end,
  set = function(key, at) return call('SREM', key, ARGV[at]) == 1 and 'd' or 'g' end,
  -- One of equal elements is as good as another.
  list = function(key, at) return call('LREM', key, 1, ARGV[at]) == 1 and 'd' or 'g' end,
}

local function unit(key, kind, at)
  if part[kind] then return part[kind](key, at) end
  local code = whole[kind](key, at)
  if code == 'd' then call('UNLINK', key) end
  return code
end

local sizes = {string = 1, map = 2, zset = 2, set = 1, list = 1}
for k = 2, #KEYS do
  local kind = ARGV[p]
  guarded(unit, KEYS[k], kind, p + 1)
  p = p + 1 + (sizes[kind] or 1 + 2 * tonumber(ARGV[p + 1]))
end
return answered()
