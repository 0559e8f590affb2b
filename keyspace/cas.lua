-- Compares and sets a batch of units. Each unit on its own: what happens to one does not touch another.
--
-- KEYS[1]   the lease            ARGV[1] its token
-- KEYS[2..] the units            ARGV[2] number of layouts, then the layouts, then the units
--
-- layout:  type, number present, absent, set, deleted; then those names in that order
-- unit:    number of its layout; the expected values of the present fields; the values to set
--          (of a string: the expected value; the new value)
--
-- Answers {'lease'} without doing anything if the lease is not the caller's, else {codes, words...}: one letter a
-- unit (d done, c conflict, g gone, t wrong type, e error) and for each e the error's first word.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lease'} end

local wide = 500 -- names a call: unpack has limits
local p = 3

local function names(n)
  local list = {}
  for i = 1, n do list[i] = ARGV[p]; p = p + 1 end
  return list
end

local layouts = {}
for i = 1, tonumber(ARGV[2]) do
  local l = {type = ARGV[p], present = tonumber(ARGV[p + 1]), absent = tonumber(ARGV[p + 2])}
  local set, deleted = tonumber(ARGV[p + 3]), tonumber(ARGV[p + 4])
  p = p + 5
  l.read, l.set, l.deleted = names(l.present + l.absent), names(set), names(deleted)
  layouts[i] = l
end

local function read(key, list)
  if #list <= wide then return redis.call('HMGET', key, unpack(list)) end
  local all = {}
  for from = 1, #list, wide do
    local part = redis.call('HMGET', key, unpack(list, from, math.min(from + wide - 1, #list)))
    for i = 1, #part do all[from + i - 1] = part[i] end
  end
  return all
end

local function unequal(key)
  if redis.call('EXISTS', key) == 0 then return 'g' end
  return 'c'
end

local function string_unit(key, at)
  local now = redis.call('GET', key)
  if not now then return 'g' end
  if now ~= ARGV[at] then return 'c' end
  redis.call('SET', key, ARGV[at + 1], 'XX', 'KEEPTTL')
  return 'd'
end

local function hash_unit(key, l, at)
  if #l.read > 0 then
    local now = read(key, l.read)
    for i = 1, l.present do
      if now[i] ~= ARGV[at + i - 1] then return unequal(key) end
    end
    for i = l.present + 1, #l.read do
      if now[i] then return 'c' end
    end
  end
  if l.present == 0 and redis.call('EXISTS', key) == 0 then return 'g' end
  at = at + l.present
  -- Write first, delete after: a hash that loses its last field is gone, and its TTL with it.
  for from = 1, #l.set, wide do
    local pairs, n = {}, 0
    for i = from, math.min(from + wide - 1, #l.set) do
      pairs[n + 1], pairs[n + 2] = l.set[i], ARGV[at + i - 1]
      n = n + 2
    end
    redis.call('HSET', key, unpack(pairs))
  end
  for from = 1, #l.deleted, wide do
    redis.call('HDEL', key, unpack(l.deleted, from, math.min(from + wide - 1, #l.deleted)))
  end
  return 'd'
end

local function unit(key, l, at)
  if l.type == 'string' then return string_unit(key, at) end
  return hash_unit(key, l, at)
end

local codes, answer = {}, {''}
for k = 2, #KEYS do
  local l = layouts[tonumber(ARGV[p])]
  local ok, code = pcall(unit, KEYS[k], l, p + 1)
  if not ok then
    local text = type(code) == 'table' and code.err or tostring(code)
    local word = string.match(text, '%u%u+') or 'ERR'
    if string.find(text, "The user executing the script can't", 1, true) then word = 'NOPERM' end
    if word == 'WRONGTYPE' then
      code = 't'
    else
      code = 'e'
      answer[#answer + 1] = word
    end
  end
  codes[k - 1] = code
  p = p + 1
  if l.type == 'string' then p = p + 2 else p = p + l.present + #l.set end
end

answer[1] = table.concat(codes)
return answer
