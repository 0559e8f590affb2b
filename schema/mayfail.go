package schema

import (
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"

	"keyshift.dev/state"
)

// warnOfFloat says so if an expression that may be a float stands where an int must: the units where it is one stay.
func (d *direction) warnOfFloat(e ast.Expr, x compiled, g goal) {
	want := kindsOf(g.typ)
	if d.lenient > 0 || x.kinds.vague() || x.kinds&^want != kindFloat || x.kinds&want&kindInt == 0 {
		return
	}
	version := string(d.target.Version)
	w := state.Diagnostic{Code: "may-fail", Pos: position(e.Pos()), Path: printPath(sub(d.path, g.path...)),
		Message: "this is " + x.kinds.one() + ", and " + version + " wants " + want.String() + ": a unit where it is no int cannot be converted",
		Hint:    "round it with math.Round, math.Floor or div, or declare a number in " + version}
	if !slices.ContainsFunc(d.r.desired.Warnings, func(o state.Diagnostic) bool { return o.Code == w.Code && o.Pos == w.Pos }) {
		d.r.desired.Warnings = append(d.r.desired.Warnings, w)
	}
}

// parsers are the builtins that read a text, and whether they take one.
var parsers = map[string]func(text string) error{
	"strconv.ParseBool": func(text string) error { _, err := strconv.ParseBool(text); return err },
	"strconv.Atoi":      func(text string) error { _, err := strconv.Atoi(text); return err },
}

// parses says so if a builtin cannot read a single one of the words that its argument may be.
func (d *direction) parses(e *ast.CallExpr, name string, args []compiled) bool {
	parse, ok := parsers[name]
	if !ok || d.lenient > 0 {
		return true
	}
	all, finite := words(args[0].typed())
	if !finite || slices.ContainsFunc(all, func(w string) bool { return parse(w) == nil }) {
		return true
	}
	var quoted []string
	for _, w := range all {
		quoted = append(quoted, strconv.Quote(w))
	}
	d.fail(e.Args[0].Pos(), "wrong-kind", name+" reads none of what this may be: "+strings.Join(quoted, ", "),
		"compare instead (x == "+quoted[0]+"), or look it up in a table: {"+quoted[0]+": …}[x]")
	return false
}
