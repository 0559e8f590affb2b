package schema

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"

	"keyshift.dev/state"
)

// What is plain in a version and a migration.
type (
	rawVersion struct {
		Keys      string
		Type      string
		Map       bool
		Encoding  string
		Encodings map[string]string
		TTL       *rawTTL
	}
	rawTTL struct {
		Min string `json:"min"`
		Max string `json:"max"`
		Set string `json:"set"`
	}
	rawMigration struct {
		From state.Version
		Drop []string
	}
)

// Looking up is the cheapest way into a value, with paths that are made once.
var (
	systemPolicy = []string{"system", "policy"}

	atStore, atVersion, atPolicy, atVersions = field("store"), field("version"), field("policy"), field("versions")
	atMigrations, atFrom, atDrop, atTests    = field("migrations"), field("from"), field("drop"), field("tests")
	atKeys, atType, atMap, atEncoding        = field("keys"), field("type"), field("map"), field("encoding")
	atEncodings, atTTL, atOld, atNew, atKey  = field("encodings"), field("ttl"), field("old"), field("new"), field("key")
	atStores, atKeyspaces, atComponents      = field("stores"), field("keyspaces"), field("components")
	atWorkload, atExternal, atRelease        = field("workload"), field("external"), field("release")
	atReleases, atImages, atEnv, atUses      = field("releases"), field("images"), field("env"), field("uses")
	atReads, atWrites, atUpdates             = field("reads"), field("writes"), field("updates")
	atKind, atNamespace, atName              = field("kind"), field("namespace"), field("name")
)

func field(name string) cue.Path { return cue.MakePath(cue.Str(name)) }

// textAt returns the string at a path, "" if there is none.
func textAt(v cue.Value, at cue.Path) string {
	s, _ := v.LookupPath(at).String() // what is no string CUE has refused
	return s
}

func flagged(v cue.Value, at cue.Path) bool {
	b, _ := v.LookupPath(at).Bool()
	return b
}

// fields calls f for each field of the struct at a path, none if there is none.
func fields(v cue.Value, at cue.Path, f func(name string, v cue.Value)) {
	if v = v.LookupPath(at); !v.Exists() {
		return
	}
	it, err := v.Fields()
	for err == nil && it.Next() {
		f(name(it.Selector()), it.Value())
	}
}

// read fills in the desired state. It goes on after a problem, so that one run reports them all.
func (r *reader) read() {
	if p := r.system.LookupPath(atPolicy); p.Exists() {
		r.desired.Policy = r.readPolicy(systemPolicy, p, state.LevelSystem)
	}
	fields(r.system, atStores, func(name string, v cue.Value) {
		path := []string{"system", "stores", name}
		r.desired.Stores = append(r.desired.Stores, r.readStore(path, decode[rawStore](r, path, v)))
	})
	c := checker{r, map[string]bool{}}
	fields(r.system, atKeyspaces, func(name string, v cue.Value) {
		before := len(r.problems)
		r.below = v
		r.desired.Keyspaces = append(r.desired.Keyspaces, c.readKeyspace(name, v))
		c.broken[name] = len(r.problems) > before
	})
	fields(r.system, atComponents, func(name string, v cue.Value) {
		r.desired.Components = append(r.desired.Components, r.readComponent([]string{"system", "components", name}, v))
	})
	slices.SortFunc(r.desired.Stores, func(a, b state.Store) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(r.desired.Keyspaces, func(a, b state.Keyspace) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(r.desired.Components, func(a, b state.Component) int { return cmp.Compare(a.Name, b.Name) })
	c.check()
}

// decode reads what is plain in a value.
func decode[T any](r *reader, path []string, v cue.Value) (out T) {
	if err := v.Decode(&out); err != nil {
		r.problems = append(r.problems, r.places.diagnose(err, r.places.at(path))...)
	}
	return out
}

func (c checker) readKeyspace(name string, v cue.Value) state.Keyspace {
	path, before := []string{"system", "keyspaces", name}, len(c.problems)
	k := state.Keyspace{Name: name, Store: textAt(v, atStore), Version: state.Version(textAt(v, atVersion)), Pos: c.places.at(path)}
	k.Policy = stricter(c.desired.Policy, c.readPolicy(sub(path, "policy"), v.LookupPath(atPolicy), state.LevelKeyspace))
	declared := map[state.Version]bool{}
	fields(v, atVersions, func(name string, v cue.Value) {
		declared[state.Version(name)] = true
		if s, ok := c.readShape(sub(path, "versions", name), state.Version(name), v); ok {
			k.Shapes = append(k.Shapes, s)
		}
	})
	slices.SortFunc(k.Shapes, func(a, b state.Shape) int { return a.Version.Compare(b.Version) })
	written := map[state.Version]bool{}
	fields(v, atMigrations, func(name string, v cue.Value) {
		at, to := sub(path, "migrations", name), state.Version(name)
		written[to] = true
		if !declared[to] {
			c.problem(at, "unknown-version", fmt.Sprintf("the migration leads to %s, which is not declared", to), "declare it under versions, or mend the name")
			return
		}
		raw := rawMigration{From: state.Version(textAt(v, atFrom))}
		if drop := v.LookupPath(atDrop); drop.Exists() {
			raw.Drop = decode[[]string](c.reader, sub(at, "drop"), drop)
		}
		if m, ok := c.readMigration(at, k, to, raw); ok {
			k.Migrations = append(k.Migrations, m)
		}
	})
	backwards := func(m state.Migration) bool { return m.From.Compare(m.To) > 0 } // which check says
	if len(c.problems) == before && !slices.ContainsFunc(k.Migrations, backwards) {
		k.Migrations = append(k.Migrations, c.leftOut(path, k, written)...)
	}
	slices.SortFunc(k.Migrations, func(a, b state.Migration) int { return a.To.Compare(b.To) })
	for i, v := range slices.SortedFunc(maps.Keys(declared), state.Version.Compare) {
		written[v] = written[v] || i > 0 // derived, or wrong already
	}
	k.Tests = c.readTests(sub(path, "tests"), written, v)
	return k
}

// leftOut derives the migrations that a spec leaves out, each from the next older version: those that only carry fields
// and fill in defaults. Where units are not rewritten, none is needed.
func (c checker) leftOut(path []string, k state.Keyspace, written map[state.Version]bool) (out []state.Migration) {
	before := len(c.problems)
	if c.checkLayout(k); len(c.problems) > before {
		c.problems = c.problems[:before] // which check says again
		return nil
	}
	for i, s := range k.Shapes {
		if i == 0 || written[s.Version] {
			continue
		}
		from := k.Shapes[i-1].Version
		m, ok := c.readMigration(sub(path, "migrations", string(s.Version)), k, s.Version, rawMigration{From: from})
		if ok {
			m.Derived, m.Pos = true, s.Pos
			out = append(out, m)
			continue
		}
		open := underivable(c.problems[before:])
		c.problems = c.problems[:before]
		if rewritten(k) {
			c.problemAt(s.Pos, versionPath(k, s.Version), "no-path", fmt.Sprintf("no migration leads to %s, and none can be derived from %s: %s", s.Version, from, open),
				"write migrations: "+strconv.Quote(string(s.Version))+", which `keyshift schema suggest` begins, or remove the version")
			before = len(c.problems)
		}
	}
	return out
}

// underivable says in short why no migration can be derived: what the way there lacks, else the way back.
func underivable(problems state.Diagnostics) string {
	const most = 3
	var there, back []string
	for _, d := range problems.Sorted() {
		if strings.Contains(d.Path, ".#down") {
			back = append(back, d.Message)
		} else {
			there = append(there, d.Message)
		}
	}
	all := append(there, back...)
	if len(all) <= most {
		return strings.Join(all, "; ")
	}
	return strings.Join(all[:most], "; ") + fmt.Sprintf("; and %d more", len(all)-most)
}

// lookup returns the value at a path below the keyspace that is being read; names with a leading # are definitions.
func (r *reader) lookup(path []string) cue.Value {
	const below = 3 // system.keyspaces.NAME
	selectors := make([]cue.Selector, 0, len(path))
	for _, n := range path[below:] {
		if n[0] == '#' {
			selectors = append(selectors, cue.Def(n))
			continue
		}
		selectors = append(selectors, cue.Str(n))
	}
	return r.below.LookupPath(cue.MakePath(selectors...))
}

var atValue = cue.MakePath(cue.Def("#value"))

// readShape reads one version; ok is false if it has a problem.
func (r *reader) readShape(path []string, version state.Version, v cue.Value) (s state.Shape, ok bool) {
	before := len(r.problems)
	s = state.Shape{Version: version, Keys: textAt(v, atKeys), Pos: r.places.at(path)}
	raw := rawVersion{Keys: s.Keys, Type: textAt(v, atType), Map: flagged(v, atMap), Encoding: textAt(v, atEncoding)}
	if e := v.LookupPath(atEncodings); e.Exists() {
		raw.Encodings = decode[map[string]string](r, path, e)
	}
	if t := v.LookupPath(atTTL); t.Exists() {
		raw.TTL = decode[*rawTTL](r, path, t)
	}
	r.layout(path, raw, &s)
	if len(r.problems) == before {
		r.refuseBonds(path)
		s.Value = r.shape(sub(path, "#value"), v.LookupPath(atValue), s)
	}
	return s, len(r.problems) == before
}

// readTests reads the tests of the migrations to the given versions.
func (r *reader) readTests(path []string, migrated map[state.Version]bool, v cue.Value) []state.Test {
	var tests []state.Test
	fields(v, atTests, func(name string, v cue.Value) {
		to := state.Version(name)
		at := sub(path, name)
		if !migrated[to] {
			r.problem(at, "unknown-version", fmt.Sprintf("these tests are of a migration to %s, which is not declared", to), "mend the name")
			return
		}
		list, err := v.List()
		for i := 0; err == nil && list.Next(); i++ {
			tests = append(tests, r.readTest(sub(at, strconv.Itoa(i)), to, list.Value()))
		}
	})
	slices.SortStableFunc(tests, func(a, b state.Test) int { return a.To.Compare(b.To) })
	return tests
}

func (r *reader) readTest(path []string, to state.Version, v cue.Value) state.Test {
	t := state.Test{To: to, Pos: r.places.at(path)}
	t.Old = r.value(sub(path, "old"), v.LookupPath(atOld))
	t.New = r.value(sub(path, "new"), v.LookupPath(atNew))
	fields(v, atKey, func(name string, v cue.Value) {
		if t.Key == nil {
			t.Key = map[string]string{}
		}
		t.Key[name] = r.value(sub(path, "key"), v).Text
	})
	return t
}
