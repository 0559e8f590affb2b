-- What every script that writes units starts with: without the lease it does nothing, and it measures how long it takes.
--
-- KEYS[1] the lease    ARGV[1] its token
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
