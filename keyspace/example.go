package keyspace

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// Example is one unit as it is, and as a rewrite would leave it. It holds values of the application: whoever shows it asks
// first, or shows Masked.
type Example struct {
	Key     string
	NewKey  string        // empty if it stays
	From    state.Version // that the unit is of
	Changes []Difference  // by path
	Same    []Difference  // parts that stay as they are: Before and After are the same
	Logged  bool          // the way back may not make it what it was: the undo log keeps it
}

// Difference is one part of a unit that a rewrite changes.
type Difference struct {
	Path   []string     // names of fields, and places in lists: "[0]"; state.LostTTL alone is the time to live, in milliseconds; empty: the whole value
	Before *state.Value // without parts of its own, or empty; nil: it is not there
	After  *state.Value
}

// The bounds of a look for examples.
const (
	exampleScanned = 20_000 // keys that SCAN may pass
	exampleRead    = 20     // keys that are read for one example that is wanted
	exampleParts   = 500    // of a unit
)

// Examples reads a few keys of a keyspace, in the order of the server's scan, and returns at most n units that a rewrite to
// a version would convert, sorted by key. Units that it would leave as they are, of which those that fit no version, are
// left out. It writes nothing. The error is an *Error, or wraps ctx's.
func (s *Store) Examples(ctx context.Context, k state.Keyspace, to state.Version, n int) ([]Example, error) {
	routes, err := s.newRoutes([]state.Keyspace{k})
	if err != nil {
		return nil, err
	}
	look := examples{route: &routes[0], goal: routes[0].goal(to), want: n, seen: map[string]bool{}}
	for cursor, passed, read := uint64(0), 0, 0; passed < exampleScanned && read < n*exampleRead && len(look.found) < n; {
		keys, next, err := s.client.Scan(ctx, cursor, "", samplePage).Result()
		if err != nil {
			return nil, classify(ctx, s.name, "looking for examples", err)
		}
		targets := look.targets(routes, keys, n*exampleRead-read)
		units, err := s.reread(ctx, routes, targets)
		if err != nil {
			return nil, err
		}
		look.take(units)
		passed, read = passed+max(len(keys), samplePage), read+len(targets)
		if cursor = next; cursor == 0 {
			break
		}
	}
	slices.SortStableFunc(look.found, func(a, b Example) int { return strings.Compare(a.Key, b.Key) })
	return look.found, nil
}

// examples is a look for examples.
type examples struct {
	route *route
	goal  goal
	want  int
	seen  map[string]bool
	found []Example
}

// targets are the keys of a page that are read.
func (e *examples) targets(routes []route, keys []string, most int) (out []target) {
	for _, key := range keys {
		if len(out) < most && !e.seen[key] && find(routes, key) >= 0 {
			e.seen[key] = true
			out = append(out, target{key: key})
		}
	}
	return out
}

// take adds the units that a rewrite would convert, as far as they are wanted.
func (e *examples) take(units []unit) {
	for i := range units {
		u := &units[i]
		if u.gone || u.unfit != "" {
			continue
		}
		u.units(func(part transform.Unit, index int, repeated bool) {
			var c change
			if repeated || len(e.found) == e.want || !e.goal.decide(u, part, index, &c, new(transform.Room)).wanted {
				return
			}
			if x, ok := e.example(&c); ok {
				e.found = append(e.found, x)
			}
		})
	}
}

// example says what a change changes; nothing if that cannot be told.
func (e *examples) example(c *change) (Example, bool) {
	before, err := e.route.programs.Decode(c.from, c.before)
	if err != nil {
		return Example{}, false
	}
	after, err := e.route.programs.Decode(e.goal.to, c.after)
	if err != nil {
		return Example{}, false
	}
	x := Example{Key: c.before.Key, From: c.from, Logged: c.logged}
	if c.after.Key != c.before.Key {
		x.NewKey = c.after.Key
	}
	x.Changes, x.Same = compareParts(partsOf(nil, before, nil), partsOf(nil, after, nil))
	if was, is := c.before.TTL, c.after.TTL; was != is {
		x.Changes = append(x.Changes, Difference{[]string{state.LostTTL}, livesFor(was), livesFor(is)})
	}
	return x, true
}

// livesFor is a time to live as a value, nil if there is none.
func livesFor(ms int64) *state.Value {
	if ms == 0 {
		return nil
	}
	return &state.Value{Kind: state.Int, Text: strconv.FormatInt(ms, 10)}
}

// part is a value that has no parts of its own, and where it stands.
type part struct {
	path  []string
	value state.Value
}

// partsOf adds the parts of a value, in their order, up to a bound.
func partsOf(out []part, v state.Value, at []string) []part {
	under := func(name string) []string { return append(slices.Clone(at), name) }
	switch {
	case len(out) >= exampleParts:
	case v.Kind == state.Struct && len(v.Fields) > 0:
		for _, f := range v.Fields {
			out = partsOf(out, f.Value, under(f.Name))
		}
	case v.Kind == state.Array && len(v.List) > 0:
		for i, x := range v.List {
			out = partsOf(out, x, under(fmt.Sprintf("[%d]", i)))
		}
	default:
		out = append(out, part{at, v})
	}
	return out
}

// compareParts returns what differs, by path, and what does not.
func compareParts(before, after []part) (out, same []Difference) {
	place := func(p part) string { return strings.Join(p.path, "\x00") }
	was := map[string]*state.Value{}
	for i := range before {
		was[place(before[i])] = &before[i].value
	}
	is := map[string]bool{}
	for i := range after {
		at := place(after[i])
		old := was[at]
		if is[at] = true; old != nil && state.DigestOf(*old) == state.DigestOf(after[i].value) {
			same = append(same, Difference{after[i].path, old, old})
			continue
		}
		out = append(out, Difference{after[i].path, old, &after[i].value})
	}
	for i := range before {
		if !is[place(before[i])] {
			out = append(out, Difference{before[i].path, &before[i].value, nil})
		}
	}
	slices.SortStableFunc(out, func(a, b Difference) int { return slices.Compare(a.Path, b.Path) })
	return out, same
}

// Masked names the kind and the length of a value, as the shape of a sample does, without a word of what it is.
func Masked(v state.Value) string {
	switch v.Kind {
	case state.Str:
		if !utf8.ValidString(v.Text) {
			return fmt.Sprintf("bytes(%d)", len(v.Text))
		}
		return fmt.Sprintf("text(%d)", utf8.RuneCountInString(v.Text))
	case state.Bytes:
		return fmt.Sprintf("bytes(%d)", len(v.Bytes))
	case state.Int, state.Number:
		return fmt.Sprintf("%s(%d)", v.Kind, len(v.Text))
	case state.Array:
		return fmt.Sprintf("[%d]", len(v.List))
	case state.Struct:
		return fmt.Sprintf("{%s}", plural(len(v.Fields), "field"))
	}
	return string(v.Kind)
}

// ShownName is a name of a field for people: quoted where it is not plain, cut where it is long.
func ShownName(name string) string { return maskedName(name) }
