-- What every script that writes units shares, behind fence.lua. A body follows, which notes what becomes of each unit
-- (each, or guarded where units differ in size) and ends with answered().
--
-- KEYS[1] the lease    ARGV[1] its token
--                      ARGV[2] flags: T the target has a rule for the time to live, F fields may expire by themselves,
--                              M two units that become the same one may merge, R a time to live is taken back,
--                              A the server tells when a key expires, G a time to live is given as a point in time
--                      ARGV[3] milliseconds that a key gets which has no time to live, or too long a one (0: not given);
--                              with R when the key expired before, Unix milliseconds (0: it did not)
--                      ARGV[4] the most milliseconds that a key may live (0: no bound); with R when the key expires by
--                              what it was given, Unix milliseconds: one that expires at another time got that from the
--                              application, and keeps it
--                      ARGV[5] with G alone: when a key expires that gets a time to live, Unix milliseconds
--                      or with E alone: how many fields expire by themselves, and the name and the time of each, Unix
--                              milliseconds, which they get once the only unit is written
--                      and then as the body says
--
-- Answers {'lease'} without doing anything if the lease is not the caller's, else {codes, microseconds, words...}:
-- one letter a unit (d done, c conflict, g gone, t wrong type, x its place is taken, e error), how long it took (0: the
-- server does not tell), and for each e the error's first word. What happens to one unit does not touch another.

local call, unpack, pcall, KEYS, ARGV = redis.call, unpack, pcall, KEYS, ARGV
local ruled = string.find(ARGV[2], 'T', 1, true)
local fading = string.find(ARGV[2], 'F', 1, true)
local merges = string.find(ARGV[2], 'M', 1, true)
local tells = string.find(ARGV[2], 'A', 1, true)
local returns = string.find(ARGV[2], 'R', 1, true)
local ttl_set, ttl_max = tonumber(ARGV[3]), tonumber(ARGV[4])
local wide = 500 -- names a call: unpack has limits
local given = string.find(ARGV[2], 'G', 1, true) and ARGV[5]
local p = given and 6 or 5
local faded = 0 -- where the fields of E stand
if string.find(ARGV[2], 'E', 1, true) then
  faded = p
  p = p + 1 + 2 * tonumber(ARGV[p])
end

local function milliseconds()
  local now = call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end

-- What a key gets, or 0 if this call comes so late that much of it has passed already: it is to be decided again.
local function lifetime(ttl)
  if given and ttl > 0 and given - milliseconds() < ttl / 2 then return 0 end
  return ttl
end

-- The time to live that a key is to get: -1 to leave it, 0 if it can have none that the target takes.
local function ttl_of(key)
  if not ruled then return -1 end
  local left = call('PTTL', key)
  if left < 0 then return lifetime(ttl_set) end
  if ttl_max > 0 and left > ttl_max then return lifetime(ttl_set > 0 and ttl_set or ttl_max) end
  return -1
end

-- Tells whether a key expires when it was made to. Of a server that tells only how long it lives, to a millisecond.
local function expires_at(key, at)
  if tells then return call('PEXPIRETIME', key) == at end
  local left = call('PTTL', key)
  return left >= 0 and math.abs(milliseconds() + left - at) <= 1
end

local function give_ttl(key, ttl)
  if ttl > 0 then
    if given then call('PEXPIREAT', key, given) else call('PEXPIRE', key, ttl) end
  end
  if not returns or not expires_at(key, ttl_max) then return end
  if ttl_set > 0 then call('PEXPIREAT', key, ttl_set) else call('PERSIST', key) end
end

-- When a field expires by itself, false if it does not.
local function field_expiry(key, name)
  if not fading then return false end
  local at = call('HPEXPIRETIME', key, 'FIELDS', 1, name)[1]
  return at and at > 0 and at
end

-- A field that is written loses its own time to live.
local function keep_expiry(key, name, at)
  if at then call('HPEXPIREAT', key, at, 'FIELDS', 1, name) end
end

-- How many fields a hash has. One that expired and is still there counts in HLEN, and nowhere else.
local function size_of(key, expected)
  local n = call('HLEN', key)
  if fading and n > expected then n = #call('HKEYS', key) end
  return n
end

-- The fields of a hash by name.
local function fields_of(key, names)
  if #names == 0 then return {} end
  if #names <= wide then return call('HMGET', key, unpack(names)) end
  local all = {}
  for from = 1, #names, wide do
    local part = call('HMGET', key, unpack(names, from, math.min(from + wide - 1, #names)))
    for i = 1, #part do all[from + i - 1] = part[i] end
  end
  return all
end

-- Write first, delete after: a hash that loses its last field is gone, and its time to live with it. List holds names
-- and values in turn, sources the fields whose expiry each of them takes over ('': none).
local function write_fields(key, list, deleted, sources)
  local expiries = {}
  if fading then
    for i = 1, #sources do
      expiries[i] = sources[i] ~= '' and field_expiry(key, sources[i])
    end
  end
  for from = 1, #list, 2 * wide do call('HSET', key, unpack(list, from, math.min(from + 2 * wide - 1, #list))) end
  for i = 1, #expiries do keep_expiry(key, list[2 * i - 1], expiries[i]) end
  for from = 1, #deleted, wide do call('HDEL', key, unpack(deleted, from, math.min(from + wide - 1, #deleted))) end
end

-- A unit that ended by an error becomes a code, and a word of the answer.
local words = {}
local function failed(code)
  local text = type(code) == 'table' and code.err or tostring(code)
  local word = string.match(text, '%u%u+') or 'ERR'
  if string.find(text, "The user executing the script can't", 1, true) then word = 'NOPERM' end
  if word == 'WRONGTYPE' then return 't' end
  words[#words + 1] = word
  return 'e'
end

local codes = {} -- what became of each unit

-- Each unit ends by itself.
local function guarded(unit, ...)
  local ok, code = pcall(unit, ...)
  codes[#codes + 1] = ok and code or failed(code)
end

local function in_turn(at, unit, how, last, size)
  for k = at.key, last do
    at.key = k
    codes[k - 1] = unit(KEYS[k], at.argument, how)
    at.argument = at.argument + size
  end
  at.key = last + 1
end

-- Writes n units, from KEYS[k] on, of which each takes so many arguments, from ARGV[p] on. A pcall a unit is dear: there is
-- one until a unit ends by an error, and another from the next one on.
local function each(unit, how, k, n, p, size)
  local at, last = {key = k, argument = p}, k + n - 1
  while at.key <= last do
    local ok, code = pcall(in_turn, at, unit, how, last, size)
    if not ok then
      codes[at.key - 1] = failed(code)
      at.key, at.argument = at.key + 1, at.argument + size
    end
  end
end

-- The key that a unit has got is the last of the keys.
local function fade()
  for i = faded + 1, faded + 2 * tonumber(ARGV[faded]), 2 do call('HPEXPIREAT', KEYS[#KEYS], ARGV[i + 1], 'FIELDS', 1, ARGV[i]) end
end

-- What every script that writes units ends with.
local function answered()
  if faded > 0 and codes[1] == 'd' then
    local ok, err = pcall(fade)
    if not ok then codes[1] = failed(err) end
  end
  return {table.concat(codes), math.floor(math.max(micros() - started, 0)), unpack(words)}
end

-- Writes every unit, of which each takes so many arguments, and answers.
local function every(unit, size)
  each(unit, nil, 2, #KEYS - 1, p, size)
  return answered()
end
