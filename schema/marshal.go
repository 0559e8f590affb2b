package schema

import (
	"slices"
	"strconv"

	"cuelang.org/go/cue/ast"

	"keyshift.dev/state"
)

// marshal writes out json.Marshal of a struct, whose fields are in the text in the order of their declaration: a
// program knows no order of fields. What has no declared order is refused.
func (d *direction) marshal(e ast.Expr, x compiled) (state.Expr, bool) {
	t := x.typed()
	if !hasStructs(t) {
		return state.Expr{Op: state.OpCall, Name: "encoding/json.Marshal", Args: []state.Expr{x.expr}, Pos: position(e.Pos())}, true
	}
	whole := x.expr.Op == state.OpPath && len(x.expr.Path) == 0 // whose fields CUE orders as the unit does
	if a, ok := single(t); ok && !a.Open && !hasKeys(x.expr) && (!whole || len(a.Fields) == 1) {
		return d.marshalStruct(e, x, a)
	}
	if kindsOf(t) == kindList && (x.expr.Op == state.OpPath || x.expr.Op == state.OpVar || x.expr.Op == state.OpCall) {
		d.bound++
		v := variable{"item" + strconv.Itoa(d.bound), elementsOf(t)}
		elem, ok := d.marshal(e, compiled{expr: state.Expr{Op: state.OpVar, Name: v.name}, kinds: kindsOf(v.typ), typ: &v.typ, ok: true})
		loop := state.Clause{For: &x.expr, Value: v.name}
		return withCommas("[", []state.ItemExpr{{Clauses: []state.Clause{loop}, Value: elem}}, "]"), ok
	}
	d.cannot(e.Pos(), "the JSON of a value whose fields have no declared order", "declare its fields, or marshal them one by one")
	return state.Expr{}, false
}

func (d *direction) marshalStruct(e ast.Expr, x compiled, a state.Alt) (state.Expr, bool) {
	var items []state.ItemExpr
	for _, f := range a.Fields {
		if f.Forbidden {
			continue
		}
		isPart := x.expr.Op == state.OpPath || x.expr.Op == state.OpVar
		field := d.selectFrom(e, x, f.Name)
		if f.Optional && !isPart || !field.ok {
			d.cannot(e.Pos(), "the JSON of a struct whose fields have conditions", "marshal a part of the unit")
			return state.Expr{}, false
		}
		var item state.ItemExpr
		if f.Optional {
			has := state.Expr{Op: state.OpHas, Args: []state.Expr{field.expr}}
			if field.expr.Op == state.OpPath {
				has = state.Expr{Op: state.OpHas, Path: slices.Clone(field.expr.Path)}
			}
			item.Clauses = []state.Clause{{If: &has}}
		}
		value, ok := d.marshal(e, field)
		if !ok {
			return state.Expr{}, false
		}
		name := state.Expr{Op: state.OpCall, Name: "encoding/json.Marshal", Args: []state.Expr{text(f.Name)}}
		item.Value = state.Expr{Op: state.OpConcat, Args: []state.Expr{name, text(":"), value}}
		items = append(items, item)
	}
	return withCommas("{", items, "}"), true
}

// withCommas makes a text of items that stand between commas.
func withCommas(open string, items []state.ItemExpr, end string) state.Expr {
	list := state.Expr{Op: state.OpList, Items: items}
	join := state.Expr{Op: state.OpCall, Name: "strings.Join", Args: []state.Expr{list, text(",")}}
	return state.Expr{Op: state.OpConcat, Args: []state.Expr{text(open), join, text(end)}}
}

// hasStructs tells whether a struct of declared fields may be in a value, so that their order shows in its JSON.
func hasStructs(t state.Type) bool {
	return slices.ContainsFunc(t.Alts, func(a state.Alt) bool {
		return a.Kind == state.Struct && len(a.Fields) > 0 || a.Rest != nil && hasStructs(*a.Rest) ||
			a.Elem != nil && hasStructs(*a.Elem) || slices.ContainsFunc(a.Items, hasStructs)
	})
}
