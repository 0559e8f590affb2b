package transform

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// Lane is a path between two versions of a hash as Lua that runs on the server, beside the data.
//
// Text defines `local function unit(key)`, which converts one key and returns one letter: d done; a it is of the target
// already; g there is no such key; f it is none of these, or not surely, and Convert has to decide: nothing was
// written. It raises what redis.call raises (WRONGTYPE, OOM). It reads and writes that key only.
type Lane struct {
	From, To state.Version
	Text     string
}

// Guard is how much of a unit a lane looks at before it writes.
type Guard int

const (
	// GuardWhole looks at every field, as Convert does: what the lane converts, Convert converts to the same bytes.
	GuardWhole Guard = iota
	// GuardTouched looks at what the path reads, writes or deletes, at what tells the versions apart, and of a closed
	// version at how many fields there are; not at fields that are only carried. A unit that Convert refuses because of
	// such a field is converted, and keeps it as it is. So is one that has a field which no version declares in the place
	// of one that is only carried.
	GuardTouched
)

// LaneOptions says how a lane is made.
type LaneOptions struct {
	Guard    Guard
	MaxText  int  // bytes of a text, or of what is made of several, beyond which a unit is left to Convert; 65,536 if 0
	FieldTTL bool // the server has times to live of hash fields (Redis 7.4): keep those of renamed and converted fields
}

func (o LaneOptions) most() int { return cmp.Or(o.MaxText, 64<<10) }

// Lua compiles the path between two versions of a hash for the server. The reason, empty if there is a lane, tells why
// there is none: only what is proved exact and means the same in Lua, byte for byte, is compiled.
func (p *Programs) Lua(from, to state.Version, o LaneOptions) (lane Lane, reason string) {
	x := p.paths[[2]state.Version{from, to}]
	source, ok := p.shape(from)
	if !ok || x == nil || len(x.programs) == 0 {
		return Lane{}, fmt.Sprintf("no migration leads from %s to %s", from, to)
	}
	if exact, _ := p.Exact(from, to); !exact {
		return Lane{}, "the migration is not proved exact"
	}
	if reason := p.unsuited(source, x); reason != "" {
		return Lane{}, reason
	}
	g := &luaGen{programs: p, from: source, path: x, options: o, need: map[string]bool{}, absent: map[string]bool{}, numbers: map[string]string{}}
	text, err := g.unit()
	if err != nil {
		return Lane{}, err.Error()
	}
	return Lane{From: from, To: to, Text: text}, ""
}

// unsuited tells why the versions on a path are none for a lane, whatever the programs do.
func (p *Programs) unsuited(from *shape, x *path) string {
	if p.patterns {
		return "the versions differ in their keys"
	}
	open := from.onlyStruct() != nil && from.value.alts[0].open
	for _, s := range x.shapes(from) {
		switch {
		case s.redis != state.Hash || !s.flat:
			return fmt.Sprintf("version %s is not a hash of text fields", s.version)
		case s.source.TTL != nil:
			return fmt.Sprintf("version %s has a rule for the time to live", s.version)
		case s.onlyStruct() == nil:
			return fmt.Sprintf("version %s has alternatives", s.version)
		case s.value.alts[0].rest != nil:
			return fmt.Sprintf("version %s has a type for undeclared fields", s.version)
		case open && !s.value.alts[0].open:
			return fmt.Sprintf("version %s is closed, but %s is open", s.version, from.version)
		}
	}
	for _, step := range x.programs {
		if open && !step.open && !step.identity() {
			return "fields that no version declares are not carried"
		}
	}
	return ""
}

// shapes returns the versions on a path, the first included.
func (x *path) shapes(from *shape) []*shape {
	out := []*shape{from}
	for _, step := range x.programs {
		out = append(out, step.to)
	}
	return out
}

// onlyStruct returns the one alternative of a fixed hash, nil if it has several.
func (s *shape) onlyStruct() *alt {
	if len(s.value.alts) != 1 || s.value.alts[0].kind != state.Struct {
		return nil
	}
	return &s.value.alts[0]
}

// The bounds of a function: Lua has 250 registers for its variables and for the arguments of a call.
const maxLaneFields, maxLaneLocals = 40, 100

// luaGen makes the Lua of one path.
type luaGen struct {
	programs *Programs
	from     *shape
	path     *path
	options  LaneOptions

	body    luaWriter
	need    map[string]bool   // fields of the source whose values are read
	absent  map[string]bool   // names that must not be there
	numbers map[string]string // variable of a text → variable of its number, outside of conditions
	locals  int
}

// luaValue is what a field holds at some point of the path.
type luaValue struct {
	code   string  // a Lua expression for its text: a variable or a literal; false if it is absent
	text   *string // known when the lane is compiled
	number string  // a variable that holds it as a number
	typ    *typ    // the text is of this type; nil: some text that is valid UTF-8
	source string  // it is this field of the unit, unchanged
	ttl    string  // the field of the unit whose time to live it has
	maybe  bool    // it may be absent
}

func (g *luaGen) whole() bool { return g.options.Guard == GuardWhole }
func (g *luaGen) to() *shape  { return g.path.programs[len(g.path.programs)-1].to }

// unit makes the function.
func (g *luaGen) unit() (string, error) {
	first := g.from.onlyStruct()
	env := map[string]luaValue{}
	for i := range first.fields {
		f := &first.fields[i]
		if g.whole() || f.forbidden {
			g.need[f.name] = true
		}
		if !f.forbidden {
			env[f.name] = luaValue{code: luaVariable(f.name, i), typ: f.typ, source: f.name, ttl: f.name, maybe: !f.required}
		}
	}
	g.strangers()
	for _, step := range g.path.programs {
		next, err := g.hop(step, env)
		if err != nil {
			return "", fmt.Errorf("%s: %w", step.name, err)
		}
		env = next
	}
	w, err := g.plan(env)
	if err != nil {
		return "", err
	}
	if err := g.tells(); err != nil {
		return "", err
	}
	if err := g.surely(); err != nil {
		return "", err
	}
	return g.assemble(w)
}

// strangers makes every name absent that a later version on the path declares or a program makes, and the source, which
// is open, does not declare: what the unit has there already is for Convert.
func (g *luaGen) strangers() {
	for _, step := range g.path.programs {
		for i := range step.body.groups {
			g.lacking(step.body.groups[i].name)
		}
		for i := range step.to.value.alts[0].fields {
			g.lacking(step.to.value.alts[0].fields[i].name)
		}
	}
}

// lacking makes a name absent that the source, which is open, does not declare.
func (g *luaGen) lacking(name string) {
	first := g.from.onlyStruct()
	if first.open && first.find(name) < 0 {
		g.absent[name] = true
	}
}

// surely makes the lane read a field that every unit has: a key that is gone must not be made again.
func (g *luaGen) surely() error {
	var name string
	first := g.from.onlyStruct()
	for i := range first.fields {
		if f := &first.fields[i]; f.required {
			if name = f.name; g.need[name] {
				return nil
			}
		}
	}
	if name == "" {
		return fmt.Errorf("no field is surely there")
	}
	g.need[name] = true
	return nil
}

// writes is what a lane does at its end.
type writes struct {
	set     []string // names, sorted
	values  map[string]luaValue
	deleted []string // sorted
	perhaps []string // deleted if the value is absent
}

// plan compares the result with the source.
func (g *luaGen) plan(env map[string]luaValue) (writes, error) {
	first := g.from.onlyStruct()
	w := writes{values: env}
	stays := false
	for _, name := range slices.Sorted(maps.Keys(env)) {
		v := env[name]
		at := first.find(name)
		if at >= 0 && v.ttl == "" {
			v.ttl = name
			env[name] = v
		}
		stays = stays || !v.maybe && (v.source != name || g.need[name])
		if v.source == name {
			continue
		}
		w.set = append(w.set, name)
		if v.source != "" {
			g.need[v.source] = true // it is copied or renamed
		}
		if at < 0 {
			g.absent[name] = true
			continue
		}
		g.need[name] = true
		if v.maybe {
			w.perhaps = append(w.perhaps, name)
		}
	}
	for i := range first.fields {
		f := &first.fields[i]
		if _, kept := env[f.name]; !kept && !f.forbidden {
			g.need[f.name] = true
			w.deleted = append(w.deleted, f.name)
		}
	}
	switch {
	case len(w.set)+len(w.deleted) == 0:
		return w, fmt.Errorf("nothing is written")
	case !stays:
		return w, fmt.Errorf("no field surely stays, and a hash that loses its last field is gone")
	case len(first.fields) > maxLaneFields || len(w.set) > maxLaneFields || len(g.absent) > maxLaneFields:
		return w, fmt.Errorf("more than %d fields", maxLaneFields)
	case g.locals > maxLaneLocals:
		return w, fmt.Errorf("the programs are too long for one function")
	}
	return w, nil
}

// luaVariable names the local variable of a field.
func luaVariable(name string, i int) string {
	for _, c := range name {
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return fmt.Sprintf("x%d", i)
		}
	}
	return "f_" + name
}

// luaWriter writes indented lines.
type luaWriter struct {
	b     strings.Builder
	depth int
}

func (w *luaWriter) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", w.depth+1))
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

// luaQuote writes a string as Lua reads it, in ASCII.
func luaQuote(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\'' || c == '\\' {
			fmt.Fprintf(&b, "\\%03d", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

func luaQuoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = luaQuote(n)
	}
	return strings.Join(quoted, ", ")
}
