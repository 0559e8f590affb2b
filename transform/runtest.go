package transform

import (
	"fmt"
	"slices"
	"strconv"
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
	before, err := p.Encode(m.From, t.Key, t.Old)
	if err != nil {
		return &Difference{What: "old is not a unit of " + string(m.From), Lines: []string{err.Error()}}
	}
	after, err := p.Encode(m.To, t.Key, t.New)
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

// expect converts a unit and compares the result with what is wanted, but for the lost fields.
func (r testRun) expect(name string, u Unit, from, to state.Version, wantName string, want Unit, losses []state.Loss) (Unit, error) {
	what := fmt.Sprintf("%s to %s of %s is not %s", from, to, name, wantName)
	got, err := r.programs.Convert(u, from, to)
	if err != nil {
		return got, &Difference{What: what, Lines: []string{err.Error()}}
	}
	x, err := r.programs.Decode(to, want)
	if err != nil {
		return got, &Difference{What: what, Lines: []string{err.Error()}}
	}
	y, err := r.programs.Decode(to, got)
	if err != nil {
		return got, &Difference{What: what, Lines: []string{err.Error()}}
	}
	lines := compareValues("", x, y, func(path string) bool {
		return slices.ContainsFunc(losses, func(l state.Loss) bool {
			return l.Field == "" || l.Field == path || strings.HasPrefix(l.Field, path+".") || strings.HasPrefix(path, l.Field+".")
		})
	})
	if got.Key != want.Key {
		lines = append(lines, fmt.Sprintf("#key: want %s, got %s", want.Key, got.Key))
	}
	if len(lines) > 0 {
		return got, &Difference{What: what, Lines: lines}
	}
	return got, nil
}

// compareValues lists the parts that differ, fields by their path and elements by their index. Where a part of a struct
// is lost the others are compared.
func compareValues(path string, want, got state.Value, lost func(path string) bool) []string {
	if path != "" && lost(path) || path == "" && lost("") {
		return nil
	}
	label := path
	if label == "" {
		label = "value"
	}
	switch {
	case want.Kind == state.Struct && got.Kind == state.Struct:
		return compareFields(path, want.Fields, got.Fields, lost)
	case want.Kind == state.Array && got.Kind == state.Array:
		return compareElements(path, want.List, got.List, lost)
	case sameScalar(want, got):
		return nil
	}
	return []string{fmt.Sprintf("%s: want %s, got %s", label, Text(want), Text(got))}
}

func compareFields(path string, want, got []state.FieldValue, lost func(path string) bool) []string {
	var names []string
	for _, f := range slices.Concat(want, got) {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	var lines []string
	for _, name := range slices.Compact(names) {
		at := name
		if path != "" {
			at = path + "." + name
		}
		w, wanted := fieldOf(want, name)
		g, gotten := fieldOf(got, name)
		switch {
		case wanted && gotten:
			lines = append(lines, compareValues(at, w, g, lost)...)
		case lost(at):
		case wanted:
			lines = append(lines, fmt.Sprintf("%s: want %s, got none", at, Text(w)))
		default:
			lines = append(lines, fmt.Sprintf("%s: want none, got %s", at, Text(g)))
		}
	}
	return lines
}

func fieldOf(fields []state.FieldValue, name string) (state.Value, bool) {
	i := slices.IndexFunc(fields, func(f state.FieldValue) bool { return f.Name == name })
	if i < 0 {
		return state.Value{}, false
	}
	return fields[i].Value, true
}

func compareElements(path string, want, got []state.Value, lost func(path string) bool) []string {
	var lines []string
	for i := range max(len(want), len(got)) {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case i >= len(want):
			lines = append(lines, fmt.Sprintf("%s: want none, got %s", at, Text(got[i])))
		case i >= len(got):
			lines = append(lines, fmt.Sprintf("%s: want %s, got none", at, Text(want[i])))
		default:
			lines = append(lines, compareValues(at, want[i], got[i], lost)...)
		}
	}
	return lines
}

// sameScalar tells whether two scalars are the same value: 5.0 is 5.
func sameScalar(a, b state.Value) bool {
	if isNumber(a.Kind) && isNumber(b.Kind) {
		x, xok := state.ParseDecimal(a.Text)
		y, yok := state.ParseDecimal(b.Text)
		return xok && yok && x.Cmp(y) == 0
	}
	return a.Kind == b.Kind && a.Bool == b.Bool && a.Text == b.Text && string(a.Bytes) == string(b.Bytes)
}

func isNumber(k state.Kind) bool { return k == state.Int || k == state.Number }

// Text prints a value on one line, much as JSON has it; bytes as a CUE literal.
func Text(v state.Value) string {
	switch v.Kind {
	case state.Null:
		return "null"
	case state.Bool:
		return fmt.Sprint(v.Bool)
	case state.Str:
		return strconv.Quote(v.Text)
	case state.Bytes:
		return "'" + strings.Trim(strconv.QuoteToASCII(string(v.Bytes)), `"`) + "'"
	case state.Array:
		items := make([]string, len(v.List))
		for i, e := range v.List {
			items[i] = Text(e)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case state.Struct:
		fields := make([]string, len(v.Fields))
		for i, f := range v.Fields {
			fields[i] = strconv.Quote(f.Name) + ": " + Text(f.Value)
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	return v.Text
}
