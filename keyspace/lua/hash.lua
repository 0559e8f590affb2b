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
  local plain, read = l.plain, l.read
  local fields = plain and call('HLEN', key) or size_of(key, #read)
  if fields == 0 then return 'g' end
  if fields ~= #read then return 'c' end
  local valued, now = l.valued, plain and call('HMGET', key, unpack(read)) or fields_of(key, read)
  for i = 1, valued do
    if now[i] ~= ARGV[at + i - 1] then return 'c' end
  end
  for i = valued + 1, fields do
    if not now[i] then return 'c' end
  end
  local ttl = ruled and ttl_of(key) or -1
  if ttl == 0 then return 'c' end
  local list = l.write
  at = at + valued - 1
  for i = 1, #l.set do list[2 * i] = ARGV[at + i] end
  if plain then
    if #list > 0 then call('HSET', key, unpack(list)) end
    if #l.deleted > 0 then call('HDEL', key, unpack(l.deleted)) end
  else
    write_fields(key, list, l.deleted, l.sources)
  end
  if ttl > 0 or returns then give_ttl(key, ttl) end
  return 'd'
end

local codes = {}
for k = 2, #KEYS do
  local l = layouts[tonumber(ARGV[p])]
  local ok, code = pcall(unit, KEYS[k], l, p + 1)
  if not ok then code = failed(code) end
  codes[k - 1] = code
  p = p + 1 + l.size
end
return answered(codes)
