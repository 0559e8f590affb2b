package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"

	"keyshift.dev/state"
)

// call compiles a call of a builtin.
func (d *direction) call(e *ast.CallExpr) compiled {
	name, ok := callee(e)
	if !ok {
		d.cannot(e.Pos(), "this call", "call a builtin of CUE's strings, strconv, list, math, regexp, time or encoding packages")
		return compiled{}
	}
	if op, ok := integers[name]; ok {
		return d.integer(e, op)
	}
	b, ok := state.FindBuiltin(name)
	if !ok {
		d.cannot(e.Pos(), "a call of "+name, "use another builtin of strings, strconv, list, math, regexp, time, encoding/json, base64 or hex")
		return compiled{}
	}
	if len(e.Args) != b.Arity() {
		d.fail(e.Pos(), "wrong-kind", fmt.Sprintf("%s takes %d arguments, and there are %d", name, b.Arity(), len(e.Args)), "a constraint like "+name+" belongs into the type of the version")
		return compiled{}
	}
	if slices.Contains(sorts, name) {
		return d.sort(e, name)
	}
	args, ok := d.arguments(e, b)
	if !ok || !d.parses(e, name, args) {
		return compiled{}
	}
	switch name {
	case "encoding/json.Marshal":
		text, ok := d.marshal(e, args[0])
		return compiled{expr: text, kinds: kindString, ok: ok}
	case "encoding/json.MarshalStream":
		if hasStructs(args[0].typed()) {
			d.cannot(e.Pos(), "the JSON of a stream of structs, whose fields have no order in a program,", "marshal its elements one by one")
			return compiled{}
		}
	}
	out := of(d.node(state.OpCall, e.Pos(), args...), resultOf(b, args))
	out.expr.Name = name
	return out
}

// callee returns the full name of what is called: "strings.ToUpper", "encoding/json.Marshal", "len".
func callee(e *ast.CallExpr) (string, bool) {
	switch f := bare(e.Fun).(type) {
	case *ast.Ident:
		return f.Name, f.Node == nil
	case *ast.SelectorExpr:
		x, _ := f.X.(*ast.Ident)
		name, _, err := ast.LabelName(f.Sel)
		if x == nil || err != nil {
			return "", false
		}
		spec, _ := x.Node.(*ast.ImportSpec)
		if spec == nil {
			return "", false
		}
		path, err := strconv.Unquote(spec.Path.Value)
		return path + "." + name, err == nil
	}
	return "", false
}

// arguments compiles the arguments of a builtin and checks their kinds.
func (d *direction) arguments(e *ast.CallExpr, b state.Builtin) (args []compiled, ok bool) {
	ok = true
	for i, param := range strings.Fields(b.Params) {
		if b.Name == "list.SortStrings" {
			d.sorted = e.Args[i]
		}
		x := d.compile(e.Args[i])
		ok = ok && x.ok
		args = append(args, x)
		want := parseKinds(param)
		if !x.ok || x.kinds.within(want) || x.kinds&want != 0 && (x.kinds.vague() || x.kinds.within(want|kindFloat)) {
			continue
		}
		ok = false
		d.fail(e.Args[i].Pos(), "wrong-kind", "argument "+strconv.Itoa(i+1)+" of "+b.Name+" is "+want.one()+", and this is "+x.kinds.one(),
			"change the argument, or its type in the version")
	}
	if ok && strings.HasPrefix(b.Name, "regexp.") && b.Name != "regexp.QuoteMeta" && b.Name != "regexp.Valid" {
		ok = d.expression(e.Args[0], args[0])
	}
	return args, ok
}

// sorts take a comparator as second argument.
var sorts = []string{"list.Sort", "list.SortStable", "list.IsSorted"}

// orders are the comparators that the list package has.
var orders = map[string]state.Op{"Ascending": state.OpLt, "Descending": state.OpGt}

// sort compiles a call whose second argument is a comparator, which becomes an expression on the variables x and y.
func (d *direction) sort(e *ast.CallExpr, name string) compiled {
	d.sorted = e.Args[0]
	x := d.compile(e.Args[0])
	if !x.ok {
		return compiled{}
	}
	if x.kinds&kindList == 0 || !x.kinds.within(kindList) && !x.kinds.vague() {
		d.fail(e.Args[0].Pos(), "wrong-kind", name+" takes a list, and this is "+x.kinds.one(), "give it a list")
		return compiled{}
	}
	less := d.comparator(e.Args[1], elementsOf(x.typed()))
	if !less.ok {
		return compiled{}
	}
	out := of(d.node(state.OpCall, e.Pos(), x, less), x.typed())
	if name == "list.IsSorted" {
		out = of(out.expr, only(state.Bool))
	} else {
		out = of(out.expr, listOf(elementsOf(x.typed())))
	}
	out.expr.Name = name
	return out
}

func (d *direction) comparator(e ast.Expr, elem state.Type) compiled {
	if sel, ok := bare(e).(*ast.SelectorExpr); ok {
		if x, _ := sel.X.(*ast.Ident); x != nil {
			spec, _ := x.Node.(*ast.ImportSpec)
			name, _, _ := ast.LabelName(sel.Sel)
			if op, known := orders[name]; known && spec != nil && spec.Path.Value == `"list"` {
				return d.natural(e, op, elem)
			}
		}
	}
	if inner, ok := d.expand(e); ok {
		return d.comparator(inner, elem)
	}
	lit, ok := bare(e).(*ast.StructLit)
	if !ok {
		d.cannot(e.Pos(), "this comparator", "use list.Ascending, list.Descending, or {x: _, y: _, less: x.a < y.a}")
		return compiled{}
	}
	return d.less(lit, elem)
}

func (d *direction) natural(e ast.Expr, op state.Op, elem state.Type) compiled {
	if k := kindsOf(elem); !k.within(kindNumber) && !k.within(kindString) && !k.vague() {
		d.fail(e.Pos(), "wrong-kind", source(e)+" compares numbers or strings, and these are a "+k.String(), "give a comparator: {x: _, y: _, less: x.a < y.a}")
		return compiled{}
	}
	x, y := state.Expr{Op: state.OpVar, Name: "x"}, state.Expr{Op: state.OpVar, Name: "y"}
	return compiled{expr: state.Expr{Op: op, Args: []state.Expr{x, y}, Pos: position(e.Pos())}, kinds: kindBool, ok: true}
}

// less compiles {x: _, y: _, less: …}.
func (d *direction) less(lit *ast.StructLit, elem state.Type) compiled {
	var less ast.Expr
	for _, decl := range lit.Elts {
		f, ok := decl.(*ast.Field)
		if !ok {
			continue
		}
		switch name, _, _ := ast.LabelName(f.Label); name {
		case "x", "y":
			d.vars[f.Value] = variable{name, elem}
			defer delete(d.vars, ast.Node(f.Value))
		case "less":
			less = f.Value
		}
	}
	if less == nil || d.comparing {
		d.cannot(lit.Pos(), "this comparator", "write {x: _, y: _, less: x.a < y.a}, and none inside another")
		return compiled{}
	}
	d.comparing = true
	defer func() { d.comparing = false }()
	out := d.compile(less)
	if out.ok && out.kinds != kindBool {
		d.fail(less.Pos(), "wrong-kind", "less is "+out.kinds.one()+", not a bool", "compare x with y")
		return compiled{}
	}
	return out
}

// results are the types of the builtins of which more is known than the kind.
var results = map[string]func(args []compiled) state.Type{
	"strings.Runes": listOfKind(state.Int), "strings.Split": listOfKind(state.Str), "strings.SplitN": listOfKind(state.Str),
	"strings.SplitAfter": listOfKind(state.Str), "strings.SplitAfterN": listOfKind(state.Str), "strings.Fields": listOfKind(state.Str),
	"strings.ByteSlice": kindOnly(state.Bytes), "encoding/hex.Decode": kindOnly(state.Bytes), "encoding/base64.Decode": kindOnly(state.Bytes),
	"list.Drop": sameElements, "list.Take": sameElements, "list.Slice": sameElements, "list.Reverse": sameElements, "list.Repeat": sameElements,
	"list.SortStrings": listOfKind(state.Str), "list.Range": rangeOf, "list.Concat": concatenated,
	"list.Sum": sumOf, "list.Max": sumOf, "list.Min": sumOf, "list.Product": sumOf,
	"math.Abs": intOfInts, "math.Dim": intOfInts,
	"regexp.FindAll": listOfKind(state.Str), "regexp.FindSubmatch": listOfKind(state.Str),
	"regexp.FindAllSubmatch":      func([]compiled) state.Type { return listOf(listOf(only(state.Str))) },
	"regexp.FindNamedSubmatch":    func([]compiled) state.Type { return mapOf(state.Str) },
	"regexp.FindAllNamedSubmatch": func([]compiled) state.Type { return listOf(mapOf(state.Str)) },
	"time.Split":                  func([]compiled) state.Type { return timeParts },
}

// resultOf returns the type of what a builtin gives.
func resultOf(b state.Builtin, args []compiled) state.Type {
	if f, ok := results[b.Name]; ok {
		return f(args)
	}
	return typeOfKinds(parseKinds(b.Result))
}

func kindOnly(k state.Kind) func([]compiled) state.Type {
	return func([]compiled) state.Type { return only(k) }
}

func listOfKind(k state.Kind) func([]compiled) state.Type {
	return func([]compiled) state.Type { return listOf(only(k)) }
}

func mapOf(k state.Kind) state.Type {
	t := only(k)
	return state.Type{Alts: []state.Alt{{Kind: state.Struct, Open: true, Rest: &t}}}
}

func sameElements(args []compiled) state.Type { return listOf(elementsOf(args[0].typed())) }

func concatenated(args []compiled) state.Type {
	return listOf(elementsOf(elementsOf(args[0].typed())))
}

func rangeOf(args []compiled) state.Type { return listOf(intOfInts(args)) }

func intOfInts(args []compiled) state.Type {
	if slices.ContainsFunc(args, func(a compiled) bool { return a.kinds != kindInt }) {
		return only(state.Number)
	}
	return only(state.Int)
}

// sumOf is an int of a list of ints.
func sumOf(args []compiled) state.Type {
	if kindsOf(elementsOf(args[0].typed())) == kindInt {
		return only(state.Int)
	}
	return only(state.Number)
}

var timeParts = func() state.Type {
	a := state.Alt{Kind: state.Struct}
	for _, name := range []string{"year", "month", "day", "hour", "minute", "second", "nanosecond"} {
		a.Fields = append(a.Fields, state.Field{Name: name, Type: only(state.Int)})
	}
	return state.Type{Alts: []state.Alt{a}}
}()
