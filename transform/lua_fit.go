package transform

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// luaHelpers stand before the function, behind the local variable most: how long a text may be that is looked at. A
// number beyond luaLimit may not be what its text says: Lua has doubles.
const luaHelpers = `local find, gsub, byte, format, fmod = string.find, string.gsub, string.byte, string.format, math.fmod
local tonumber, tostring, unpack, call = tonumber, tostring, unpack, redis.call
local whole = format('%d', 9007199254740991) == '9007199254740991' and '%d' or '%.0f' -- %d is quicker, where it has 64 bits

-- UTF-8 without surrogates and overlong forms (RFC 3629), as Go reads it.
local function text(s)
  if #s > most then return false end
  local i = find(s, '[\128-\255]')
  while i do
    local a, b, c, d = byte(s, i, i + 3)
    local low, high, n = 128, 191, 4
    if a >= 194 and a <= 223 then c, d, n = 128, 128, 2
    elseif a == 224 then low, d, n = 160, 128, 3
    elseif a == 237 then high, d, n = 159, 128, 3
    elseif a >= 225 and a <= 239 then d, n = 128, 3
    elseif a == 240 then low = 144
    elseif a == 244 then high = 143
    elseif a < 241 or a > 243 then return false end
    if not b or b < low or b > high or not c or c < 128 or c > 191 or not d or d < 128 or d > 191 then return false end
    i = find(s, '[\128-\255]', i + n)
  end
  return true
end

local function runes(s)
  local _, n = gsub(s, '[^\128-\191]', '')
  return n
end

-- An integer that a double holds; else NaN, which no bound lets pass.
local function int(s)
  if #s < 18 and (find(s, '^%-?[1-9]%d*$') or s == '0') then
    local n = tonumber(s)
    if n > -9007199254740992 and n < 9007199254740992 then return n end
  end
  return 0 / 0
end

local function decimal(s)
  return #s < 100 and (find(s, '^%-?[1-9]%d*%.%d+$') or find(s, '^%-?0%.%d+$') or find(s, '^%-?[1-9]%d*$') or s == '0')
end
`

// luaLimit is 2^53: integers below it, and above its negative, are exact as doubles.
const luaLimit = 1 << 53

// plainText tells whether any text fits that is valid UTF-8.
func plainText(t *typ) bool {
	return slices.ContainsFunc(t.alts, func(a alt) bool { return a.kind == state.Str && a.plain() })
}

// luaFit makes a condition that is true only of texts that fit; where it is not sure it is false.
func luaFit(t *typ, v string) (string, error) {
	if plainText(t) {
		return fmt.Sprintf("text(%s)", v), nil
	}
	conditions := make([]string, len(t.alts))
	for i := range t.alts {
		c, err := luaFitAlt(&t.alts[i], v)
		if err != nil {
			return "", err
		}
		conditions[i] = c
	}
	if len(conditions) == 0 {
		return "false", nil
	}
	if len(conditions) == 1 {
		return conditions[0], nil
	}
	return "(" + strings.Join(conditions, " or ") + ")", nil
}

func luaFitAlt(a *alt, v string) (string, error) {
	switch a.kind {
	case state.Str:
		return luaFitString(a, v)
	case state.Int:
		if a.constant != nil {
			text, ok := textOf(*a.constant)
			if !ok || !a.fitText(text) {
				return "false", nil
			}
			return v + " == " + luaQuote(text), nil
		}
		if len(a.bounds) > 0 {
			return luaBounds(a.bounds, "int("+v+")", "an integer")
		}
		return fmt.Sprintf("(find(%s, '^%%-?[1-9]%%d*$') or %s == '0')", v, v), nil
	case state.Bool:
		if a.constant != nil {
			return fmt.Sprintf("%s == '%t'", v, a.constant.Bool), nil
		}
		return fmt.Sprintf("(%s == 'true' or %s == 'false')", v, v), nil
	case state.Number:
		if a.constant != nil || len(a.bounds) > 0 {
			return "", fmt.Errorf("a decimal number with bounds")
		}
		return fmt.Sprintf("decimal(%s)", v), nil
	}
	return "false", nil // no text is of the other kinds
}

func luaFitString(a *alt, v string) (string, error) {
	if len(a.match)+len(a.noMatch) > 0 {
		return "", fmt.Errorf("a regular expression")
	}
	if a.constant != nil {
		if !a.fitText(a.constant.Text) {
			return "false", nil
		}
		return v + " == " + luaQuote(a.constant.Text), nil
	}
	condition, err := luaBounds(a.length, "runes("+v+")", "a length")
	return fmt.Sprintf("(text(%s) and %s)", v, condition), err
}

// luaBounds compares a number, or NaN, with bounds.
func luaBounds(bounds []bound, n, what string) (string, error) {
	conditions := make([]string, len(bounds))
	for i, b := range bounds {
		if !b.isInt || b.small <= -luaLimit || b.small >= luaLimit {
			return "", fmt.Errorf("a bound of %s that is no integer below 2^53", what)
		}
		if b.Op == "!=" {
			conditions[i] = fmt.Sprintf("(%s < %d or %s > %d)", n, b.small, n, b.small)
		} else {
			conditions[i] = fmt.Sprintf("%s %s %d", n, b.Op, b.small)
		}
	}
	if len(conditions) == 1 {
		return conditions[0], nil
	}
	return "(" + strings.Join(conditions, " and ") + ")", nil
}

// proved tells whether a value is known to be of a type.
func (v luaValue) proved(t *typ) bool {
	switch {
	case v.typ != nil && reflect.DeepEqual(v.typ, t):
		return true
	case v.text != nil:
		return t.fitText(*v.text)
	}
	return plainText(t)
}
