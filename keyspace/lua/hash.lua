-- Hashes with fixed fields. KEYS[2..] the units; ARGV[5] the separator, ARGV[6] the number of layouts, then the layouts,
-- then runs of units that follow each other and have one layout.
--
-- layout:  how many fields the hash must have; how many fields are compared by value, must be absent, are set, are
--          deleted; then those names in that order, where behind the name of a field that is set comes what it gets:
--          '=' and a value, '<' and the number of the compared field whose value it takes, or '' for one that each unit
--          brings; with flag F a source for each of the set (see write_fields)
-- run:     number of its layout; how many units; the units
-- unit:    the expected values of the compared fields, joined by the separator, which is in none of them; the values
--          that it brings
local sep, count = ARGV[p], tonumber(ARGV[p + 1])
p = p + 2

local function names(n)
  local list = {}
  for i = 1, n do list[i] = ARGV[p]; p = p + 1 end
  return list
end

-- A layout keeps the arguments of its calls: what differs from unit to unit is put into them.
local function layout()
  local l = {fields = tonumber(ARGV[p]), valued = tonumber(ARGV[p + 1])}
  local read, set, deleted = l.valued + tonumber(ARGV[p + 2]), tonumber(ARGV[p + 3]), tonumber(ARGV[p + 4])
  p = p + 5
  l.read, l.write, l.moved, l.brought = names(read), {}, {}, {}
  for j = 1, set do
    local name, how = ARGV[p], ARGV[p + 1]
    l.write[2 * j - 1] = name
    if how == '' then
      l.brought[#l.brought + 1] = 2 * j
    elseif string.sub(how, 1, 1) == '=' then
      l.write[2 * j] = string.sub(how, 2)
    else
      l.moved[#l.moved + 1] = {2 * j, tonumber(string.sub(how, 2))}
    end
    p = p + 2
  end
  l.deleted = names(deleted)
  l.sources = fading and names(set) or {}
  l.plain = not fading and read <= wide and read > 0
  return l
end

local concat = table.concat

-- As many fields as there were: what stays behind a deletion is there to keep the key.
local function unit(key, at, l)
  local plain, read, valued = l.plain, l.read, l.valued
  local fields = plain and call('HLEN', key) or size_of(key, l.fields)
  if fields == 0 then return 'g' end
  if fields ~= l.fields then return 'c' end
  local now = plain and call('HMGET', key, unpack(read)) or fields_of(key, read)
  for i = 1, valued do
    if not now[i] then return 'c' end
  end
  for i = valued + 1, #read do
    if now[i] then return 'c' end
  end
  if concat(now, sep, 1, valued) ~= ARGV[at] then return 'c' end
  local ttl = ruled and ttl_of(key) or -1
  if ttl == 0 then return 'c' end
  local list, moved, brought = l.write, l.moved, l.brought
  for i = 1, #moved do list[moved[i][1]] = now[moved[i][2]] end
  for i = 1, #brought do list[brought[i]] = ARGV[at + i] end
  if plain then
    if #list > 0 then call('HSET', key, unpack(list)) end
    if #l.deleted > 0 then call('HDEL', key, unpack(l.deleted)) end
  else
    write_fields(key, list, l.deleted, l.sources)
  end
  if ttl > 0 or returns then give_ttl(key, ttl) end
  return 'd'
end

local layouts, k = {}, 2
for i = 1, count do layouts[i] = layout() end
while KEYS[k] do
  local l, n = layouts[tonumber(ARGV[p])], tonumber(ARGV[p + 1])
  each(unit, l, k, n, p + 2, 1 + #l.brought)
  k, p = k + n, p + 2 + n * (1 + #l.brought)
end
return answered()
