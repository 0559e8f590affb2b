-- 1.0.0 to 2.0.0

local function other(key)
  local n = call('HLEN', key)
  if n == 0 then return 'g' end
  if n > 4 then return 'f' end
  local v = call('HMGET', key, 'full_name', 'note', 'us', 'v')
  local f_full_name, f_note, f_us, f_v = v[1], v[2], v[3], v[4]
  if f_full_name and text(f_full_name) and f_note and text(f_note) and f_us and (find(f_us, '^%-?[1-9]%d*$') or f_us == '0') and f_v and f_v == 'two' and n == 4 then return 'a' end
  return 'f'
end

local function unit(key)
  local n = call('HLEN', key)
  local v = call('HMGET', key, 'ms', 'name', 'note', 'v')
  local f_ms, f_name, f_note, f_v = v[1], v[2], v[3], v[4]
  if not f_ms or not f_name or not f_note or not f_v or n ~= 4 then return other(key) end
  if not ((find(f_ms, '^%-?[1-9]%d*$') or f_ms == '0') and f_v == 'one') then return other(key) end
  local all = f_name .. f_note
  if (#all > most or not find(all, '^[^\128-\255]*$')) and not (text(f_name) and text(f_note)) then return 'f' end
  local t1 = tonumber(f_ms)
  if t1 <= -9007199254740992 or t1 >= 9007199254740992 then return 'f' end
  local t2 = t1 * 1000
  if t2 <= -9007199254740992 or t2 >= 9007199254740992 then return 'f' end
  local t3 = format(whole, t2 + 0)
  call('HSET', key, 'full_name', f_name, 'us', t3, 'v', 'two')
  call('HDEL', key, 'ms', 'name')
  return 'd'
end

-- 1.0.0 to 2.0.0

local function other(key)
  local n = call('HLEN', key)
  if n == 0 then return 'g' end
  if n > 4 then return 'f' end
  local v = call('HMGET', key, 'full_name', 'note', 'us', 'v')
  local f_full_name, f_note, f_us, f_v = v[1], v[2], v[3], v[4]
  if f_full_name and text(f_full_name) and f_note and text(f_note) and f_us and (find(f_us, '^%-?[1-9]%d*$') or f_us == '0') and f_v and f_v == 'two' and n == 4 then return 'a' end
  return 'f'
end

local function unit(key)
  local n = call('HLEN', key)
  local v = call('HMGET', key, 'ms', 'name', 'v', 'full_name', 'us')
  local f_ms, f_name, f_v = v[1], v[2], v[3]
  if not f_ms or not f_name or not f_v or v[4] or v[5] or n ~= 4 then return other(key) end
  if not ((find(f_ms, '^%-?[1-9]%d*$') or f_ms == '0') and f_v == 'one') then return other(key) end
  local all = f_name
  if (#all > most or not find(all, '^[^\128-\255]*$')) and not (text(f_name)) then return 'f' end
  local t1 = tonumber(f_ms)
  if t1 <= -9007199254740992 or t1 >= 9007199254740992 then return 'f' end
  local t2 = t1 * 1000
  if t2 <= -9007199254740992 or t2 >= 9007199254740992 then return 'f' end
  local t3 = format(whole, t2 + 0)
  call('HSET', key, 'full_name', f_name, 'us', t3, 'v', 'two')
  call('HDEL', key, 'ms', 'name')
  return 'd'
end

-- 1.0.0 to 2.0.0

local function other(key)
  local n = call('HLEN', key)
  if n == 0 then return 'g' end
  if n > 4 then return 'f' end
  local v = call('HMGET', key, 'full_name', 'note', 'us', 'v')
  local f_full_name, f_note, f_us, f_v = v[1], v[2], v[3], v[4]
  if f_full_name and text(f_full_name) and f_note and text(f_note) and f_us and (find(f_us, '^%-?[1-9]%d*$') or f_us == '0') and f_v and f_v == 'two' and n == 4 then return 'a' end
  return 'f'
end

local function unit(key)
  local n = call('HLEN', key)
  local v = call('HMGET', key, 'ms', 'name', 'v', 'full_name', 'us')
  local f_ms, f_name, f_v = v[1], v[2], v[3]
  if not f_ms or not f_name or not f_v or v[4] or v[5] or n ~= 4 then return other(key) end
  if not ((find(f_ms, '^%-?[1-9]%d*$') or f_ms == '0') and f_v == 'one') then return other(key) end
  local all = f_name
  if (#all > most or not find(all, '^[^\128-\255]*$')) and not (text(f_name)) then return 'f' end
  local t1 = tonumber(f_ms)
  if t1 <= -9007199254740992 or t1 >= 9007199254740992 then return 'f' end
  local t2 = t1 * 1000
  if t2 <= -9007199254740992 or t2 >= 9007199254740992 then return 'f' end
  local t3 = format(whole, t2 + 0)
  local e = call('HPEXPIRETIME', key, 'FIELDS', 3, 'name', 'ms', 'v')
  call('HSET', key, 'full_name', f_name, 'us', t3, 'v', 'two')
  if e[1] > 0 then call('HPEXPIREAT', key, format('%.0f', e[1]), 'FIELDS', 1, 'full_name') end
  if e[2] > 0 then call('HPEXPIREAT', key, format('%.0f', e[2]), 'FIELDS', 1, 'us') end
  if e[3] > 0 then call('HPEXPIREAT', key, format('%.0f', e[3]), 'FIELDS', 1, 'v') end
  call('HDEL', key, 'ms', 'name')
  return 'd'
end

-- 2.0.0 to 1.0.0

local function other(key)
  local n = call('HLEN', key)
  if n == 0 then return 'g' end
  if n > 4 then return 'f' end
  local v = call('HMGET', key, 'ms', 'name', 'note', 'v')
  local f_ms, f_name, f_note, f_v = v[1], v[2], v[3], v[4]
  if f_ms and (find(f_ms, '^%-?[1-9]%d*$') or f_ms == '0') and f_name and text(f_name) and f_note and text(f_note) and f_v and f_v == 'one' and n == 4 then return 'a' end
  return 'f'
end

local function unit(key)
  local n = call('HLEN', key)
  local v = call('HMGET', key, 'full_name', 'note', 'us', 'v')
  local f_full_name, f_note, f_us, f_v = v[1], v[2], v[3], v[4]
  if not f_full_name or not f_note or not f_us or not f_v or n ~= 4 then return other(key) end
  if not ((find(f_us, '^%-?[1-9]%d*$') or f_us == '0') and f_v == 'two') then return other(key) end
  local all = f_full_name .. f_note
  if (#all > most or not find(all, '^[^\128-\255]*$')) and not (text(f_full_name) and text(f_note)) then return 'f' end
  local t1 = tonumber(f_us)
  if t1 <= -9007199254740992 or t1 >= 9007199254740992 then return 'f' end
  if 1000 == 0 then return 'f' end
  local t2 = fmod(t1, 1000)
  local t3 = (t1 - t2) / 1000
  if t2 < 0 then t3 = 1000 > 0 and t3 - 1 or t3 + 1 end
  local t4 = format(whole, t3 + 0)
  call('HSET', key, 'ms', t4, 'name', f_full_name, 'v', 'one')
  call('HDEL', key, 'full_name', 'us')
  return 'd'
end

-- 2.0.0 to 1.0.0

local function other(key)
  local n = call('HLEN', key)
  if n == 0 then return 'g' end
  if n > 4 then return 'f' end
  local v = call('HMGET', key, 'ms', 'name', 'note', 'v')
  local f_ms, f_name, f_note, f_v = v[1], v[2], v[3], v[4]
  if f_ms and (find(f_ms, '^%-?[1-9]%d*$') or f_ms == '0') and f_name and text(f_name) and f_note and text(f_note) and f_v and f_v == 'one' and n == 4 then return 'a' end
  return 'f'
end

local function unit(key)
  local n = call('HLEN', key)
  local v = call('HMGET', key, 'full_name', 'us', 'v', 'ms', 'name')
  local f_full_name, f_us, f_v = v[1], v[2], v[3]
  if not f_full_name or not f_us or not f_v or v[4] or v[5] or n ~= 4 then return other(key) end
  if not ((find(f_us, '^%-?[1-9]%d*$') or f_us == '0') and f_v == 'two') then return other(key) end
  local all = f_full_name
  if (#all > most or not find(all, '^[^\128-\255]*$')) and not (text(f_full_name)) then return 'f' end
  local t1 = tonumber(f_us)
  if t1 <= -9007199254740992 or t1 >= 9007199254740992 then return 'f' end
  if 1000 == 0 then return 'f' end
  local t2 = fmod(t1, 1000)
  local t3 = (t1 - t2) / 1000
  if t2 < 0 then t3 = 1000 > 0 and t3 - 1 or t3 + 1 end
  local t4 = format(whole, t3 + 0)
  call('HSET', key, 'ms', t4, 'name', f_full_name, 'v', 'one')
  call('HDEL', key, 'full_name', 'us')
  return 'd'
end

-- 2.0.0 to 1.0.0

local function other(key)
  local n = call('HLEN', key)
  if n == 0 then return 'g' end
  if n > 4 then return 'f' end
  local v = call('HMGET', key, 'ms', 'name', 'note', 'v')
  local f_ms, f_name, f_note, f_v = v[1], v[2], v[3], v[4]
  if f_ms and (find(f_ms, '^%-?[1-9]%d*$') or f_ms == '0') and f_name and text(f_name) and f_note and text(f_note) and f_v and f_v == 'one' and n == 4 then return 'a' end
  return 'f'
end

local function unit(key)
  local n = call('HLEN', key)
  local v = call('HMGET', key, 'full_name', 'us', 'v', 'ms', 'name')
  local f_full_name, f_us, f_v = v[1], v[2], v[3]
  if not f_full_name or not f_us or not f_v or v[4] or v[5] or n ~= 4 then return other(key) end
  if not ((find(f_us, '^%-?[1-9]%d*$') or f_us == '0') and f_v == 'two') then return other(key) end
  local all = f_full_name
  if (#all > most or not find(all, '^[^\128-\255]*$')) and not (text(f_full_name)) then return 'f' end
  local t1 = tonumber(f_us)
  if t1 <= -9007199254740992 or t1 >= 9007199254740992 then return 'f' end
  if 1000 == 0 then return 'f' end
  local t2 = fmod(t1, 1000)
  local t3 = (t1 - t2) / 1000
  if t2 < 0 then t3 = 1000 > 0 and t3 - 1 or t3 + 1 end
  local t4 = format(whole, t3 + 0)
  local e = call('HPEXPIRETIME', key, 'FIELDS', 3, 'us', 'full_name', 'v')
  call('HSET', key, 'ms', t4, 'name', f_full_name, 'v', 'one')
  if e[1] > 0 then call('HPEXPIREAT', key, format('%.0f', e[1]), 'FIELDS', 1, 'ms') end
  if e[2] > 0 then call('HPEXPIREAT', key, format('%.0f', e[2]), 'FIELDS', 1, 'name') end
  if e[3] > 0 then call('HPEXPIREAT', key, format('%.0f', e[3]), 'FIELDS', 1, 'v') end
  call('HDEL', key, 'full_name', 'us')
  return 'd'
end

