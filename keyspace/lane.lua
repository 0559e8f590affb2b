-- Converts a batch of units beside the data, behind lua/fence.lua. Each unit on its own: what happens to one does not
-- touch another.
--
-- KEYS[1]   the lease            ARGV[1] its token
-- KEYS[2..] the units
--
-- Answers {'lease'} without doing anything if the lease is not the caller's, else {codes, microseconds, words...} as
-- the scripts of lua/ do: one letter a unit (d done, a at the target already, f for the reader to decide, g gone, t wrong
-- type, e error), how long it took (0: the server does not tell), and for each e the error's first word.

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
