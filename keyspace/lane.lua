-- Converts a batch of units beside the data. Each unit on its own: what happens to one does not touch another.
--
-- KEYS[1]   the lease            ARGV[1] its token
-- KEYS[2..] the units
--
-- Answers {'lease'} without doing anything if the lease is not the caller's, else {codes, microseconds, words...} as
-- cas.lua does: one letter a unit (d done, a at the target already, f for the reader to decide, g gone, t wrong type,
-- e error), how long it took (0: the server does not tell), and for each e the error's first word.
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

--@unit

local function word_of(failure)
  local text = type(failure) == 'table' and failure.err or tostring(failure)
  if string.find(text, "The user executing the script can't", 1, true) then return 'NOPERM' end
  return string.match(text, '%u%u+') or 'ERR'
end

local pcall, KEYS = pcall, KEYS
local codes, answer = {}, {'', 0}
for k = 2, #KEYS do
  local ok, code = pcall(unit, KEYS[k])
  if not ok then
    local word = word_of(code)
    code = word == 'WRONGTYPE' and 't' or 'e'
    if code == 'e' then answer[#answer + 1] = word end
  end
  codes[k - 1] = code
end

answer[1] = table.concat(codes)
answer[2] = math.floor(math.max(micros() - started, 0))
return answer
