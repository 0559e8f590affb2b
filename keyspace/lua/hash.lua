-- Hashes with fixed fields. KEYS[2..] the units; ARGV[5] the number of layouts, then the layouts, then the units.
--
-- layout:  number of fields compared by value, carried, set, deleted; then those names in that order (compared and
--          carried are all the fields that the hash may have); with flag F a source for each of the set (see write_fields)
-- unit:    number of its layout; the expected values of the compared fields; the values to set
local function names(n)
  local list = {}
  for i = 1, n do list[i] = ARGV[p]; p = p + 1 end
  return list
end

-- A layout keeps the arguments of its calls: the key and the values are put into them unit by unit.
local count, layouts = tonumber(ARGV[p]), {}
p = p + 1
for i = 1, count do
  local l = {valued = tonumber(ARGV[p])}
  local read = l.valued + tonumber(ARGV[p + 1])
  local set, deleted = tonumber(ARGV[p + 2]), tonumber(ARGV[p + 3])
  p = p + 4
  l.read, l.set, l.deleted = names(read), names(set), names(deleted)
  l.sources = fading and names(set) or {}
  l.plain = not fading and #l.read <= wide
  l.size = l.valued + set
  l.write = {}
  for j = 1, set do l.write[2 * j - 1] = l.set[j] end
  layouts[i] = l
end

-- As many fields as were read and each of them there: the names are the same. So no field is foreign, what is to be
-- absent is, and what stays behind a deletion is there to keep the key.
local function unit(key, l, at)
  local fields = size_of(key, #l.read)
  if fields == 0 then return 'g' end
  if fields ~= #l.read then return 'c' end
  local valued, now = l.valued, fields_of(key, l.read)
  for i = 1, valued do
    if now[i] ~= ARGV[at + i - 1] then return 'c' end
  end
  for i = valued + 1, fields do
    if not now[i] then return 'c' end
  end
  local ttl = ttl_of(key)
  if ttl == 0 then return 'c' end
  local list = l.write
  at = at + valued - 1
  for i = 1, #l.set do list[2 * i] = ARGV[at + i] end
  if l.plain then
    if #list > 0 then call('HSET', key, unpack(list)) end
    if #l.deleted > 0 then call('HDEL', key, unpack(l.deleted)) end
  else
    write_fields(key, list, l.deleted, l.sources)
  end
  give_ttl(key, ttl)
  return 'd'
end

local codes = {}
for k = 2, #KEYS do
  local l = layouts[tonumber(ARGV[p])]
  codes[k - 1] = guarded(unit, KEYS[k], l, p + 1)
  p = p + 1 + l.size
end
return answered(codes)
