-- Compares and sets a batch of units. Each unit on its own: what happens to one does not touch another.
--
-- KEYS[1]   the lease            ARGV[1] its token
-- KEYS[2..] the units            ARGV[2] number of layouts, then the layouts, then the units
--
-- layout:  type, number compared by value, carried, set, deleted; then those names in that order
--          (of a hash: compared and carried are all the fields that it may have)
-- unit:    number of its layout; the expected values of the compared fields; the values to set
--          (of a string: the expected value; the new value)
--
-- Answers {'lease'} without doing anything if the lease is not the caller's, else {codes, microseconds, words...}:
-- one letter a unit (d done, c conflict, g gone, t wrong type, e error), how long it took (0: the server does not
-- tell), and for each e the error's first word.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lease'} end

-- Some servers have os.clock; in those that have not, TIME goes on during a script. Redis 7.2 has neither.
local function processor() return os.clock() * 1000000 end
local has_clock = pcall(processor)
local function micros()
  if has_clock then return processor() end
  local now = redis.call('TIME')
  return (now[1] % 1000) * 1000000 + now[2]
end
local started = micros()

local call, unpack, pcall, KEYS, ARGV = redis.call, unpack, pcall, KEYS, ARGV
local wide = 500 -- names a call: unpack has limits
local p = 3

local function names(n)
  local list = {}
  for i = 1, n do list[i] = ARGV[p]; p = p + 1 end
  return list
end

-- A layout keeps the arguments of its calls: the key and the values are put into them unit by unit.
local layouts = {}
for i = 1, tonumber(ARGV[2]) do
  local l = {text = ARGV[p] == 'string', valued = tonumber(ARGV[p + 1])}
  local read = l.valued + tonumber(ARGV[p + 2])
  local set, deleted = tonumber(ARGV[p + 3]), tonumber(ARGV[p + 4])
  p = p + 5
  l.read, l.set, l.deleted = names(read), names(set), names(deleted)
  l.wide = read > wide or set > wide or deleted > wide
  l.size = l.text and 2 or l.valued + set
  l.write = {}
  for j = 1, set do l.write[2 * j - 1] = l.set[j] end
  layouts[i] = l
end

local function text_unit(key, l, at)
  local now = call('GET', key)
  if not now then return 'g' end
  if now ~= ARGV[at] then return 'c' end
  call('SET', key, ARGV[at + 1], 'XX', 'KEEPTTL')
  return 'd'
end

local function read(key, l)
  if not l.wide then return call('HMGET', key, unpack(l.read)) end
  local all = {}
  for from = 1, #l.read, wide do
    local part = call('HMGET', key, unpack(l.read, from, math.min(from + wide - 1, #l.read)))
    for i = 1, #part do all[from + i - 1] = part[i] end
  end
  return all
end

-- Write first, delete after: a hash that loses its last field is gone, and its TTL with it.
local function write(key, l, at)
  local list = l.write
  for i = 1, #l.set do list[2 * i] = ARGV[at + i - 1] end
  if not l.wide then
    if #list > 0 then call('HSET', key, unpack(list)) end
    if #l.deleted > 0 then call('HDEL', key, unpack(l.deleted)) end
    return
  end
  for from = 1, #list, 2 * wide do call('HSET', key, unpack(list, from, math.min(from + 2 * wide - 1, #list))) end
  for from = 1, #l.deleted, wide do call('HDEL', key, unpack(l.deleted, from, math.min(from + wide - 1, #l.deleted))) end
end

-- As many fields as were read and each of them there: the names are the same. So no field is foreign, what is to be
-- absent is, and what stays behind a deletion is there to keep the key.
local function hash_unit(key, l, at)
  local fields = call('HLEN', key)
  if fields == 0 then return 'g' end
  if fields ~= #l.read then return 'c' end
  local valued, now = l.valued, read(key, l)
  for i = 1, valued do
    if now[i] ~= ARGV[at + i - 1] then return 'c' end
  end
  for i = valued + 1, fields do
    if not now[i] then return 'c' end
  end
  write(key, l, at + valued)
  return 'd'
end

local codes, answer = {}, {'', 0}
for k = 2, #KEYS do
  local l = layouts[tonumber(ARGV[p])]
  local ok, code = pcall(l.text and text_unit or hash_unit, KEYS[k], l, p + 1)
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
  p = p + 1 + l.size
end

answer[1] = table.concat(codes)
answer[2] = math.floor(math.max(micros() - started, 0))
return answer
