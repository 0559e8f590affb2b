package transform

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// Difference is what a test of the spec expects and the programs do not do. Its values are the spec's own.
type Difference struct {
	What  string   // "1.0.0 to 2.0.0 of old is not new"
	Lines []string // "created: want 1700000000, got 1700000001", a field each
}

// Error prints the difference, a field a line.
func (d *Difference) Error() string {
	return d.What + "\n  " + strings.Join(d.Lines, "\n  ")
}

// RunTest runs one test of a keyspace both ways through the compiled programs. It passes if
//
//  1. up(old) is new;
//  2. down(new) fits the older version and is old, but for the fields that the way up is declared to lose;
//  3. up(down(new)) is new, but for the fields that the way down is declared to lose.
//
// The third rule checks what the second must let pass: a lossy field comes back changed, but in a way that the way
// up again makes the same of. A result that does not fit its version fails, too. What fails is a *Difference.
func RunTest(k state.Keyspace, t state.Test) error {
	m, ok := k.FindMigration(t.To)
	if !ok {
		return &Difference{What: fmt.Sprintf("no migration leads to %s", t.To), Lines: []string{"declare migrations: \"" + string(t.To) + "\""}}
	}
	p, err := Compile(k)
	if err != nil {
		return err
	}
	r := testRun{programs: p, from: m.From, to: m.To}
	before, err := r.unit(m.From, t.Key, t.Old)
	if err != nil {
		return &Difference{What: "old is not a unit of " + string(m.From), Lines: []string{err.Error()}}
	}
	after, err := r.unit(m.To, t.Key, t.New)
	if err != nil {
		return &Difference{What: "new is not a unit of " + string(m.To), Lines: []string{err.Error()}}
	}
	if _, err := r.expect("old", before, r.from, r.to, "new", after, nil); err != nil {
		return err
	}
	back, err := r.expect("new", after, r.to, r.from, "old", before, m.Up.Losses)
	if err != nil {
		return err
	}
	_, err = r.expect("what new goes back to", back, r.from, r.to, "new", after, m.Down.Losses)
	return err
}

type testRun struct {
	programs *Programs
	from, to state.Version
}

// unit writes a value of a test as Redis would hold it, and checks that it fits its version.
func (r testRun) unit(v state.Version, key map[string]string, value state.Value) (Unit, error) {
	s, ok := r.programs.shape(v)
	if !ok {
		return Unit{}, fmt.Errorf("version %s is not declared", v)
	}
	u := Unit{Key: keyOf(s.source.Keys, key)}
	if s.hash {
		for _, f := range value.Fields {
			text, ok := textOf(f.Value)
			if !ok {
				return u, fmt.Errorf("%s: a field of a hash cannot hold this %s", f.Name, f.Value.Kind)
			}
			u.Fields = append(u.Fields, Field{f.Name, text})
		}
		u = u.Sorted()
	} else {
		text, ok := appendValue(nil, value)
		if !ok {
			return u, fmt.Errorf("JSON cannot hold this value")
		}
		u.Text = string(text)
	}
	d, err := read(u)
	if err != nil {
		return u, err
	}
	if !s.fits(u, d) {
		return u, fmt.Errorf("%s", strings.Join(r.programs.faults(s, u, d), ", "))
	}
	return u, nil
}

// keyOf fills the segments of a pattern; one that the test does not give is "1".
func keyOf(pattern string, segments map[string]string) string {
	var b strings.Builder
	for rest := pattern; rest != ""; {
		literal, after, found := strings.Cut(rest, "<")
		b.WriteString(literal)
		if !found {
			break
		}
		inner, next, _ := strings.Cut(after, ">")
		name, _, _ := strings.Cut(strings.TrimSuffix(inner, "..."), " ")
		if value, ok := segments[name]; ok {
			b.WriteString(value)
		} else {
			b.WriteString("1")
		}
		rest = next
	}
	return b.String()
}

// expect converts a unit and compares the result with what is wanted, but for the lost fields.
func (r testRun) expect(name string, u Unit, from, to state.Version, wantName string, want Unit, losses []state.Loss) (Unit, error) {
	what := fmt.Sprintf("%s to %s of %s is not %s", from, to, name, wantName)
	got, err := r.programs.Convert(u, from, to)
	if err != nil {
		return got, &Difference{What: what, Lines: []string{err.Error()}}
	}
	lines := compareUnits(want, got, func(field string) bool {
		return slices.ContainsFunc(losses, func(l state.Loss) bool {
			top, _, _ := strings.Cut(l.Field, ".")
			return l.Field == "" || top == field
		})
	})
	if len(lines) > 0 {
		return got, &Difference{What: what, Lines: lines}
	}
	return got, nil
}

// compareUnits lists the fields that differ, sorted by name.
func compareUnits(want, got Unit, lost func(field string) bool) []string {
	w, g := partsOf(want), partsOf(got)
	names := make([]string, 0, len(w)+len(g))
	for _, f := range slices.Concat(w, g) {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	var lines []string
	for _, name := range slices.Compact(names) {
		i, wanted := findField(w, name)
		j, gotten := findField(g, name)
		label := name
		if label == "" {
			label = "value"
		}
		switch {
		case lost(name):
		case !wanted:
			lines = append(lines, fmt.Sprintf("%s: want none, got %s", label, g[j].Value))
		case !gotten:
			lines = append(lines, fmt.Sprintf("%s: want %s, got none", label, w[i].Value))
		case !sameText(w[i].Value, g[j].Value, !want.IsHash()):
			lines = append(lines, fmt.Sprintf("%s: want %s, got %s", label, w[i].Value, g[j].Value))
		}
	}
	return lines
}

// partsOf returns the fields of a hash, the members of a JSON object with their text, or a JSON value as one
// nameless part; sorted.
func partsOf(u Unit) []Field {
	if u.IsHash() {
		return u.Fields
	}
	d, err := parseJSON(u.Text)
	if err != nil || d.nodes[0].kind != state.Struct {
		return []Field{{Value: u.Text}}
	}
	var parts []Field
	for i := d.nodes[0].first; i != 0; i = d.nodes[i].next {
		parts = append(parts, Field{d.nodes[i].name, d.raw(i)})
	}
	slices.SortFunc(parts, byName)
	return parts
}

// sameText tells whether two texts are the same value: 5.0 is 5, and objects have no order.
func sameText(a, b string, json bool) bool {
	if a == b {
		return true
	}
	if !json {
		x, xok := state.ParseDecimal(a)
		y, yok := state.ParseDecimal(b)
		return xok && yok && x.Cmp(y) == 0
	}
	x, xerr := parseJSON(a)
	y, yerr := parseJSON(b)
	return xerr == nil && yerr == nil && sameNode(x, 0, y, 0)
}

func sameNode(x document, i int32, y document, j int32) bool {
	a, b := x.nodes[i], y.nodes[j]
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case state.Number:
		m, mok := state.ParseDecimal(x.raw(i))
		n, nok := state.ParseDecimal(y.raw(j))
		return mok && nok && m.Cmp(n) == 0
	case state.Str:
		return x.str(i) == y.str(j)
	case state.Array:
		i, j = a.first, b.first
		for ; i != 0 && j != 0; i, j = x.nodes[i].next, y.nodes[j].next {
			if !sameNode(x, i, y, j) {
				return false
			}
		}
		return i == j
	case state.Struct:
		return x.size(i) == y.size(j) && x.within(i, y, j)
	}
	return x.raw(i) == y.raw(j)
}

func (d document) size(i int32) int {
	n := 0
	for i = d.nodes[i].first; i != 0; i = d.nodes[i].next {
		n++
	}
	return n
}

// within tells whether every member of an object is in the other one, too.
func (d document) within(i int32, y document, j int32) bool {
	for i = d.nodes[i].first; i != 0; i = d.nodes[i].next {
		k, ok := y.member(j, d.nodes[i].name)
		if !ok || !sameNode(d, i, y, k) {
			return false
		}
	}
	return true
}
