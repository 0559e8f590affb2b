package schema

import (
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"

	"keyshift.dev/state"
)

// Comment stands in formatted CUE above the field at a path of a #value, above the whole if Path is empty. The elements
// of a list are at the name "*".
type Comment struct {
	Path []string
	Text string // one or several lines
}

// FormatVersion prints a version as a user would write it, formatted as `cue fmt` does:
//
//	{keys: "session:<id>", type: "hash", #value: {user_id: int, plan: *"free" | "pro"}}
//
// It may refer to CUE's packages strings and list, see FormatImports. What Evaluate makes of it is the same shape.
func FormatVersion(s state.Shape) string { return FormatCommented(s, nil) }

// FormatCommented is FormatVersion with comments.
func FormatCommented(s state.Shape, comments []Comment) string {
	p := printer{comments: comments}
	fields := []string{"keys: " + quote(s.Keys)}
	redis, isMap := string(s.Type), s.Type == state.Map
	if isMap {
		redis = string(state.Hash)
	}
	fields = append(fields, "type: "+quote(redis))
	if isMap {
		fields = append(fields, "map: true")
	}
	if s.Encoding != "" && (s.Encoding != state.Text || s.Type == state.String) && s.Type != state.Document {
		fields = append(fields, "encoding: "+quote(string(s.Encoding)))
	}
	if len(s.Encodings) > 0 {
		var parts []string
		for _, e := range s.Encodings {
			parts = append(parts, labelText(e.Field)+": "+quote(string(e.Encoding)))
		}
		fields = append(fields, "encodings: {"+strings.Join(parts, ", ")+"}")
	}
	if ttl := formatTTL(s.TTL); ttl != "" {
		fields = append(fields, "ttl: "+ttl)
	}
	fields = append(fields, p.comment(nil)+"#value: "+p.typ(nil, s.Value))
	text := formatted("x: "+braces(fields, len(comments) > 0), "x: ")
	if len(comments) == 0 {
		return text
	}
	return strings.Replace(text, "{\n\n", "{\n", 1)
}

// FormatImports lists the packages of CUE's library that the printed version refers to.
func FormatImports(s state.Shape) []string {
	var out []string
	walkTypes(s.Value, func(a state.Alt) {
		switch {
		case len(a.Len) > 0 && a.Kind == state.Str:
			out = append(out, "strings")
		case len(a.Len) > 0:
			out = append(out, "list")
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// walkTypes calls f for every alternative in a type.
func walkTypes(t state.Type, f func(state.Alt)) {
	for _, a := range t.Alts {
		f(a)
		for _, field := range a.Fields {
			walkTypes(field.Type, f)
		}
		for _, item := range a.Items {
			walkTypes(item, f)
		}
		for _, inner := range []*state.Type{a.Elem, a.Rest} {
			if inner != nil {
				walkTypes(*inner, f)
			}
		}
	}
}

// formatted is a field as CUE's formatter prints it, without what stands before its value.
func formatted(source, before string) string {
	out, err := format.Source([]byte(source))
	if err != nil {
		return strings.TrimPrefix(source, before) // not laid out, and still what was meant
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(out), before), "\n")
}

// maxLine is how long a struct on one line may be.
const maxLine = 110

// braces puts fields into a struct: on one line if that is short enough.
func braces(fields []string, lines bool) string {
	one := "{" + strings.Join(fields, ", ") + "}"
	if !lines && len(one) <= maxLine && !strings.Contains(one, "\n") {
		return one
	}
	return "{\n" + strings.Join(fields, "\n") + "\n}"
}

// printer prints types.
type printer struct {
	comments []Comment
}

// comment returns the comments at a path, each line on its own.
func (p printer) comment(path []string) string {
	var b strings.Builder
	for _, c := range p.comments {
		if !slices.Equal(c.Path, path) {
			continue
		}
		if b.Len() == 0 {
			b.WriteByte('\n')
		}
		for line := range strings.Lines(c.Text) {
			b.WriteString("// " + strings.TrimSpace(line) + "\n")
		}
	}
	return b.String()
}

// typ prints a type: its alternatives, the default first or marked.
func (p printer) typ(path []string, t state.Type) string {
	if t.IsAny() && t.Default == nil {
		return "_"
	}
	var alts []string
	marked := false
	for _, a := range t.Alts {
		text := p.alt(path, a)
		if t.Default != nil && a.Const != nil && !marked && equalConstants(*a.Const, *t.Default) {
			text, marked = "*"+text, true
		}
		alts = append(alts, text)
	}
	if t.Default != nil && !marked {
		alts = slices.Insert(alts, 0, "*"+formatValue(*t.Default))
	}
	if len(alts) == 0 {
		return "_"
	}
	return strings.Join(alts, " | ")
}

func equalConstants(a, b state.Value) bool {
	return a.Kind == b.Kind && a.Text == b.Text && a.Bool == b.Bool && string(a.Bytes) == string(b.Bytes)
}

func (p printer) alt(path []string, a state.Alt) string {
	if a.Const != nil {
		return formatValue(*a.Const)
	}
	switch a.Kind {
	case state.Null:
		return "null"
	case state.Bool, state.Bytes:
		return string(a.Kind)
	case state.Int, state.Number:
		return strings.Join(append([]string{string(a.Kind)}, boundTexts(a.Bounds)...), " & ")
	case state.Str:
		return formatString(a)
	case state.Array:
		return p.list(path, a)
	}
	return p.structure(path, a)
}

func boundTexts(bounds []state.Bound) []string {
	var out []string
	for _, b := range bounds {
		out = append(out, b.Op+b.Value)
	}
	return out
}

func formatString(a state.Alt) string {
	var parts []string
	for _, m := range a.Match {
		parts = append(parts, "=~"+quoteExpression(m))
	}
	for _, m := range a.NoMatch {
		parts = append(parts, "!~"+quoteExpression(m))
	}
	parts = append(parts, lengths(a.Len, "strings.MinRunes", "strings.MaxRunes")...)
	if len(a.Match) == 0 {
		parts = slices.Insert(parts, 0, "string")
	}
	return strings.Join(parts, " & ")
}

func lengths(bounds []state.Bound, least, most string) []string {
	var out []string
	for _, b := range bounds {
		if b.Op == "<=" {
			out = append(out, most+"("+b.Value+")")
		} else {
			out = append(out, least+"("+b.Value+")")
		}
	}
	return out
}

func (p printer) list(path []string, a state.Alt) string {
	var items []string
	for i, t := range a.Items {
		items = append(items, p.typ(sub(path, strconv.Itoa(i)), t))
	}
	switch {
	case a.Fixed:
	case a.Elem == nil:
		items = append(items, "...")
	default:
		items = append(items, "..."+parenthesize(p.typ(sub(path, "*"), *a.Elem)))
	}
	parts := append([]string{"[" + strings.Join(items, ", ") + "]"}, lengths(a.Len, "list.MinItems", "list.MaxItems")...)
	return strings.Join(parts, " & ")
}

// parenthesize keeps a disjunction together.
func parenthesize(text string) string {
	if strings.Contains(text, " | ") && !strings.HasPrefix(text, "{") {
		return "(" + text + ")"
	}
	return text
}

func (p printer) structure(path []string, a state.Alt) string {
	lines := false
	var fields []string
	for _, f := range a.Fields {
		at := sub(path, f.Name)
		name, comment := labelText(f.Name), p.comment(at)
		lines = lines || comment != ""
		if f.Optional || f.Forbidden {
			name += "?"
		}
		value := "_|_"
		if !f.Forbidden {
			value = p.typ(at, f.Type)
		}
		fields = append(fields, comment+name+": "+value)
	}
	switch {
	case a.Rest != nil:
		fields = append(fields, "[string]: "+p.typ(sub(path, "*"), *a.Rest))
	case a.Open:
		fields = append(fields, "...")
	}
	return braces(fields, lines || len(fields) > 8)
}

// predeclared are names that a label without quotes would hide from the types beside it.
var predeclared = []string{
	"bool", "bytes", "float", "int", "number", "string", "len", "close", "and", "or", "div", "mod", "quo", "rem", "error",
	"uint", "uint8", "uint16", "uint32", "uint64", "uint128", "int8", "int16", "int32", "int64", "int128", "float32", "float64", "rune",
	"strings", "list",
}

// labelText prints the name of a field, quoted only where it needs to be.
func labelText(name string) string {
	if ast.StringLabelNeedsQuoting(name) || slices.Contains(predeclared, name) {
		return literal.Label.Quote(name)
	}
	return name
}

func quote(s string) string { return literal.String.Quote(s) }

// quoteExpression prints a regular expression, in raw quotes where it has a backslash.
func quoteExpression(s string) string {
	if strings.Contains(s, `\`) && !strings.ContainsAny(s, "\"\n\r#") && strconv.CanBackquote(strings.ReplaceAll(s, "`", "")) {
		return `#"` + s + `"#`
	}
	return quote(s)
}

// formatValue prints a concrete value.
func formatValue(v state.Value) string {
	switch v.Kind {
	case state.Null:
		return "null"
	case state.Bool:
		return strconv.FormatBool(v.Bool)
	case state.Number:
		if !strings.ContainsAny(v.Text, ".eE") {
			return v.Text + ".0"
		}
		return v.Text
	case state.Int:
		return v.Text
	case state.Bytes:
		return literal.Bytes.Quote(string(v.Bytes))
	case state.Array:
		var items []string
		for _, e := range v.List {
			items = append(items, formatValue(e))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case state.Struct:
		var fields []string
		for _, f := range v.Fields {
			fields = append(fields, labelText(f.Name)+": "+formatValue(f.Value))
		}
		return braces(fields, false)
	}
	return quote(v.Text)
}

// formatLike prints a value with its fields in the order of a type.
func formatLike(t state.Type, v state.Value) string {
	a, ok := single(t)
	switch {
	case ok && v.Kind == state.Struct:
		var fields []string
		for _, f := range a.Fields {
			if inner, found := partAt(v, []string{f.Name}); found {
				fields = append(fields, labelText(f.Name)+": "+formatLike(f.Type, inner))
			}
		}
		if len(fields) == len(v.Fields) {
			return braces(fields, false)
		}
	case v.Kind == state.Array && len(t.Alts) == 1 && t.Alts[0].Elem != nil && len(t.Alts[0].Items) == 0:
		var items []string
		for _, e := range v.List {
			items = append(items, formatLike(*t.Alts[0].Elem, e))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return formatValue(v)
}

// formatTTL prints a TTL rule, nothing if there is none.
func formatTTL(t *state.TTL) string {
	if t == nil {
		return ""
	}
	var parts []string
	for _, p := range []struct {
		name string
		ms   int64
	}{{"min", t.Min}, {"max", t.Max}, {"set", t.Set}} {
		if p.ms > 0 {
			parts = append(parts, p.name+": "+quote(formatDuration(p.ms)))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// formatDuration prints milliseconds as a #Duration: "24h", "1m30s".
func formatDuration(ms int64) string {
	var b strings.Builder
	for _, u := range []struct {
		name string
		ms   int64
	}{{"d", 86_400_000}, {"h", 3_600_000}, {"m", 60_000}, {"s", 1000}, {"ms", 1}} {
		if n := ms / u.ms; n > 0 {
			b.WriteString(strconv.FormatInt(n, 10) + u.name)
			ms -= n * u.ms
		}
	}
	return b.String()
}
