package schema

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"cuelang.org/go/cue"

	"keyshift.dev/state"
)

// The plain parts of a spec as CUE decodes them. Shapes, migrations, tests and policies are read from CUE values.
type (
	rawKeyspace struct {
		Store      string                         `json:"store"`
		Version    state.Version                  `json:"version"`
		Policy     *rawPolicy                     `json:"policy"`
		Versions   map[state.Version]rawVersion   `json:"versions"`
		Migrations map[state.Version]rawMigration `json:"migrations"`
	}
	rawVersion struct {
		Keys      string            `json:"keys"`
		Type      string            `json:"type"`
		Map       bool              `json:"map"`
		Encoding  string            `json:"encoding"`
		Encodings map[string]string `json:"encodings"`
		TTL       *rawTTL           `json:"ttl"`
	}
	rawTTL struct {
		Min string `json:"min"`
		Max string `json:"max"`
		Set string `json:"set"`
	}
	rawMigration struct {
		From state.Version `json:"from"`
		Drop []string      `json:"drop"`
	}
)

// read fills in the desired state. It goes on after a problem, so that one run reports them all.
func (r *reader) read() {
	if p := r.lookup([]string{"system", "policy"}); p.Exists() {
		r.desired.Policy = r.readPolicy([]string{"system", "policy"}, decode[*rawPolicy](r, []string{"system", "policy"}, p), levelSystem)
	}
	r.each("stores", func(path []string, v cue.Value) {
		r.desired.Stores = append(r.desired.Stores, r.readStore(path, decode[rawStore](r, path, v)))
	})
	c := checker{r, map[string]bool{}}
	r.each("keyspaces", func(path []string, v cue.Value) {
		before := len(r.problems)
		r.desired.Keyspaces = append(r.desired.Keyspaces, r.readKeyspace(path[2], decode[rawKeyspace](r, path, v)))
		c.broken[path[2]] = len(r.problems) > before
	})
	r.each("components", func(path []string, v cue.Value) {
		r.desired.Components = append(r.desired.Components, r.readComponent(path, decode[rawComponent](r, path, v)))
	})
	slices.SortFunc(r.desired.Stores, func(a, b state.Store) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(r.desired.Keyspaces, func(a, b state.Keyspace) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(r.desired.Components, func(a, b state.Component) int { return cmp.Compare(a.Name, b.Name) })
	c.check()
}

// each calls f for the stores, keyspaces or components of the system, in the order of the files.
func (r *reader) each(what string, f func(path []string, v cue.Value)) {
	it, err := r.system.LookupPath(cue.MakePath(cue.Str(what))).Fields()
	for err == nil && it.Next() {
		f([]string{"system", what, name(it.Selector())}, it.Value())
	}
}

// decode reads what is plain in a value.
func decode[T any](r *reader, path []string, v cue.Value) (out T) {
	if err := v.Decode(&out); err != nil {
		r.problems = append(r.problems, r.places.diagnose(err, r.places.at(path))...)
	}
	return out
}

func (r *reader) readKeyspace(name string, raw rawKeyspace) state.Keyspace {
	path := []string{"system", "keyspaces", name}
	k := state.Keyspace{Name: name, Store: raw.Store, Version: raw.Version, Pos: r.places.at(path)}
	k.Policy = stricter(r.desired.Policy, r.readPolicy(sub(path, "policy"), raw.Policy, levelKeyspace))
	for _, v := range slices.SortedFunc(maps.Keys(raw.Versions), state.Version.Compare) {
		if s, ok := r.readShape(sub(path, "versions", string(v)), v, raw.Versions[v]); ok {
			k.Shapes = append(k.Shapes, s)
		}
	}
	for _, to := range slices.SortedFunc(maps.Keys(raw.Migrations), state.Version.Compare) {
		at := sub(path, "migrations", string(to))
		if _, declared := raw.Versions[to]; !declared {
			r.problem(at, "unknown-version", fmt.Sprintf("the migration leads to %s, which is not declared", to), "declare it under versions, or mend the name")
			continue
		}
		if m, ok := r.readMigration(at, k, to, raw.Migrations[to]); ok {
			k.Migrations = append(k.Migrations, m)
		}
	}
	k.Tests = r.readTests(sub(path, "tests"), raw)
	return k
}

// lookup returns the value at a path of the system; names with a leading # are definitions.
func (r *reader) lookup(path []string) cue.Value {
	selectors := make([]cue.Selector, 0, len(path))
	for _, n := range path[1:] { // path[0] is system itself
		if n[0] == '#' {
			selectors = append(selectors, cue.Def(n))
			continue
		}
		selectors = append(selectors, cue.Str(n))
	}
	return r.system.LookupPath(cue.MakePath(selectors...))
}

// readShape reads one version; ok is false if it has a problem.
func (r *reader) readShape(path []string, v state.Version, raw rawVersion) (s state.Shape, ok bool) {
	before := len(r.problems)
	s = state.Shape{Version: v, Keys: raw.Keys, Pos: r.places.at(path)}
	r.layout(path, raw, &s)
	at := sub(path, "#value")
	if len(r.problems) == before {
		s.Value = r.shape(at, r.lookup(at), s)
	}
	return s, len(r.problems) == before
}

func (r *reader) readTests(path []string, raw rawKeyspace) []state.Test {
	var tests []state.Test
	it, err := r.lookup(path).Fields()
	if err != nil {
		return nil // no tests
	}
	for it.Next() {
		to := state.Version(name(it.Selector()))
		at := sub(path, string(to))
		if _, declared := raw.Migrations[to]; !declared {
			r.problem(at, "unknown-version", fmt.Sprintf("these tests are of a migration to %s, which is not declared", to), "mend the name")
			continue
		}
		list, err := it.Value().List()
		for i := 0; err == nil && list.Next(); i++ {
			tests = append(tests, r.readTest(sub(at, strconv.Itoa(i)), to, list.Value()))
		}
	}
	slices.SortStableFunc(tests, func(a, b state.Test) int { return a.To.Compare(b.To) })
	return tests
}

func (r *reader) readTest(path []string, to state.Version, v cue.Value) state.Test {
	t := state.Test{To: to, Pos: r.places.at(path)}
	t.Old = r.value(sub(path, "old"), v.LookupPath(cue.ParsePath("old")))
	t.New = r.value(sub(path, "new"), v.LookupPath(cue.ParsePath("new")))
	if it, err := v.LookupPath(cue.ParsePath("key")).Fields(); err == nil {
		for it.Next() {
			if t.Key == nil {
				t.Key = map[string]string{}
			}
			t.Key[name(it.Selector())] = r.value(sub(path, "key"), it.Value()).Text
		}
	}
	return t
}
