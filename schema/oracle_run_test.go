package schema_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"

	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// tally is what a run of the oracle found.
type tally struct {
	migrations, values, failing int
	refused                     map[string]int // migrations by the reason that keeps them from being compiled
	invalid                     map[string]int // migrations by what CUE itself finds wrong with them
	accepted                    map[string]int // known differences, by reason
	disagreements               []string
}

func newTally() *tally {
	return &tally{refused: map[string]int{}, invalid: map[string]int{}, accepted: map[string]int{}}
}

func (t *tally) add(o *tally) {
	t.migrations, t.values, t.failing = t.migrations+o.migrations, t.values+o.values, t.failing+o.failing
	for _, m := range [][2]map[string]int{{t.refused, o.refused}, {t.invalid, o.invalid}, {t.accepted, o.accepted}} {
		for k, n := range m[1] {
			m[0][k] += n
		}
	}
	t.disagreements = append(t.disagreements, o.disagreements...)
}

func (t *tally) String() string {
	var b strings.Builder
	refused, invalid := total(t.refused), total(t.invalid)
	compiled := t.migrations - refused - invalid
	fmt.Fprintf(&b, "%d migrations: %d compiled, %d refused (%.1f %% of those that CUE takes), %d that CUE refuses; %d values there and back, %d of them refused by both; %d disagreements\n",
		t.migrations, compiled, refused, 100*float64(refused)/float64(max(1, t.migrations-invalid)), invalid, t.values, t.failing, len(t.disagreements))
	for _, m := range []struct {
		name string
		of   map[string]int
	}{{"refused", t.refused}, {"CUE refuses", t.invalid}, {"accepted difference", t.accepted}} {
		for _, k := range slices.SortedFunc(maps.Keys(m.of), func(a, b string) int { return m.of[b] - m.of[a] }) {
			fmt.Fprintf(&b, "  %s %d: %s\n", m.name, m.of[k], k)
		}
	}
	return b.String()
}

func total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// check compares the migrations of some seeds with CUE; values is how many are drawn for each direction.
func check(seeds []uint64, values int) *tally {
	t := newTally()
	var ms []genMigration
	for _, s := range seeds {
		ms = append(ms, drawMigration(s))
	}
	t.migrations = len(ms)
	d := t.evaluate(ms)
	for _, m := range ms {
		if k, ok := d.FindKeyspace(m.name); ok {
			t.keyspace(m, k, values)
		}
	}
	return t
}

// evaluate evaluates the migrations as one spec, leaving out those that are refused.
func (t *tally) evaluate(ms []genMigration) state.Desired {
	ms = slices.Clone(ms)
	tries := map[string]int{}
	for len(ms) > 0 {
		files := fstest.MapFS{"cue.mod/module.cue": {Data: []byte(module)}, "x.cue": {Data: []byte(`package x
import "keyshift.dev/schema"
system: schema.#System
system: stores: main: address: "redis://127.0.0.1:6379"
`)}}
		for _, m := range ms {
			files[m.name+".cue"] = &fstest.MapFile{Data: []byte(m.file())}
		}
		d, err := schema.Evaluate(files, ".")
		if err == nil {
			return d
		}
		var ds state.Diagnostics
		if !errors.As(err, &ds) {
			t.disagreements = append(t.disagreements, fmt.Sprintf("evaluate: %v\n%s", err, ms[0].file()))
			return state.Desired{}
		}
		before := len(ms)
		ms = slices.DeleteFunc(ms, func(m genMigration) bool { return t.refuse(m, ds, tries) })
		if len(ms) == before && !mended(ms, ds, tries) {
			t.disagreements = append(t.disagreements, fmt.Sprintf("a diagnostic of no migration: %v\n%s", ds, ms[0].file()))
			return state.Desired{}
		}
	}
	return state.Desired{}
}

// cueCodes are the codes of what CUE itself finds.
var cueCodes = []string{"arithmetic", "call", "conflict", "cue", "incomplete", "index"}

// refuse counts a migration that has a diagnostic.
func (t *tally) refuse(m genMigration, ds state.Diagnostics, tries map[string]int) bool {
	i := slices.IndexFunc(ds, func(d state.Diagnostic) bool { return d.Pos.File == m.name+".cue" })
	if i < 0 || (ds[i].Code == "vanishes" || ds[i].Code == "drop-used") && tries[m.name] < 12 {
		return false
	}
	reason := ds[i].Code + ": " + digits.ReplaceAllString(ds[i].Message, "N")
	into := t.refused
	if slices.Contains(cueCodes, ds[i].Code) {
		into = t.invalid
	}
	into[reason]++
	if *printRefused {
		fmt.Printf("%s\n%s\n", ds[i], m.file())
	}
	return true
}

var (
	digits  = regexp.MustCompile(`[0-9]+`)
	dropped = regexp.MustCompile(`drop: \["(.*)"\]`)
	quoted  = regexp.MustCompile(`^"(.*)" is dropped`)
)

// mended does what the diagnostics of drop say.
func mended(ms []genMigration, ds state.Diagnostics, tries map[string]int) bool {
	done := false
	for i := range ms {
		for _, d := range ds {
			if d.Pos.File != ms[i].name+".cue" {
				continue
			}
			if f := dropped.FindStringSubmatch(d.Hint); d.Code == "vanishes" && f != nil {
				ms[i].drop = append(slices.Clone(ms[i].drop), f[1])
			} else if f := quoted.FindStringSubmatch(d.Message); f != nil {
				ms[i].drop = slices.DeleteFunc(slices.Clone(ms[i].drop), func(x string) bool { return x == f[1] })
			}
			tries[ms[i].name]++
			done = true
		}
	}
	return done
}

// keyspace compares both directions of one migration.
func (t *tally) keyspace(m genMigration, k state.Keyspace, values int) {
	programs, err := transform.Compile(k)
	if err != nil {
		t.disagreements = append(t.disagreements, fmt.Sprintf("transform.Compile: %v\n%s", err, m.file()))
		return
	}
	d := dice{rand.New(rand.NewPCG(m.seed, 7))}
	t.direction(d, m, k, programs, true, values)
	t.direction(d, m, k, programs, false, values)
}

func (t *tally) direction(d dice, m genMigration, k state.Keyspace, programs *transform.Programs, up bool, values int) {
	o := oracle{source: m.source.t.String(), target: m.target.t.String(), up: up, body: m.up}
	from, to := m.source, m.target
	if !up {
		from, to, o.source, o.target, o.body = to, from, o.target, o.source, m.down
	}
	shapes := k.Shapes
	if !up {
		shapes = []state.Shape{shapes[1], shapes[0]}
	}
	w := from.w
	w.bytes = w.bytes || strings.Contains(from.String(), `: "msgpack"`)
	inputs, keys := make([]input, values), make([]string, values)
	for i := range inputs {
		inputs[i].value = d.value(from.t, w)
		keys[i], inputs[i].key = d.key(from.keys)
	}
	answers, err := o.lazily(inputs)
	if err != nil {
		t.disagreements = append(t.disagreements, fmt.Sprintf("the oracle cannot evaluate: %v\n%s", err, o.text(inputs)))
		return
	}
	before := len(t.disagreements)
	for i, a := range answers {
		if len(t.disagreements) > before {
			return // one of a direction says enough
		}
		t.compare(d, m, shapes, programs, inputs[i], keys[i], to.keys, a)
	}
}

// key draws a key of a pattern.
func (d dice) key(pattern string) (string, map[string]any) {
	segments := map[string]any{}
	key := segmentTypes.ReplaceAllStringFunc(pattern, func(s string) string {
		name, word := segmentTypes.FindStringSubmatch(s), d.of("1", "abc", "é😀", "x y")
		segments[name[1]] = word
		if name[2] == " int" {
			word = d.of("0", "-5", "17", "12345678901234567890")
			segments[name[1]] = number(word)
		}
		return word
	})
	return key, segments
}

// compare converts one unit and compares the result with CUE's answer.
func (t *tally) compare(d dice, m genMigration, shapes []state.Shape, programs *transform.Programs, in input, key, pattern string, want answer) {
	u, err := pack(shapes[0], key, in.value, d.Rand)
	if err != nil || shapes[0].Type == state.Hash && len(u.Fields) == 0 {
		return // no store holds it
	}
	t.values++
	got, err := programs.Convert(u, shapes[0].Version, shapes[1].Version)
	var value any
	if err == nil {
		var errUnpack error
		if value, errUnpack = unpack(shapes[1], got, want.value); errUnpack != nil {
			t.disagreements = append(t.disagreements, fmt.Sprintf("what comes out cannot be read: %v: %q\n%s", errUnpack, got.Text, m.file()))
			return
		}
	}
	wantKey := fillKey(pattern, in.key)
	switch {
	case err != nil && want.err != nil:
		t.failing++
	case err == nil && want.err == nil && same(value, want.value) && got.Key == wantKey:
	default:
		if reason := accepted(m.up+m.down, want, err); reason != "" {
			t.accepted[reason]++
			return
		}
		t.disagreements = append(t.disagreements, fmt.Sprintf("seed %d, %s to %s, key %q:\n  value   %s\n  CUE     %s %v\n  program %s %v (key %q)\n%s",
			m.seed, shapes[0].Version, shapes[1].Version, key, cueText(in.value), plainText(want.value), want.err, plainText(value), err, got.Key, m.file()))
	}
}

// differences are what CUE does and we do not, on purpose. Two more are not seen here: CUE evaluates an operand of && and
// || that does not decide (see lazily), and it keeps the sign of a zero.
var differences = []struct {
	reason string
	is     func(body string, want answer, err error) bool
}{
	{"CUE rounds beyond 34 digits, we refuse: data loses no digits silently", func(_ string, _ answer, err error) bool {
		return err != nil && strings.Contains(err.Error(), "34 digits")
	}},
	{"msgpack has integers of 64 bits and doubles, CUE has any number", func(_ string, want answer, err error) bool {
		return err != nil && want.err == nil && (strings.Contains(err.Error(), "does not fit 64 bits") || strings.Contains(err.Error(), "a double holds"))
	}},
	{"CUE fails for a hidden field or let that no field of the result needs", func(_ string, want answer, err error) bool {
		return err == nil && want.err != nil && helper.MatchString(want.err.Error())
	}},
	{"CUE takes b of *a | b inside a list if a does not fit the target, the unit is invalid here", func(body string, want answer, err error) bool {
		return errors.Is(err, transform.ErrNotTo) && want.err == nil && strings.Contains(body, "(*")
	}},
	{"CUE calls *a | b inside a list or table ambiguous if the target has a default, we take a", func(body string, want answer, err error) bool {
		return err == nil && want.err != nil && strings.Contains(want.err.Error(), "incomplete value") && strings.Contains(body, "(*")
	}},
}

// helper is how CUE's errors name a hidden field.
var helper = regexp.MustCompile(`^u[0-9]+[.](out|#body)[.]_`)

func accepted(body string, want answer, err error) string {
	for _, d := range differences {
		if d.is(body, want, err) {
			return d.reason
		}
	}
	return ""
}
