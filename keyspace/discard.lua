-- Unlinks units that are still what was read of them. Each on its own: what happens to one does not touch another.
--
-- KEYS[1]   the lease            ARGV[1] its token
-- KEYS[2..] the units            ARGV[2..] of each: 'string' and the value, or
--                                'hash', the number of its fields, then name and value of each
--
-- Answers {'lease'} without doing anything if the lease is not the caller's, else {codes, microseconds, words...} as
-- cas.lua does: one letter a unit (d done, c conflict, g gone, t wrong type, e error).
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

local call, unpack = redis.call, unpack
local wide = 500 -- names a call: unpack has limits

local function text_unit(key, at)
  local now = call('GET', key)
  if not now then return 'g' end
  if now ~= ARGV[at] then return 'c' end
  call('UNLINK', key)
  return 'd'
end

-- As many fields as were read, and each of them as it was: it is the same hash.
local function hash_unit(key, at, fields)
  local length = call('HLEN', key)
  if length == 0 then return 'g' end
  if length ~= fields then return 'c' end
  for from = 0, fields - 1, wide do
    local names = {}
    for i = from, math.min(from + wide, fields) - 1 do names[#names + 1] = ARGV[at + 2 * i] end
    local now = call('HMGET', key, unpack(names))
    for i = 1, #names do
      if now[i] ~= ARGV[at + 2 * (from + i - 1) + 1] then return 'c' end
    end
  end
  call('UNLINK', key)
  return 'd'
end

local p = 2
local codes, answer = {}, {'', 0}
for k = 2, #KEYS do
  local ok, code
  if ARGV[p] == 'string' then
    ok, code = pcall(text_unit, KEYS[k], p + 1)
    p = p + 2
  else
    local fields = tonumber(ARGV[p + 1])
    ok, code = pcall(hash_unit, KEYS[k], p + 2, fields)
    p = p + 2 + 2 * fields
  end
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
end

answer[1] = table.concat(codes)
answer[2] = math.floor(math.max(micros() - started, 0))
return answer
