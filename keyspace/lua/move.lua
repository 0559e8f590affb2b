-- Whole keys that get another name, another kind, or both. KEYS[2] is a key of our own for what is being built; then
-- two keys a unit: where it stands and where it goes (the same, if only its kind changes).
--
-- unit:    number of its arguments that follow; how (move: its place must be free; finish: its place is taken, and only
--          what stood before goes); what must stand there now; with move what is to be written
-- stands:  'string', value | 'hash', n, then n names and values in turn, which must be all
-- written: 'string', value | 'hash', n, then n names and values in turn, built anew
--          | 'edit', fields set, fields deleted; names and values in turn, sources (see write_fields), names
local temporary = KEYS[2]
local q -- the argument to read next

local function take()
  q = q + 1
  return ARGV[q - 1]
end

local function pairs_of(n)
  local list = {}
  for i = 1, 2 * n do list[i] = ARGV[q + i - 1] end
  q = q + 2 * n
  return list
end

-- Tells whether a key is what it must be; nil if it is gone.
local function stands(key)
  if take() == 'string' then
    local value, now = take(), call('GET', key)
    if not now then return nil end
    return now == value
  end
  local n = tonumber(take())
  local list, there = pairs_of(n), size_of(key, n)
  if there == 0 then return nil end
  if there ~= n then return false end
  local names = {}
  for i = 1, n do names[i] = list[2 * i - 1] end
  local now = fields_of(key, names)
  for i = 1, n do
    if now[i] ~= list[2 * i] then return false end
  end
  return true
end

local function build(kind, key)
  call('DEL', temporary)
  if kind == 'string' then
    call('SET', temporary, take())
  else
    write_fields(temporary, pairs_of(tonumber(take())), {}, {})
  end
  if tells then
    local at = call('PEXPIRETIME', key)
    if at > 0 then call('PEXPIREAT', temporary, at) end
  else
    local left = call('PTTL', key)
    if left >= 0 then call('PEXPIRE', temporary, math.max(left, 1)) end
  end
end

-- Another kind is built beside the key and then takes its place: nothing is gone before it is whole. False if the key
-- expired meanwhile.
local function replace(kind, key, place)
  local ok, err = pcall(build, kind, key)
  if not ok then
    call('DEL', temporary)
    error(err)
  end
  if call('EXISTS', temporary) == 0 then return false end -- it expired while it was built
  if key == place then
    call('RENAME', temporary, key)
  else
    call('RENAME', temporary, place)
    call('DEL', key)
  end
  return true
end

-- The same kind is changed where it stands and then renamed, which cannot fail for want of memory.
local function edit(key)
  local set, deleted, sources, names = tonumber(take()), tonumber(take()), {}, {}
  local list = pairs_of(set)
  for i = 1, set do sources[i] = take() end
  for i = 1, deleted do names[i] = take() end
  write_fields(key, list, names, sources)
end

local function unit(key, place, at)
  q = at
  local how, taken = take(), key ~= place and call('EXISTS', place) == 1
  local same = stands(key)
  if same == nil then return 'g' end
  if not same then return 'c' end
  if how == 'finish' then
    if not taken then return 'c' end
    call('DEL', key)
    return 'd'
  end
  if taken then return 'x' end
  local ttl = ttl_of(key)
  if ttl == 0 then return 'c' end
  local kind = take()
  if kind == 'edit' then
    edit(key)
    if key ~= place then call('RENAME', key, place) end
  elseif kind == 'string' and call('TYPE', key).ok == 'string' then
    call('SET', key, take(), 'XX', 'KEEPTTL')
    if key ~= place then call('RENAME', key, place) end
  elseif not replace(kind, key, place) then
    return 'g'
  end
  give_ttl(place, ttl)
  return 'd'
end

for k = 3, #KEYS, 2 do
  guarded(unit, KEYS[k], KEYS[k + 1], p + 1)
  p = p + 1 + tonumber(ARGV[p])
end
return answered()
