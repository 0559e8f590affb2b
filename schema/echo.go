package schema

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// isEcho tells whether a complaint is that something is missing which is there, and has a mistake of its own.
func (p places) isEcho(c complaint) bool {
	name, ok := strings.CutPrefix(c.message, "this system has no keyspace ")
	return ok && p.declared([]string{"system", "keyspaces", name})
}

// isOtherForm tells whether a complaint is that a struct is not one of the words that may stand in its place, when
// another one is about something in it: the struct was meant.
func isOtherForm(c complaint, all []complaint) bool {
	isForm := strings.HasPrefix(c.message, "conflicting values {") && strings.HasSuffix(c.message, "(mismatched types struct and string)")
	if !isForm && !strings.Contains(c.message, "errors in empty disjunction") {
		return false
	}
	return slices.ContainsFunc(all, func(o complaint) bool {
		return len(o.path) > len(c.path) && slices.Equal(o.path[:len(c.path)], c.path)
	})
}

// namedBy says under which field the names are declared that a diagnostic of a code finds unknown.
var namedBy = map[string]string{"unknown-store": "stores", "unknown-version": "versions", "unknown-release": "releases"}

// withoutMisnamed leaves out that a name is unknown where its declaration itself is wrong: misspelt, or missing.
func withoutMisnamed(ds state.Diagnostics) state.Diagnostics {
	wrong := func(owner string) bool {
		return slices.ContainsFunc(ds, func(d state.Diagnostic) bool {
			below, ok := strings.CutPrefix(d.Path, owner)
			return ok && (below == "" && d.Code == "missing" || strings.HasPrefix(below, ".") && strings.HasSuffix(d.Message, " is not a version")) ||
				ok && strings.HasPrefix(below, ".") && strings.HasSuffix(d.Message, " is not a name")
		})
	}
	return slices.DeleteFunc(slices.Clone(ds), func(d state.Diagnostic) bool {
		under := namedBy[d.Code]
		switch {
		case under == "":
			return false
		case under == "stores":
			return wrong("system.stores")
		}
		names := strings.SplitN(d.Path, ".", 4)
		return len(names) == 4 && wrong(strings.Join(names[:3], ".")+"."+under)
	})
}

// withoutEchoes says the same thing at the same place once: CUE reports a field under several of its paths, a cycle from
// each of its ends and a conflict from both of its sides.
func withoutEchoes(ds state.Diagnostics) state.Diagnostics {
	type seen struct {
		pos, other    state.Pos
		code, message string
	}
	said := map[seen]bool{}
	var out state.Diagnostics
	for _, d := range ds {
		key := seen{pos: d.Pos, message: d.Message}
		if d.Code == "cycle" {
			key = seen{pos: d.Pos, code: d.Code}
		}
		sides := seen{pos: d.Pos, other: d.Other, code: d.Code}
		if d.Pos.File != "" && (said[key] || d.Other.File != "" && said[seen{pos: d.Other, other: d.Pos, code: d.Code}]) {
			continue
		}
		said[key], said[sides] = true, true
		out = append(out, d)
	}
	return out
}
