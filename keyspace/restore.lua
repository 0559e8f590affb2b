-- Brings keys back, each on its own: what happens to one does not touch another.
--
-- KEYS[1] the lease, KEYS[2] a temporary key of ours, KEYS[3..] the keys   ARGV[1] the lease's token
-- then for each key: what to do, and its value as it is to be
--   create   if it is not there; else only compare
--   compare  only compare
-- value: type, when it expires (Unix milliseconds, 0 never), number of items, items: of a string or document its text;
--   of a hash name, value, when the field expires (0 never); of a list or set the element; of a sorted set member,
--   score; of a stream id, number of texts, texts;
--   of a stream then its last id ('' unknown), number of groups, of each its name and the last id delivered to it
--
-- Answers {'lease'} without doing anything if the lease is not the caller's, else {codes, words...}: one letter a key
-- (d done, s the same is there, x another value is there, a absent, p past its time, e error), and for each e the
-- error's first word.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lease'} end
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local p = 2

local function take() local a = ARGV[p]; p = p + 1; return a end

local function value()
  local v = {kind = take(), expires = tonumber(take()), n = tonumber(take()), items = {}}
  for i = 1, v.n do
    if v.kind == 'hash' then v.items[i] = {take(), take(), tonumber(take())}
    elseif v.kind == 'zset' then v.items[i] = {take(), take()}
    elseif v.kind == 'stream' then
      local id, list = take(), {}
      for j = 1, tonumber(take()) do list[j] = take() end
      v.items[i] = {id, list}
    else v.items[i] = take() end
  end
  if v.kind == 'stream' then
    v.last, v.groups = take(), {}
    for i = 1, tonumber(take()) do v.groups[i] = {take(), take()} end
  end
  return v
end

local kinds = {string = 'string', hash = 'hash', list = 'list', set = 'set', zset = 'zset', stream = 'stream', json = 'ReJSON-RL'}

-- same tells whether a key holds a value; when it expires is not compared.
local function same(key, v)
  if call('TYPE', key).ok ~= kinds[v.kind] then return false end
  if v.kind == 'string' then return call('GET', key) == v.items[1] end
  if v.kind == 'json' then return call('JSON.GET', key) == v.items[1] end
  local sizes = {hash = 'HLEN', list = 'LLEN', set = 'SCARD', zset = 'ZCARD', stream = 'XLEN'}
  if call(sizes[v.kind], key) ~= v.n then return false end
  if v.kind == 'list' or v.kind == 'stream' then
    local all = v.kind == 'list' and call('LRANGE', key, 0, -1) or call('XRANGE', key, '-', '+')
    for i = 1, v.n do
      if v.kind == 'list' then
        if all[i] ~= v.items[i] then return false end
      else
        if all[i][1] ~= v.items[i][1] or #all[i][2] ~= #v.items[i][2] then return false end
        for j = 1, #all[i][2] do if all[i][2][j] ~= v.items[i][2][j] then return false end end
      end
    end
    return true
  end
  for i = 1, v.n do
    local x = v.items[i]
    if v.kind == 'hash' and call('HGET', key, x[1]) ~= x[2] then return false end
    if v.kind == 'set' and call('SISMEMBER', key, x) == 0 then return false end
    if v.kind == 'zset' then
      local score = call('ZSCORE', key, x[1])
      if not score or score ~= x[2] and tonumber(score) ~= tonumber(x[2]) then return false end
    end
  end
  return true
end

-- build makes a key that is not there. Fields whose time has passed are left out.
local function build(key, v)
  if v.kind == 'string' then call('SET', key, v.items[1])
  elseif v.kind == 'json' then call('JSON.SET', key, '$', v.items[1])
  elseif v.kind == 'stream' and v.n == 0 then
    call('XGROUP', 'CREATE', key, 'keyshift', '0', 'MKSTREAM')
    call('XGROUP', 'DESTROY', key, 'keyshift')
  end
  for i = 1, v.n do
    local x = v.items[i]
    if v.kind == 'hash' and (x[3] == 0 or x[3] > now) then
      call('HSET', key, x[1], x[2])
      if x[3] > 0 then call('HPEXPIREAT', key, string.format('%.0f', x[3]), 'FIELDS', '1', x[1]) end
    elseif v.kind == 'list' then call('RPUSH', key, x)
    elseif v.kind == 'set' then call('SADD', key, x)
    elseif v.kind == 'zset' then call('ZADD', key, x[2], x[1])
    elseif v.kind == 'stream' then call('XADD', key, x[1], unpack(x[2])) end
  end
  if v.last and v.last ~= '' then call('XSETID', key, v.last) end
  for _, g in ipairs(v.groups or {}) do call('XGROUP', 'CREATE', key, g[1], g[2]) end
  if v.expires > 0 then call('PEXPIREAT', key, string.format('%.0f', v.expires)) end
end

local function past(v)
  if v.expires > 0 and v.expires <= now then return true end
  if v.kind ~= 'hash' then return false end
  for i = 1, v.n do if v.items[i][3] == 0 or v.items[i][3] > now then return false end end
  return true
end

-- What is made is made under a name of ours, and moved when it is whole: a write that fails leaves the key as it was.
local function bring(key, what, v)
  if past(v) then return 'p' end
  if call('EXISTS', key) == 1 then return same(key, v) and 's' or 'x' end
  if what == 'compare' then return 'a' end
  call('DEL', KEYS[2])
  build(KEYS[2], v)
  call('RENAMENX', KEYS[2], key)
  return 'd'
end

local codes, answer = {}, {''}
for k = 3, #KEYS do
  local what = take()
  local v = value()
  local ok, code = pcall(bring, KEYS[k], what, v)
  if not ok then
    local text = type(code) == 'table' and code.err or tostring(code)
    local word = string.match(text, '%u%u+') or 'ERR'
    if string.find(text, "The user executing the script can't", 1, true) then word = 'NOPERM' end
    pcall(call, 'DEL', KEYS[2])
    answer[#answer + 1] = word
    code = 'e'
  end
  codes[k - 2] = code
end
answer[1] = table.concat(codes)
return answer
