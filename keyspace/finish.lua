-- Gives a temporary key of ours its name.
--
-- KEYS[1] the lease, KEYS[2] the temporary key, KEYS[3] the key   ARGV[1] the lease's token, ARGV[2] create or replace,
-- ARGV[3] when the key expires (Unix milliseconds, 0 never), of a stream ARGV[4] its last id ('' unknown), ARGV[5] how
-- many groups, then of each its name and the last id that was delivered to it
--
-- Answers 'lease' without doing anything if the lease is not the caller's, 'gone' if there is no temporary key, 'p' if
-- the key's time has passed, 'x' if it is there and was to be created, else 'd'.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lease' end
local call, expires = redis.call, tonumber(ARGV[3])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if call('EXISTS', KEYS[2]) == 0 then return 'gone' end
if expires > 0 and expires <= now then
  call('UNLINK', KEYS[2])
  return 'p'
end
if ARGV[2] == 'create' and call('EXISTS', KEYS[3]) == 1 then return 'x' end
if ARGV[4] and ARGV[4] ~= '' then call('XSETID', KEYS[2], ARGV[4]) end
for i = 1, tonumber(ARGV[5] or '0') do call('XGROUP', 'CREATE', KEYS[2], ARGV[4 + 2 * i], ARGV[5 + 2 * i]) end
if expires > 0 then call('PEXPIREAT', KEYS[2], string.format('%.0f', expires)) else call('PERSIST', KEYS[2]) end
call('RENAME', KEYS[2], KEYS[3])
return 'd'
