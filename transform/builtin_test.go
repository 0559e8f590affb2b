package transform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"keyshift.dev/state"
)

func TestEveryBuiltinIsThere(t *testing.T) {
	names := map[string]bool{}
	for _, b := range state.Builtins {
		names[b.Name] = true
		if _, ok := builtin(b.Name); !ok {
			t.Errorf("%s has no implementation", b.Name)
		}
	}
	for _, table := range tables {
		for name := range table {
			if !names[name] {
				t.Errorf("%s is not declared", name)
			}
		}
	}
}

// ordinary and edge arguments of each kind, as CUE has them.
var samples = map[string][]string{
	"string": {`""`, `"a"`, `"Ada Lovelace"`, `"é\u0301𝄞 z"`, `"  x\ty\n"`, `"a,b,,c"`, `","`, `"12"`, `"-0"`, `"+7"`, `"0x1f"`, `"1e3"`, `"99999999999999999999999999999999999999999"`,
		`"true"`, `"T"`, `"1h2m3.5s"`, `"2006-01-02T15:04:05Z"`, `"2024-02-30T00:00:00Z"`, `"2024-02-29T23:59:59.123456789+02:00"`, `"15:04"`,
		`"{\"b\": [1, 2.50, null], \"a\": \"<é\\u2028>\"}"`, `"[1"`, `"-0.0 5"`, `"(?P<x>[a-z])(.?)"`, `"["`, `"$x-${1}"`, `"aGk="`, `"6869"`, `"zz"`, `"AbC"`},
	"bytes":  {`''`, `'ab\xff'`, `'hi'`},
	"int":    {`0`, `1`, `-1`, `2`, `3`, `10`, `16`, `36`, `63`, `64`, `255`, `1114112`, `-9223372036854775808`, `9223372036854775808`, `123456789012345678901234567890123456789`, `1700000000`},
	"number": {`0.0`, `1.0`, `-1.5`, `2.5`, `0.1`, `1e3`, `1.50`, `-0.0`, `1e-7`, `123456789.123456789`, `1e22`, `12345678901234567890123456789012345.5`},
	"bool":   {`true`, `false`},
	"list":   {`[]`, `[1]`, `[3, 1.5, 2]`, `["b", "a", "ab"]`, `["a", "a"]`, `[1, 1.0]`, `[[1, [2]], [], [[3]]]`, `[{a: 1}, {a: 1}]`, `[1, "a"]`, `[null, true]`},
	"struct": {`{}`, `{a: 1}`, `{a: {b: "x"}}`},
	"any":    {`null`, `true`},
}

// candidates are the arguments to try for a parameter.
func candidates(param string) []string {
	var out []string
	for _, kind := range strings.Split(param, "|") {
		out = append(out, samples[kind]...)
		switch kind {
		case "number":
			out = append(out, samples["int"]...)
		case "any":
			for _, k := range []string{"list", "struct"} {
				out = append(out, samples[k]...)
			}
			out = append(out, `"x"`, `"e"`, `102`, `1.5`, `'b'`)
		}
	}
	return out
}

// numerals are texts, bases and sizes at which reading an integer changes.
func numerals() (out [][]string) {
	for _, s := range []string{`"0"`, `"-1"`, `"127"`, `"128"`, `"-128"`, `"-129"`, `"ff"`, `"0xff"`, `"1_0"`, `"zZ"`, `"99999999999999999999"`, `""`, `"x"`} {
		for _, base := range []string{"0", "2", "10", "16", "36", "62", "63", "-1", "1"} {
			for _, bits := range []string{"0", "1", "8", "64", "-1"} {
				out = append(out, []string{s, base, bits})
			}
		}
	}
	return out
}

var ranges = [][]string{{"0", "5", "1"}, {"0", "5", "2"}, {"5", "0", "-1"}, {"0", "1", "0.25"}, {"0", "5", "0"}, {"5", "0", "1"}, {"0", "5", "-1"},
	{"1.0", "3.5", "1"}, {"3", "3", "1"}, {"-3", "3", "2"}, {"9223372036854775807", "9223372036854775810", "1"}}

// argumentLists returns lists of arguments: all for few, a spread of them for many.
func argumentLists(b state.Builtin) [][]string {
	if b.Name == "list.Range" { // CUE makes as many elements as it is asked for
		return ranges
	}
	if b.Name == "math.Jn" || b.Name == "math.Yn" { // its work grows with the order
		return [][]string{{"0", "1.5"}, {"2", "0.5"}, {"-3", "7"}, {"63", "10.25"}, {"2", "-1.0"}}
	}
	if b.Name == "strconv.FormatFloat" {
		return [][]string{{"1.5", `"e"`, "2", "64"}, {"0.1", "102", "-1", "32"}, {"1e22", `"g"`, "-1", "64"}, {"-0.0", `"f"`, "0", "64"}, {"1", `"x"`, "1", "64"}, {"1", `"ff"`, "1", "64"}, {"1", "256", "1", "64"}, {"1", `"f"`, "1", "7"}}
	}
	if b.Name == "math.Pow10" { // CUE writes all the digits of a large one
		return [][]string{{"0"}, {"1"}, {"3"}, {"-7"}, {"40"}}
	}
	if b.Name == "time.FormatString" {
		return [][]string{{`"2006-01-02"`, `"2024-02-29T23:59:59.123456789+02:00"`}, {`"Mon é"`, `"2006-01-02T15:04:05Z"`}, {`"15"`, `"2024-02-30T00:00:00Z"`}, {`""`, `"2006-01-02T15:04:05Z"`}}
	}
	if b.Name == "strconv.ParseInt" || b.Name == "strconv.ParseUint" {
		return numerals()
	}
	params := strings.Fields(b.Params)
	lists := [][]string{nil}
	for _, p := range params {
		var next [][]string
		for i, l := range lists {
			for j, c := range candidates(p) {
				if len(params) > 2 && (i*7+j*3)%11 > 1 {
					continue
				}
				next = append(next, append(append([]string{}, l...), c))
			}
		}
		lists = next
	}
	step := len(lists)/100 + 1
	var out [][]string
	for i := 0; i < len(lists); i += step {
		out = append(out, lists[i])
	}
	return out
}

// Each builtin returns what CUE's returns, and fails where that fails.
func TestBuiltinsAgreeWithCUE(t *testing.T) {
	ctx := cuecontext.New()
	for _, b := range state.Builtins {
		if sorts(b.Name) {
			continue
		}
		t.Run(strings.ReplaceAll(b.Name, "/", "."), func(t *testing.T) {
			both := 0
			for _, args := range argumentLists(b) {
				if compareBuiltin(t, ctx, b, args) {
					both++
				}
			}
			if both == 0 {
				t.Error("no arguments for which it returns a value")
			}
		})
	}
}

// compareBuiltin runs one call on both sides, and tells whether both returned a value.
func compareBuiltin(t *testing.T, ctx *cue.Context, b state.Builtin, args []string) bool {
	path, name := "", b.Name
	if i := strings.LastIndex(b.Name, "."); i >= 0 {
		path, name = b.Name[:i], b.Name[strings.LastIndex(b.Name[:i], "/")+1:]
	}
	source := fmt.Sprintf("out: %s(%s)", name, strings.Join(args, ", "))
	if path != "" {
		source = fmt.Sprintf("import %q, ", path) + source
	}
	want, wantErr := cueValue(ctx.CompileString(source).LookupPath(cue.ParsePath("out")))
	e := state.Expr{Op: state.OpCall, Name: b.Name}
	for _, a := range args {
		v, err := cueValue(ctx.CompileString(a))
		if err != nil {
			t.Fatal(a, err)
		}
		e.Args = append(e.Args, lit(v))
	}
	got, err := evaluateAny(e)
	switch {
	case err == nil && wantErr == nil:
		if !sameValue(want, got) {
			t.Errorf("%s is %s, CUE says %s", source, Text(got), Text(want))
		}
		return true
	case err != nil && wantErr == nil && refused(b.Name, err, want):
	case (err == nil) != (wantErr == nil):
		t.Errorf("%s is %s, %v; CUE says %s, %v", source, Text(got), err, Text(want), wantErr)
	}
	return false
}

// refused tells whether a failure is one where CUE rounds, or returns what no unit can hold.
func refused(name string, err error, want state.Value) bool {
	text := err.Error()
	for _, e := range []error{errDigits, errHuge, errNaN, errWork, errPattern} {
		if strings.Contains(text, e.Error()) {
			return true
		}
	}
	return false
}

// sameValue compares numbers by their size, kind and spelling, all else by content.
func sameValue(a, b state.Value) bool {
	if a.Kind == state.Number && b.Kind == state.Number {
		x, xErr := strconv.ParseFloat(a.Text, 64)
		y, yErr := strconv.ParseFloat(b.Text, 64)
		return a.Text == b.Text || xErr == nil && yErr == nil && x == y && sameScalar(a, b)
	}
	if a.Kind != b.Kind || len(a.List) != len(b.List) || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.List {
		if !sameValue(a.List[i], b.List[i]) {
			return false
		}
	}
	for i := range a.Fields {
		if a.Fields[i].Name != b.Fields[i].Name || !sameValue(a.Fields[i].Value, b.Fields[i].Value) {
			return false
		}
	}
	return len(a.List)+len(a.Fields) > 0 || sameScalar(a, b)
}

// evaluateAny computes an expression that reads nothing.
func evaluateAny(e state.Expr) (state.Value, error) {
	c := compiler{source: &shape{value: &typ{}}, reads: map[string]bool{}}
	x, err := c.expr(e, nil)
	if err != nil {
		return state.Value{}, err
	}
	env := env{room: new(Room), vars: make([]value, c.vars)}
	v, err := env.eval(x)
	if err != nil {
		return state.Value{}, err
	}
	return v.state()
}

// cueValue reads a concrete value of CUE.
func cueValue(v cue.Value) (out state.Value, err error) {
	if err := v.Validate(cue.Concrete(true), cue.Final()); err != nil {
		return out, err
	}
	switch v.Kind() {
	case cue.NullKind:
		out.Kind = state.Null
	case cue.BoolKind:
		out.Kind = state.Bool
		out.Bool, err = v.Bool()
	case cue.IntKind:
		d, err := v.Decimal() // Int panics on 1E+3
		if err != nil {
			return out, err
		}
		return state.Value{Kind: state.Int, Text: d.Text('f')}, nil
	case cue.FloatKind, cue.NumberKind:
		d, err := v.Decimal()
		if err != nil {
			return out, err
		}
		return state.Value{Kind: state.Number, Text: d.String()}, nil
	case cue.StringKind:
		out.Kind = state.Str
		out.Text, err = v.String()
	case cue.BytesKind:
		out.Kind = state.Bytes
		out.Bytes, err = v.Bytes()
	case cue.ListKind:
		out.Kind = state.Array
		for i, _ := v.List(); i.Next(); {
			x, err := cueValue(i.Value())
			if err != nil {
				return out, err
			}
			out.List = append(out.List, x)
		}
	case cue.StructKind:
		out.Kind = state.Struct
		for i, _ := v.Fields(); i.Next(); {
			x, err := cueValue(i.Value())
			if err != nil {
				return out, err
			}
			out.Fields = append(out.Fields, state.FieldValue{Name: i.Selector().Unquoted(), Value: x})
		}
		sortFields(out.Fields)
	}
	return out, err
}

func sortFields(fields []state.FieldValue) {
	slices.SortFunc(fields, func(a, b state.FieldValue) int { return strings.Compare(a.Name, b.Name) })
}
