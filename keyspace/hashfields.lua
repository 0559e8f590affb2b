-- Reads a hash, or a slice of it, with the moments at which its fields expire by themselves.
--
-- KEYS[1] the hash   ARGV[1] cursor of HSCAN, '' for the whole hash   ARGV[2] about how many fields
--
-- Answers {when the key expires, next cursor, {name, value, ...}, {when the field expires, ...}}, moments in Unix
-- milliseconds, negative for never; {-2} if the key is not there.
local expires = redis.call('PEXPIRETIME', KEYS[1])
if expires == -2 then return {-2} end
local cursor, flat = '0', nil
if ARGV[1] == '' then
  flat = redis.call('HGETALL', KEYS[1])
else
  local part = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
  cursor, flat = part[1], part[2]
end
local times = {}
local wide = 500 -- names a call: unpack has limits
for from = 1, #flat, 2 * wide do
  local names = {}
  for i = from, math.min(from + 2 * wide - 1, #flat), 2 do names[#names + 1] = flat[i] end
  local got = redis.call('HPEXPIRETIME', KEYS[1], 'FIELDS', #names, unpack(names))
  for i = 1, #got do times[#times + 1] = got[i] end
end
return {expires, cursor, flat, times}
