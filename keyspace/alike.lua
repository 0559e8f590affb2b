-- Compares a slice of two keys.
--
-- KEYS[1] one key, KEYS[2] the other   ARGV[1] where the slice starts ('' at the start), ARGV[2] about how many items
--
-- Answers where the next slice starts ('' at the end), or 'x' if the two differ. When they, and what is in them, expire
-- is not compared; nor are the groups of a stream.
local call, a, b = redis.call, KEYS[1], KEYS[2]
local at, width = ARGV[1], tonumber(ARGV[2])
local kind = call('TYPE', a).ok
if call('TYPE', b).ok ~= kind then return 'x' end
if kind == 'string' then return call('GET', a) == call('GET', b) and '' or 'x' end
if kind == 'ReJSON-RL' then return call('JSON.GET', a) == call('JSON.GET', b) and '' or 'x' end
local sizes = {hash = 'HLEN', list = 'LLEN', set = 'SCARD', zset = 'ZCARD', stream = 'XLEN'}
if not sizes[kind] then return 'x' end
local size = call(sizes[kind], a)
if call(sizes[kind], b) ~= size then return 'x' end
if kind == 'list' then
  local from = at == '' and 0 or tonumber(at)
  local x, y = call('LRANGE', a, from, from + width - 1), call('LRANGE', b, from, from + width - 1)
  for i = 1, #x do if x[i] ~= y[i] then return 'x' end end
  return from + width < size and tostring(from + width) or ''
end
if kind == 'stream' then
  local from = at == '' and '-' or '(' .. at
  local x, y = call('XRANGE', a, from, '+', 'COUNT', width), call('XRANGE', b, from, '+', 'COUNT', width)
  if #x ~= #y then return 'x' end
  for i = 1, #x do
    if x[i][1] ~= y[i][1] or #x[i][2] ~= #y[i][2] then return 'x' end
    for j = 1, #x[i][2] do if x[i][2][j] ~= y[i][2][j] then return 'x' end end
  end
  return #x == width and x[#x][1] or ''
end
local scans = {hash = 'HSCAN', set = 'SSCAN', zset = 'ZSCAN'}
local part = call(scans[kind], a, at == '' and '0' or at, 'COUNT', width)
local items = part[2]
for i = 1, #items, kind == 'set' and 1 or 2 do
  if kind == 'hash' and call('HGET', b, items[i]) ~= items[i + 1] then return 'x' end
  if kind == 'set' and call('SISMEMBER', b, items[i]) == 0 then return 'x' end
  if kind == 'zset' then
    local score = call('ZSCORE', b, items[i])
    if not score or score ~= items[i + 1] and tonumber(score) ~= tonumber(items[i + 1]) then return 'x' end
  end
end
return part[1] == '0' and '' or part[1]
