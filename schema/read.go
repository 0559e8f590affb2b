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
	rawSystem struct {
		Stores     map[string]rawStore     `json:"stores"`
		Keyspaces  map[string]rawKeyspace  `json:"keyspaces"`
		Components map[string]rawComponent `json:"components"`
	}
	rawStore struct {
		Address string `json:"address"`
		Auth    *struct {
			SecretRef state.SecretRef `json:"secretRef"`
		} `json:"auth"`
	}
	rawKeyspace struct {
		Store      string                         `json:"store"`
		Version    state.Version                  `json:"version"`
		Versions   map[state.Version]rawVersion   `json:"versions"`
		Migrations map[state.Version]rawMigration `json:"migrations"`
	}
	rawVersion struct {
		Keys      string            `json:"keys"`
		Type      string            `json:"type"`
		Map       bool              `json:"map"`
		Encoding  string            `json:"encoding"`
		Encodings map[string]string `json:"encodings"`
		TTL       map[string]string `json:"ttl"`
	}
	rawMigration struct {
		From state.Version `json:"from"`
		Drop []string      `json:"drop"`
	}
	rawComponent struct {
		Workload *state.Workload       `json:"workload"`
		External bool                  `json:"external"`
		Release  string                `json:"release"`
		Releases map[string]rawRelease `json:"releases"`
		Policy   map[string]any        `json:"policy"`
	}
	rawRelease struct {
		Images map[string]string            `json:"images"`
		Env    map[string]map[string]string `json:"env"`
		Uses   map[string]rawUse            `json:"uses"`
	}
	rawUse struct {
		Reads   state.Range   `json:"reads"`
		Writes  state.Version `json:"writes"`
		Updates state.Updates `json:"updates"`
	}
)

// read fills in the desired state. It goes on after a problem, so that one run reports them all.
func (r *reader) read() {
	var raw rawSystem
	if err := r.system.Decode(&raw); err != nil {
		r.problems = append(r.problems, r.places.diagnose(err, r.places.at([]string{"system"}))...)
		return
	}
	r.desired.Policy = r.readPolicy([]string{"system", "policy"})
	for _, name := range slices.Sorted(maps.Keys(raw.Stores)) {
		s := state.Store{Name: name, Address: raw.Stores[name].Address, Pos: r.places.at([]string{"system", "stores", name})}
		if auth := raw.Stores[name].Auth; auth != nil {
			s.Auth = &auth.SecretRef
		}
		r.desired.Stores = append(r.desired.Stores, s)
	}
	for _, name := range slices.Sorted(maps.Keys(raw.Keyspaces)) {
		r.desired.Keyspaces = append(r.desired.Keyspaces, r.readKeyspace(name, raw.Keyspaces[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(raw.Components)) {
		r.desired.Components = append(r.desired.Components, r.readComponent(name, raw.Components[name]))
	}
	r.check()
}

func (r *reader) readKeyspace(name string, raw rawKeyspace) state.Keyspace {
	path := []string{"system", "keyspaces", name}
	k := state.Keyspace{Name: name, Store: raw.Store, Version: raw.Version, Pos: r.places.at(path)}
	k.Policy = stricter(r.desired.Policy, r.readPolicy(sub(path, "policy")))
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
	s = state.Shape{Version: v, Keys: raw.Keys, Type: state.Redis(raw.Type), Encoding: state.Encoding(raw.Encoding), Pos: r.places.at(path)}
	switch {
	case raw.Type == "hash" && raw.Map:
		r.unsupported(sub(path, "map"), "a hash with map: true", "use a hash with fixed fields")
	case raw.Type == "hash" && raw.Encoding != "" && raw.Encoding != string(state.Text):
		r.unsupported(sub(path, "encoding"), "a hash with encoding "+strconv.Quote(raw.Encoding), "remove the encoding: the fields of a hash are text")
	case raw.Type == "hash":
		s.Encoding = ""
	case raw.Type == "string" && raw.Encoding != string(state.JSON):
		r.unsupported(sub(path, "encoding"), "a string that is not JSON", `write encoding: "json" if its values are JSON`)
	case raw.Type != "string":
		r.unsupported(sub(path, "type"), "the Redis type "+strconv.Quote(raw.Type), `use "hash", or "string" with encoding: "json"`)
	}
	if len(raw.Encodings) > 0 {
		r.unsupported(sub(path, "encodings"), "an encoding of a single field", "remove it: the fields of a hash are text")
	}
	if len(raw.TTL) > 0 {
		r.unsupported(sub(path, "ttl"), "a TTL rule", "remove it: a rewrite keeps every TTL")
	}
	if _, err := state.ParsePattern(raw.Keys); err != nil {
		r.problem(sub(path, "keys"), "key-pattern", err.Error(), `write a literal prefix and segments: "session:<id>"`)
	}
	at := sub(path, "#value")
	if len(r.problems) == before {
		s.Value = r.shape(at, r.lookup(at), s.Type)
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

func (r *reader) readComponent(name string, raw rawComponent) state.Component {
	path := []string{"system", "components", name}
	c := state.Component{Name: name, Workload: raw.Workload, External: raw.External, Release: raw.Release, Pos: r.places.at(path)}
	for _, field := range slices.Sorted(maps.Keys(raw.Policy)) {
		r.unsupported(sub(path, "policy", field), "the component policy "+field, "remove it")
	}
	for _, rel := range slices.SortedFunc(maps.Keys(raw.Releases), compareReleases) {
		c.Releases = append(c.Releases, r.readRelease(sub(path, "releases", rel), rel, raw.Releases[rel]))
	}
	return c
}

func (r *reader) readRelease(path []string, name string, raw rawRelease) state.Release {
	rel := state.Release{Name: name, Pos: r.places.at(path)}
	for _, container := range slices.Sorted(maps.Keys(raw.Images)) {
		rel.Images = append(rel.Images, state.Image{Container: container, Image: raw.Images[container]})
	}
	if len(raw.Env) > 0 {
		r.unsupported(sub(path, "env"), "env of a release", "remove it: releases are told apart by their images")
	}
	for _, k := range slices.Sorted(maps.Keys(raw.Uses)) {
		u := raw.Uses[k]
		at := sub(path, "uses", k)
		if u.Writes != "" && u.Updates == "" {
			u.Updates = state.UpdatesValue
		}
		rel.Uses = append(rel.Uses, state.Use{Keyspace: k, Reads: u.Reads, Writes: u.Writes, Updates: u.Updates, Pos: r.places.at(at)})
	}
	return rel
}

// compareReleases orders release names by semver where both are, else by name.
func compareReleases(a, b string) int {
	if va, vb := state.Version(a), state.Version(b); va.Valid() && vb.Valid() {
		return va.Compare(vb)
	}
	return cmp.Compare(a, b)
}
