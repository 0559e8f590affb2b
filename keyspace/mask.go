package keyspace

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// The bounds of a shape that is shown.
const (
	maskNames = 12 // of the fields of one object
	maskName  = 40 // bytes of a name
	maskDepth = 3  // of a document
)

// mask says what a unit looks like without a word of what it holds: its Redis type, the names of its fields, and of
// each value the kind and the length. Names of entries of a map are values, and are not shown.
//
//	hash of 3 fields: created_ms int(13), name text(7), note json {lines: [2 × {sku: text(4)}]}
func mask(u transform.Unit) string {
	kind := u.Type
	if kind == "" {
		kind = state.String
		if u.IsHash() {
			kind = state.Hash
		}
	}
	switch kind {
	case state.Hash, state.Stream:
		parts := make([]string, 0, maskNames+1)
		for _, f := range u.Fields[:min(len(u.Fields), maskNames)] {
			parts = append(parts, maskedName(f.Name)+" "+maskText(f.Value))
		}
		return fmt.Sprintf("%s of %s: %s", kind, plural(len(u.Fields), "field"), strings.Join(rest(parts, len(u.Fields)), ", "))
	case state.Map, state.SortedSet:
		var parts []string
		for _, f := range u.Fields {
			parts = append(parts, f.Name+" "+maskText(f.Value))
		}
		return string(kind) + " entry: " + strings.Join(parts, ", ")
	}
	return string(kind) + ": " + maskText(u.Text)
}

// maskText names the kind and the length of the text of one value.
func maskText(text string) string {
	switch text {
	case "true", "false":
		return "bool"
	case "":
		return "empty"
	}
	if number := maskNumber(text); number != "" {
		return number
	}
	if first := strings.TrimLeft(text, " \t\r\n"); strings.HasPrefix(first, "{") || strings.HasPrefix(first, "[") {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var v any
		if d.Decode(&v) == nil && !d.More() {
			return "json " + maskJSON(v, maskDepth)
		}
	}
	if !utf8.ValidString(text) {
		return fmt.Sprintf("bytes(%d)", len(text))
	}
	return fmt.Sprintf("text(%d)", utf8.RuneCountInString(text))
}

// maskNumber names a decimal number, empty if the text is none.
func maskNumber(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) }) {
		return ""
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil && !strings.Contains(err.Error(), "range") {
		return ""
	}
	if strings.ContainsAny(text, ".eE") {
		return fmt.Sprintf("number(%d)", len(text))
	}
	return fmt.Sprintf("int(%d)", len(text))
}

func maskJSON(v any, depth int) string {
	switch v := v.(type) {
	case map[string]any:
		if depth == 0 {
			return fmt.Sprintf("{%s}", plural(len(v), "field"))
		}
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v))[:min(len(v), maskNames)] {
			parts = append(parts, maskedName(name)+": "+maskJSON(v[name], depth-1))
		}
		return "{" + strings.Join(rest(parts, len(v)), ", ") + "}"
	case []any:
		if len(v) == 0 || depth == 0 {
			return fmt.Sprintf("[%d]", len(v))
		}
		return fmt.Sprintf("[%d × %s]", len(v), maskJSON(v[0], depth-1))
	case string:
		return fmt.Sprintf("text(%d)", utf8.RuneCountInString(v))
	case json.Number:
		return cmp.Or(maskNumber(v.String()), "number")
	case bool:
		return "bool"
	}
	return "null"
}

// rest says how many parts were left out.
func rest(parts []string, n int) []string {
	if left := n - len(parts); left > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", left))
	}
	return parts
}

// maskedName is a name of a field for people: quoted where it is not plain, cut where it is long.
func maskedName(name string) string {
	cut := name
	if len(name) > maskName {
		cut = string(bytes.ToValidUTF8([]byte(name[:maskName]), nil)) + "…"
	}
	plain := func(r rune) bool {
		return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-.…", r))
	}
	if cut == "" || strings.ContainsFunc(cut, func(r rune) bool { return !plain(r) }) {
		return strconv.Quote(cut)
	}
	return cut
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
