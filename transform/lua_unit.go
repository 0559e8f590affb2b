package transform

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// assemble puts the parts of a lane together.
func (g *luaGen) assemble(w writes) (string, error) {
	var out luaWriter
	out.b.WriteString(fmt.Sprintf("local most = %d\n", g.options.most()))
	out.b.WriteString(luaHelpers)
	other, err := g.other()
	if err != nil {
		return "", err
	}
	out.b.WriteString(other)
	out.b.WriteString("\nlocal function unit(key)\n")
	if err := g.read(&out); err != nil {
		return "", err
	}
	out.b.WriteString(g.body.b.String())
	g.write(&out, w)
	out.b.WriteString("end\n")
	return out.b.String(), nil
}

// reading is what the read fields of a unit have to be.
type luaReading struct {
	names, variables, places []string
	missing                  []string // conditions that the unit is of another version
	types                    []string // conditions of the texts
	plain                    []string // variables of texts that may be any
	optional                 []string // variables
}

// read reads the unit and checks that it is of the first version and of none that goes before it.
func (g *luaGen) read(out *luaWriter) error {
	first := g.from.onlyStruct()
	r := luaReading{names: slices.Sorted(maps.Keys(g.need))}
	if !g.whole() || first.open { // else the number of fields says that no other is there
		r.names = append(r.names, slices.Sorted(maps.Keys(g.absent))...)
	}
	for i, name := range r.names {
		if err := r.add(first, name, fmt.Sprintf("v[%d]", i+1)); err != nil {
			return fmt.Errorf("field %s: %w", name, err)
		}
	}
	if !first.open || g.whole() {
		out.line("local n = call('HLEN', key)")
		r.missing = append(r.missing, g.count(first, r.optional))
	}
	out.line("local v = call('HMGET', key, %s)", luaQuoteAll(r.names))
	out.line("local %s = %s", strings.Join(r.variables, ", "), strings.Join(r.places, ", "))
	out.line("if %s then return other(key) end", strings.Join(r.missing, " or "))
	if len(r.types) > 0 {
		out.line("if not (%s) then return other(key) end", strings.Join(r.types, " and "))
	}
	g.plain(out, r.plain)
	return nil
}

// add adds one field that is read.
func (r *luaReading) add(first *alt, name, place string) error {
	j := first.find(name)
	if j < 0 || first.fields[j].forbidden {
		r.missing = append(r.missing, place)
		return nil
	}
	f, v := &first.fields[j], luaVariable(name, j)
	r.variables, r.places = append(r.variables, v), append(r.places, place)
	if f.required {
		r.missing = append(r.missing, "not "+v)
	} else {
		r.optional = append(r.optional, v)
	}
	if plainText(f.typ) {
		r.plain = append(r.plain, v)
		return nil
	}
	condition, err := luaFit(f.typ, v)
	r.types = append(r.types, orAbsent(f, v, condition))
	return err
}

// count makes the condition that there are too few or too many fields: of a closed version as many as it declares, but
// for optional ones that are not read.
func (g *luaGen) count(first *alt, optional []string) string {
	if first.open {
		return fmt.Sprintf("n > %d", maxFields)
	}
	least, unread := sum(first.required, optional), 0
	for i := range first.fields {
		if f := &first.fields[i]; !f.required && !f.forbidden && !g.need[f.name] {
			unread++
		}
	}
	if unread == 0 {
		return "n ~= " + least
	}
	return fmt.Sprintf("n < %s or n > %s + %d", least, least, unread)
}

func orAbsent(f *field, v, condition string) string {
	if f.required {
		return condition
	}
	return fmt.Sprintf("(not %s or %s)", v, condition)
}

// sum counts the fields that are there.
func sum(required int, optional []string) string {
	s := fmt.Sprint(required)
	for _, v := range optional {
		s += fmt.Sprintf(" + (%s and 1 or 0)", v)
	}
	return s
}

// plain checks texts that may be any: all of them at once, and one by one only where something is not ASCII.
func (g *luaGen) plain(out *luaWriter, variables []string) {
	if len(variables) == 0 {
		return
	}
	first := g.from.onlyStruct()
	var all, each []string
	for _, v := range variables {
		i := slices.IndexFunc(first.fields, func(f field) bool { return luaVariable(f.name, first.find(f.name)) == v })
		each = append(each, orAbsent(&first.fields[i], v, "text("+v+")"))
		if first.fields[i].required {
			all = append(all, v)
		} else {
			all = append(all, "("+v+" or '')")
		}
	}
	out.line("local all = %s", strings.Join(all, " .. "))
	out.line("if (#all > most or not find(all, '^[^\\128-\\255]*$')) and not (%s) then return 'f' end", strings.Join(each, " and "))
}

// write writes first and deletes after: a hash that loses its last field is gone, and its time to live with it.
func (g *luaGen) write(out *luaWriter, w writes) {
	kept := g.keepTTL(out, w)
	g.set(out, w)
	for i, name := range kept {
		if name != "" {
			out.line("if e[%d] > 0 then call('HPEXPIREAT', key, format('%%.0f', e[%d]), 'FIELDS', 1, %s) end", i+1, i+1, luaQuote(name))
		}
	}
	if len(w.deleted) > 0 {
		out.line("call('HDEL', key, %s)", luaQuoteAll(w.deleted))
	}
	for _, name := range w.perhaps {
		out.line("if not %s then call('HDEL', key, %s) end", w.values[name].code, luaQuote(name))
	}
	out.line("return 'd'")
}

// keepTTL reads when the fields expire that others are made of, and returns the names of these.
func (g *luaGen) keepTTL(out *luaWriter, w writes) (kept []string) {
	if !g.options.FieldTTL {
		return nil
	}
	var from []string
	for _, name := range w.set {
		if ttl := w.values[name].ttl; ttl != "" {
			from, kept = append(from, ttl), append(kept, name)
		}
	}
	if len(from) > 0 {
		out.line("local e = call('HPEXPIRETIME', key, 'FIELDS', %d, %s)", len(from), luaQuoteAll(from))
	}
	return kept
}

func (g *luaGen) set(out *luaWriter, w writes) {
	var sure []string
	var unsure []string
	for _, name := range w.set {
		if w.values[name].maybe {
			unsure = append(unsure, name)
		} else {
			sure = append(sure, luaQuote(name)+", "+w.values[name].code)
		}
	}
	if len(sure) > 0 {
		out.line("call('HSET', key, %s)", strings.Join(sure, ", "))
	}
	for _, name := range unsure {
		out.line("if %s then call('HSET', key, %s, %s) end", w.values[name].code, luaQuote(name), w.values[name].code)
	}
}

// other makes the function for units that are not of the first version: they may be of the target.
func (g *luaGen) other() (string, error) {
	var out luaWriter
	out.b.WriteString("\nlocal function other(key)\n")
	out.line("local n = call('HLEN', key)")
	out.line("if n == 0 then return 'g' end")
	a := g.to().onlyStruct()
	conditions, variables, optional, ok := target(a)
	if ok {
		limit := maxFields
		if !a.open {
			limit = len(a.fields)
		}
		names := make([]string, len(a.fields))
		places := make([]string, len(a.fields))
		required := 0
		for i := range a.fields {
			names[i], places[i] = a.fields[i].name, fmt.Sprintf("v[%d]", i+1)
			if a.fields[i].required {
				required++
			}
		}
		if !a.open {
			conditions = append(conditions, "n == "+sum(required, optional))
		}
		out.line("if n > %d then return 'f' end", limit)
		out.line("local v = call('HMGET', key, %s)", luaQuoteAll(names))
		out.line("local %s = %s", strings.Join(variables, ", "), strings.Join(places, ", "))
		out.line("if %s then return 'a' end", strings.Join(conditions, " and "))
	}
	out.line("return 'f'")
	out.b.WriteString("end\n")
	return out.b.String(), nil
}

// target makes the conditions of a hash's fields; ok is false where Lua cannot tell.
func target(a *alt) (conditions, variables, optional []string, ok bool) {
	if len(a.fields) == 0 || len(a.fields) > maxLaneFields {
		return nil, nil, nil, false
	}
	for i := range a.fields {
		f := &a.fields[i]
		v := luaVariable(f.name, i)
		variables = append(variables, v)
		if f.forbidden {
			conditions = append(conditions, "not "+v)
			continue
		}
		if !f.required {
			optional = append(optional, v)
		} else {
			conditions = append(conditions, v)
		}
		condition, err := luaFit(f.typ, v)
		if err != nil {
			return nil, nil, nil, false
		}
		conditions = append(conditions, orAbsent(f, v, condition))
	}
	return conditions, variables, optional, true
}

// tells makes sure that what passes the checks of the first version is of no version that goes before it: the target, or
// one from which the way is shorter or, if it is as long, that is newer (see Source).
func (g *luaGen) tells() error {
	for _, s := range g.programs.shapes {
		x := g.programs.paths[[2]state.Version{s.version, g.to().version}]
		mine := len(g.path.hops)
		switch {
		case s == g.from || s.redis != state.Hash || x == nil:
			continue
		case len(x.hops) > mine, len(x.hops) == mine && s.version.Compare(g.from.version) < 0:
			continue
		}
		for i := range s.value.alts {
			if !g.apart(&s.value.alts[i]) {
				return fmt.Errorf("nothing tells version %s surely from %s", g.from.version, s.version)
			}
		}
	}
	return nil
}

// apart tells whether no unit that passes the checks of the first version is of another one, and adds what is to be
// looked at for that.
func (g *luaGen) apart(a *alt) bool {
	if a.kind != state.Struct {
		return true
	}
	first := g.from.onlyStruct()
	var read, unread string
	for i := range first.fields {
		f := &first.fields[i]
		if !f.required || !excludes(a, f) {
			continue
		}
		if g.need[f.name] {
			return true
		}
		unread = f.name
	}
	for i := range a.fields {
		f := &a.fields[i]
		if j := first.find(f.name); !f.required || j >= 0 && !first.fields[j].forbidden {
			continue
		}
		if g.whole() && !first.open || g.absent[f.name] {
			return true
		}
		read = f.name
	}
	switch {
	case read != "":
		g.absent[read] = true
	case unread != "":
		g.need[unread] = true
	default:
		return false
	}
	return true
}

// excludes tells whether a struct cannot have a field as it is.
func excludes(a *alt, f *field) bool {
	i := a.find(f.name)
	if i < 0 {
		return !a.open
	}
	if a.fields[i].forbidden {
		return true
	}
	if a.fields[i].encoding != "" && a.fields[i].encoding != state.Text {
		return false
	}
	for _, own := range f.typ.alts {
		if own.constant == nil || own.kind == state.Number {
			return false
		}
		text, ok := textOf(*own.constant)
		if !ok || a.fields[i].typ.fitText(text) {
			return false
		}
	}
	return true
}
