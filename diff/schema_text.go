package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"keyshift.dev/state"
)

// textLimit bounds the runes of one type or expression in a comparison.
const textLimit = 80

// TypeText prints a type on one short line, as CUE has it.
func TypeText(t state.Type) string { return shorten(typeText(t), textLimit) }

// ExprText prints an expression on one short line, much as CUE has it; parts of the source unit go by their paths.
func ExprText(e state.Expr) string { return shorten(exprText(e), textLimit) }

func shorten(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

func fieldText(f state.Field) string {
	switch {
	case f.Forbidden:
		return "must not be there"
	case f.Optional:
		return "optional " + TypeText(f.Type)
	}
	return TypeText(f.Type)
}

func typeText(t state.Type) string {
	if t.IsAny() {
		return "_"
	}
	var parts []string
	marked := t.Default == nil
	for _, a := range t.Alts {
		text := altText(a)
		if !marked && a.Const != nil && state.DefinitionDigest(*a.Const) == state.DefinitionDigest(*t.Default) {
			text, marked = "*"+text, true
		}
		parts = append(parts, text)
	}
	if !marked {
		parts = append([]string{"*" + valueText(*t.Default)}, parts...)
	}
	return strings.Join(parts, " | ")
}

func altText(a state.Alt) string {
	switch {
	case a.Const != nil:
		return valueText(*a.Const)
	case a.Kind == state.Struct:
		return structText(a)
	case a.Kind == state.Array:
		return arrayText(a)
	}
	parts := []string{string(a.Kind)}
	if len(a.Bounds)+len(a.Match)+len(a.NoMatch) > 0 && a.Kind != state.Int {
		parts = nil // the constraint says the kind
	}
	for _, b := range a.Bounds {
		parts = append(parts, b.Op+b.Value)
	}
	for _, m := range a.Match {
		parts = append(parts, "=~"+strconv.Quote(m))
	}
	for _, m := range a.NoMatch {
		parts = append(parts, "!~"+strconv.Quote(m))
	}
	return strings.Join(append(parts, lengthText("strings.%sRunes(%s)", a.Len)...), " & ")
}

func lengthText(format string, bounds []state.Bound) []string {
	var parts []string
	for _, b := range bounds {
		word := "Max"
		if b.Op == ">=" {
			word = "Min"
		}
		parts = append(parts, fmt.Sprintf(format, word, b.Value))
	}
	return parts
}

func structText(a state.Alt) string {
	var parts []string
	for _, f := range a.Fields {
		mark, text := "", typeText(f.Type)
		switch {
		case f.Forbidden:
			mark, text = "?", "_|_"
		case f.Optional:
			mark = "?"
		}
		parts = append(parts, pathText([]string{f.Name})+mark+": "+text)
	}
	if a.Open && a.Rest != nil {
		parts = append(parts, "[string]: "+typeText(*a.Rest))
	} else if a.Open {
		parts = append(parts, "...")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// restText says what may stand beside the declared fields.
func restText(a state.Alt) string {
	switch {
	case !a.Open:
		return "closed"
	case a.Rest == nil:
		return "open"
	}
	return "[string]: " + TypeText(*a.Rest)
}

func arrayText(a state.Alt) string {
	var parts []string
	for _, t := range a.Items {
		parts = append(parts, typeText(t))
	}
	switch {
	case a.Fixed:
	case a.Elem == nil || a.Elem.IsAny():
		parts = append(parts, "...")
	default:
		elem := typeText(*a.Elem)
		if len(a.Elem.Alts) > 1 {
			elem = "(" + elem + ")"
		}
		parts = append(parts, "..."+elem)
	}
	text := "[" + strings.Join(parts, ", ") + "]"
	return strings.Join(append([]string{text}, lengthText("list.%sItems(%s)", a.Len)...), " & ")
}

func valueText(v state.Value) string {
	switch v.Kind {
	case state.Null:
		return "null"
	case state.Bool:
		return strconv.FormatBool(v.Bool)
	case state.Str:
		return strconv.Quote(v.Text)
	case state.Bytes:
		return "'" + strings.Trim(strconv.Quote(string(v.Bytes)), `"`) + "'"
	case state.Array:
		var parts []string
		for _, e := range v.List {
			parts = append(parts, valueText(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case state.Struct:
		var parts []string
		for _, f := range v.Fields {
			parts = append(parts, pathText([]string{f.Name})+": "+valueText(f.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return v.Text
}

// infix are the operators that stand between their operands.
var infix = []state.Op{state.OpAdd, state.OpSub, state.OpMul, state.OpQuotient, state.OpEq, state.OpNe, state.OpLt, state.OpLe, state.OpGt,
	state.OpGe, state.OpMatch, state.OpNoMatch, state.OpAnd, state.OpOr}

func exprText(e state.Expr) string {
	var args []string
	for _, a := range e.Args {
		args = append(args, exprText(a))
	}
	switch {
	case len(args) == 2 && slices.Contains(infix, e.Op):
		return operand(e.Args[0]) + " " + string(e.Op) + " " + operand(e.Args[1])
	case len(args) == 1 && (e.Op == state.OpSub || e.Op == state.OpNot):
		return string(e.Op) + operand(e.Args[0])
	}
	switch e.Op {
	case state.OpLit:
		if e.Lit == nil {
			return "null"
		}
		return valueText(*e.Lit)
	case state.OpPath:
		return pathText(e.Path)
	case state.OpKey:
		return "#key." + strings.Join(e.Path, ".")
	case state.OpVar:
		return strings.Join(append([]string{e.Name}, e.Path...), ".")
	case state.OpHas:
		return strings.Join(append(args, pathOf(e)...), "") + " is there"
	case state.OpConcat:
		return concatText(e)
	case state.OpElse:
		return strings.Join(args, " or else ")
	case state.OpIndex:
		return strings.Join(args, "[") + "]"
	case state.OpList:
		return "[…]"
	case state.OpStruct:
		return "{…}"
	case state.OpCall:
		return e.Name + "(" + strings.Join(args, ", ") + ")"
	}
	return string(e.Op) + "(" + strings.Join(args, ", ") + ")"
}

func pathOf(e state.Expr) []string {
	if len(e.Args) > 0 {
		return nil
	}
	return []string{pathText(e.Path)}
}

// operand puts parentheses around what has an operator itself.
func operand(e state.Expr) string {
	if len(e.Args) == 2 && slices.Contains(infix, e.Op) || e.Op == state.OpElse {
		return "(" + exprText(e) + ")"
	}
	return exprText(e)
}

func concatText(e state.Expr) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, a := range e.Args {
		if a.Op == state.OpLit && a.Lit != nil && a.Lit.Kind == state.Str {
			quoted := strconv.Quote(a.Lit.Text)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteString(`\(` + exprText(a) + ")")
	}
	b.WriteByte('"')
	return b.String()
}

// ttlText prints a rule for the time to live.
func ttlText(t *state.TTL) string {
	if t == nil {
		return "none"
	}
	var parts []string
	for _, x := range []struct {
		name string
		ms   int64
	}{{"min", t.Min}, {"max", t.Max}, {"set", t.Set}} {
		if x.ms != 0 {
			parts = append(parts, fmt.Sprintf("%s %s", x.name, duration(x.ms)))
		}
	}
	if len(parts) == 0 {
		return "any"
	}
	return strings.Join(parts, ", ")
}

// duration prints milliseconds without units that are zero: 24h, 1h30m.
func duration(ms int64) string {
	s := (time.Duration(ms) * time.Millisecond).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
