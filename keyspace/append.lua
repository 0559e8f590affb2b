-- Adds a slice of a value to a temporary key of ours.
--
-- KEYS[1] the lease, KEYS[2] the temporary key   ARGV[1] the lease's token, ARGV[2] milliseconds that the temporary key
-- lives on, ARGV[3] '1' for the first slice, ARGV[4] elements or messages that are there before, ARGV[5] what one slice
-- of a value is (see restore.lua)
--
-- Answers 'lease' without doing anything if the lease is not the caller's, 'gone' if the temporary key is not what the
-- caller left, else 'd'. A slice of a list or a stream that is there already is not added again.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lease' end
local call, key = redis.call, KEYS[2]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local first, before, kind, n, p = ARGV[3] == '1', tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]), 7
local function take() local a = ARGV[p]; p = p + 1; return a end

if not first and kind ~= 'hash' and call('EXISTS', key) == 0 then return 'gone' end
if kind == 'list' or kind == 'stream' then
  local size = call(kind == 'list' and 'LLEN' or 'XLEN', key)
  if size == before + n and n > 0 then return 'd' end
  if size ~= before then return 'gone' end
end
if kind == 'stream' and first then
  call('XGROUP', 'CREATE', key, 'keyshift', '0', 'MKSTREAM')
  call('XGROUP', 'DESTROY', key, 'keyshift')
end
for i = 1, n do
  if kind == 'hash' then
    local name, value, expires = take(), take(), tonumber(take())
    if expires == 0 or expires > now then
      call('HSET', key, name, value)
      if expires > 0 then call('HPEXPIREAT', key, string.format('%.0f', expires), 'FIELDS', '1', name) end
    end
  elseif kind == 'zset' then
    local member = take()
    call('ZADD', key, take(), member)
  elseif kind == 'stream' then
    local id, list = take(), {}
    for j = 1, tonumber(take()) do list[j] = take() end
    call('XADD', key, id, unpack(list))
  elseif kind == 'list' then call('RPUSH', key, take())
  elseif kind == 'set' then call('SADD', key, take())
  elseif kind == 'json' then call('JSON.SET', key, '$', take())
  else call('SET', key, take()) end
end
call('PEXPIRE', key, ARGV[2])
return 'd'
