package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// compareShapes says how the new shape differs from the old one, which is zero if there is none; hops are the
// migrations between them, none if units stay as they are.
func compareShapes(from, to state.Shape, hops []Hop) VersionDiff {
	v := VersionDiff{From: from.Version, To: to.Version, Settings: settings(
		"keys", from.Keys, to.Keys, "type", string(from.Type), string(to.Type),
		"encoding", encoding(from), encoding(to), "ttl", ttlText(from.TTL), ttlText(to.TTL))}
	v.Settings = append(v.Settings, encodings(from, to)...)
	if from.Type == "" {
		v.Settings = slices.DeleteFunc(v.Settings, func(s Setting) bool { return s.To == "" || s.Name == "ttl" && to.TTL == nil })
		for i := range v.Settings {
			v.Settings[i].From = ""
		}
		c := fieldComparison{to: to}
		c.values(state.Type{}, to.Value, nil, nil)
		v.Fields = c.out
		return v
	}
	if from.Type != to.Type {
		v.Settings = slices.DeleteFunc(v.Settings, func(s Setting) bool { return s.Name == "encoding" })
		for i, s := range v.Settings {
			if s.Name == "type" {
				v.Settings[i] = Setting{s.Name, kindText(from), kindText(to)}
			}
		}
	}
	c := fieldComparison{from: from, to: to, program: traceOf(hops), used: map[string]string{}}
	c.drop = dropped(hops)
	c.values(from.Value, to.Value, nil, nil)
	v.Fields = c.done()
	switch oldReads, newReads := state.Subsumes(from, to), state.Subsumes(to, from); {
	case oldReads && newReads:
		v.Compatibility = FullyCompatible
	case newReads:
		v.Compatibility = BackwardCompatible
	case oldReads:
		v.Compatibility = ForwardCompatible
	default:
		v.Compatibility = Breaking
	}
	return v
}

// encoding is that of a whole unit, empty where it has parts.
func encoding(s state.Shape) string {
	if s.Type == "" || s.Type.Parts() || s.Type == state.Document {
		return ""
	}
	return string(cmp.Or(s.Encoding, state.Text))
}

// kindText is a type with its encoding where that is worth a word: "string (json)".
func kindText(s state.Shape) string {
	if e := encoding(s); e != "" && e != string(state.Text) {
		return string(s.Type) + " (" + e + ")"
	}
	return string(s.Type)
}

// encodings compares those of named parts.
func encodings(from, to state.Shape) []Setting {
	var names []string
	for _, e := range slices.Concat(from.Encodings, to.Encodings) {
		names = append(names, e.Field)
	}
	slices.Sort(names)
	var out []Setting
	for _, n := range slices.Compact(names) {
		out = append(out, settings("encoding of "+n, string(from.EncodingOf(n)), string(to.EncodingOf(n)))...)
	}
	return out
}

// dropped returns what migrations acknowledge to lose.
func dropped(hops []Hop) []string {
	var out []string
	for _, l := range Losses(hops) {
		if strings.Contains(l.Reason, "drop") {
			out = append(out, l.Field)
		}
	}
	return out
}

func extend(path []string, name string) []string { return append(slices.Clone(path), name) }

// key is a path as pathText has it: unambiguous, since names that have a dot are quoted.
func key(path []string) string { return pathText(path) }

// pathText joins the names of a path: address.city, items[].price; "#value" is the whole.
func pathText(path []string) string {
	if len(path) == 0 {
		return "#value"
	}
	var b strings.Builder
	for i, name := range path {
		switch {
		case name == "[]":
			b.WriteString(name)
			continue
		case i > 0:
			b.WriteByte('.')
		}
		if name == "..." || plainName(name) {
			b.WriteString(name)
		} else {
			fmt.Fprintf(&b, "%q", name)
		}
	}
	return b.String()
}

func plainName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}
