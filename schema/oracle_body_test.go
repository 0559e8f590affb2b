package schema_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// body draws #up or #down.
func (e *exprs) body(source, target *genType, prefix string) string {
	if target.kind != aStruct || source.kind != aStruct {
		return e.expr(target, 3)
	}
	var parts []string
	if prefix == "" {
		parts = e.helpers()
	}
	for _, f := range target.fields {
		same, found := source.field(f.name)
		path := strings.TrimPrefix(prefix+"."+strings.Trim(f.name, `"`), ".")
		fits := found && same.t.clone().String() == f.t.clone().String() && (f.t.narrow == "" || f.t.narrow == same.t.narrow) && (!same.optional || f.optional || f.t.fill != "")
		given := f.optional || f.t.fill != ""
		switch {
		case f.t.kind == never:
		case f.t.kind == anEnum && len(f.t.words) == 1 && !e.one(3):
		case fits && !e.one(4):
			e.used[path] = true
		case given && !found && e.one(3):
		case found && !same.optional && same.t.kind == aStruct && f.t.kind == aStruct && !f.optional && !e.one(4):
			parts = append(parts, f.name+": "+e.body(same.t, f.t, path))
		default:
			parts = append(parts, e.set(f, given)...)
		}
	}
	for n := -1; n != len(parts); { // CUE refuses a let that nothing uses
		n = len(parts)
		parts = slices.DeleteFunc(parts, func(p string) bool {
			name, isLet := strings.CutPrefix(p, "let ")
			name, _, _ = strings.Cut(name, " ")
			return isLet && len(regexp.MustCompile(`\b`+name+`\b`).FindAllString(strings.Join(parts, "\n"), 2)) < 2
		})
	}
	if prefix != "" {
		return "{" + strings.Join(append(parts, "..."), ", ") + "}"
	}
	return "{\n\t\t\t" + strings.Join(parts, "\n\t\t\t") + "\n\t\t}"
}

// helpers draws lets and hidden fields.
func (e *exprs) helpers() []string {
	var parts []string
	for range e.IntN(5) - 2 {
		t := &genType{kind: e.of(anInt, aString, aBool)}
		name, form := e.variable("L"), "let %s = %s"
		if e.one(2) {
			name, form = "_"+name, "%s: %s"
		}
		parts = append(parts, fmt.Sprintf(form, name, e.expr(t, 2)))
		e.scope = append(e.scope, term{text: name, t: t})
	}
	return parts
}

// set draws the setters of a field. given tells whether the field may stay without one.
func (e *exprs) set(f genField, given bool) []string {
	switch n := e.IntN(8); {
	case given && n < 2:
		return []string{"if " + e.condition(2) + " {" + f.name + ": " + e.field(f.t, 2) + "}"}
	case given && n < 4:
		if text := e.guarded(f); text != "" {
			return []string{text}
		}
	case n == 4:
		c := e.condition(2)
		return []string{"if " + c + " {" + f.name + ": " + e.field(f.t, 2) + "}", "if !(" + c + ") {" + f.name + ": " + e.field(f.t, 2) + "}"}
	case n == 5:
		y, t := e.variable("y"), &genType{kind: e.of(anInt, aString)}
		condition, value := e.condition(1), e.expr(t, 2)
		saved := e.scope
		e.scope = append(e.scope[:len(saved):len(saved)], term{text: y, t: t})
		text := "if " + condition + " let " + y + " = " + value + " {" + f.name + ": " + e.field(f.t, 2) + "}"
		e.scope = saved
		if given {
			return []string{text}
		}
	}
	return []string{f.name + ": " + e.field(f.t, 3)}
}

// field draws what a field is set to.
func (e *exprs) field(t *genType, depth int) string {
	text := e.expr(t, depth)
	if t.kind == aStruct && strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		return e.whole(t)
	}
	return text
}

// whole makes a struct with every field, which a closed literal has to set.
func (e *exprs) whole(t *genType) string {
	var parts []string
	for _, f := range t.fields {
		switch f.t.kind {
		case never:
		case aStruct:
			parts = append(parts, f.name+": "+e.whole(f.t))
		default:
			parts = append(parts, f.name+": "+e.expr(f.t, 2))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// guarded sets a field where something that may be missing is there.
func (e *exprs) guarded(f genField) string {
	maybe := e.find(true, func(*genType) bool { return true })
	if len(maybe) == 0 {
		return ""
	}
	m := maybe[e.IntN(len(maybe))]
	saved := e.scope
	there := m
	there.maybe = false
	e.scope = e.scope[:len(saved):len(saved)]
	e.enter(there)
	value := e.field(f.t, 2)
	if fitting(f.t)(m.t) && e.one(2) {
		value = m.text
	}
	e.scope = saved
	e.use(m)
	return "if " + m.text + " != _|_ {" + f.name + ": " + value + "}"
}

func (t *genType) field(name string) (genField, bool) {
	for _, f := range t.fields {
		if f.name == name {
			return f, true
		}
	}
	return genField{}, false
}

// vanished lists the fields of the source that nothing uses, which must be dropped.
func vanished(t *genType, prefix string, used map[string]bool) []string {
	var out []string
	for _, f := range t.fields {
		path := strings.TrimPrefix(prefix+"."+strings.Trim(f.name, `"`), ".")
		below := slices.ContainsFunc(slices.Collect(maps.Keys(used)), func(u string) bool { return strings.HasPrefix(u, path+".") })
		switch {
		case f.t.kind == never || used[""] || used[path] || f.t.kind == anEnum && len(f.t.words) == 1:
		case below && f.t.kind == aStruct:
			out = append(out, vanished(f.t, path, used)...)
		case !below:
			out = append(out, path)
		}
	}
	return out
}

// file writes the keyspace as a file of a spec.
func (m genMigration) file() string {
	var b strings.Builder
	b.WriteString("package x\n\n")
	for _, i := range m.imports() {
		fmt.Fprintf(&b, "import %q\n", i)
	}
	fmt.Fprintf(&b, "\nsystem: keyspaces: %s: {\n\tstore: \"main\", version: \"2.0.0\"\n", m.name)
	if m.drain {
		b.WriteString("\tpolicy: strategy: \"drain\"\n")
	}
	fmt.Fprintf(&b, "\tversions: {\n\t\t\"1.0.0\": %s\n\t\t\"2.0.0\": %s\n\t}\n", m.source, m.target)
	b.WriteString("\tmigrations: \"2.0.0\": {\n\t\tfrom: \"1.0.0\", #old: _, #new: _, #key: _\n")
	if len(m.drop) > 0 {
		fmt.Fprintf(&b, "\t\tdrop: [%s]\n", `"`+strings.Join(m.drop, `", "`)+`"`)
	}
	fmt.Fprintf(&b, "\t\t#up: %s\n\t\t#down: %s\n\t}\n}\n", m.up, m.down)
	return b.String()
}

func (m genMigration) imports() []string { return importsOf(m.up, m.down) }

// importsOf lists the imports that CUE texts need.
func importsOf(texts ...string) []string {
	var out []string
	text := strings.Join(texts, "\n")
	for name, path := range packages {
		if regexp.MustCompile(`(^|[^.\w"#])` + name + `[.][A-Z]`).MatchString(text) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func (v genVersion) String() string {
	text := fmt.Sprintf("{keys: %q, type: %q", v.keys, v.redis)
	if v.isMap {
		text += ", map: true"
	}
	if v.encoding != "" {
		text += fmt.Sprintf(", encoding: %q", v.encoding)
	}
	for _, f := range slices.Sorted(maps.Keys(v.encodings)) {
		_, plain := v.t.field(f)
		if _, quoted := v.t.field(`"` + f + `"`); plain || quoted {
			text += fmt.Sprintf(", encodings: %q: %q", f, v.encodings[f])
		}
	}
	return text + ", #value: " + v.t.String() + "}"
}
