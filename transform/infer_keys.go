package transform

import (
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// enough is how many keys must have a part in common for it to be taken for literal text.
const enough = 10

// inferKeys proposes a pattern that every key matches: "session:<id>", "{user:<user>}:cart:<id int>". A part is
// literal if it is in the prefix, or if many keys have it; a segment is named by the literal before it.
func inferKeys(keys []string, prefix string) string {
	if pattern, ok := splitKeys(keys, prefix); ok {
		return pattern
	}
	for _, rest := range []string{"<id>", "<rest...>"} {
		if pattern := prefix + rest; coversAll(pattern, keys) {
			return pattern
		}
	}
	return prefix + "<rest...>" // but for a key that is the prefix itself
}

func coversAll(pattern string, keys []string) bool {
	p, err := state.ParsePattern(pattern)
	return err == nil && !slices.ContainsFunc(keys, func(k string) bool { return !p.Covers(k) })
}

// splitKeys compares the parts of keys between colons and braces; ok is false if they have different numbers of them.
func splitKeys(keys []string, prefix string) (string, bool) {
	if len(keys) == 0 {
		return "", false
	}
	rows := make([][]string, len(keys))
	for i, k := range keys {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			return "", false
		}
		rows[i] = cutKey(rest)
		if len(rows[i]) != len(rows[0]) {
			return "", false
		}
	}
	var b strings.Builder
	b.WriteString(prefix)
	last := lastWord(prefix)
	used := map[string]bool{}
	for i := range rows[0] {
		column := make([]string, len(rows))
		for j := range rows {
			column[j] = rows[j][i]
		}
		same := !slices.ContainsFunc(column, func(c string) bool { return c != column[0] })
		separator := strings.Trim(column[0], ":{}") == ""
		switch {
		case separator && !same:
			return "", false
		case separator, same && len(keys) >= enough && !strings.ContainsAny(column[0], "<>"):
			b.WriteString(column[0])
			if !separator {
				last = lastWord(column[0])
			}
		default:
			b.WriteString(segmentFor(column, last, used))
		}
	}
	return b.String(), coversAll(b.String(), keys)
}

// cutKey cuts a key into what stands between colons and braces, and those.
func cutKey(key string) []string {
	var out []string
	start := 0
	for i := 0; i < len(key); i++ {
		if !strings.ContainsRune(":{}", rune(key[i])) {
			continue
		}
		if i > start {
			out = append(out, key[start:i])
		}
		out = append(out, key[i:i+1])
		start = i + 1
	}
	if start < len(key) {
		out = append(out, key[start:])
	}
	return out
}

// segmentFor writes a segment: typed if every key has a number there, named by what stands before it.
func segmentFor(column []string, last string, used map[string]bool) string {
	name := "id"
	if used[name] || last != "" && len(used) > 0 {
		name = last
	}
	if name == "" {
		name = "id"
	}
	base := name
	for n := 2; used[name]; n++ {
		name = base + strconv.Itoa(n)
	}
	used[name] = true
	if !slices.ContainsFunc(column, func(c string) bool { return !state.IsIntText(c) }) {
		return "<" + name + " int>"
	}
	return "<" + name + ">"
}

// lastWord returns the last word of literal text that can name a segment.
func lastWord(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}
