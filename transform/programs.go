package transform

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// Programs is one compiled keyspace.
type Programs struct {
	keyspace string
	shapes   []*shape // by semver
	patterns bool     // the shapes' key patterns differ
	paths    map[[2]state.Version]*path
}

// Hop is one migration on the way between two versions: up, or down if Down.
type Hop struct {
	From, To state.Version
	Down     bool
}

// path is the shortest way between two versions.
type path struct {
	hops     []Hop
	programs []*program
	reads    []string
	flat     bool // every program makes text fields of text fields
	vars     int  // the most that a program binds
}

// program is a compiled state.Program.
type program struct {
	from, to *shape
	body     *expr
	open     bool
	losses   []state.Loss
	reads    map[string]bool
	name     string // "1.0.0 to 2.0.0"
	flat     bool   // makes named text fields of text fields
	rekey    bool   // the key patterns differ
	vars     int
}

// identity tells whether the program takes the unit as it is.
func (p *program) identity() bool { return p.body.op == state.OpPath && len(p.body.path) == 0 }

// Compile prepares a keyspace: what tells its versions apart, every program, and the shortest path between any two
// versions. The error names what is not valid or not supported, with its place in the spec if there is one.
func Compile(k state.Keyspace) (*Programs, error) {
	p := &Programs{keyspace: k.Name, paths: map[[2]state.Version]*path{}}
	for _, s := range k.Shapes {
		c, err := compileShape(s)
		if err != nil {
			return nil, fmt.Errorf("keyspace %s: %w", k.Name, err)
		}
		p.patterns = p.patterns || s.Keys != k.Shapes[0].Keys
		p.shapes = append(p.shapes, c)
	}
	slices.SortFunc(p.shapes, func(a, b *shape) int { return a.version.Compare(b.version) })
	edges := map[state.Version][]*program{}
	for _, m := range k.Migrations {
		up, err := p.program(m.From, m.To, m.Up)
		if err != nil {
			return nil, fmt.Errorf("keyspace %s: %w", k.Name, err)
		}
		down, err := p.program(m.To, m.From, m.Down)
		if err != nil {
			return nil, fmt.Errorf("keyspace %s: %w", k.Name, err)
		}
		edges[m.From] = append(edges[m.From], up)
		edges[m.To] = append(edges[m.To], down)
	}
	for _, s := range p.shapes {
		p.search(s, edges)
	}
	return p, nil
}

func (p *Programs) shape(v state.Version) (*shape, bool) {
	for _, s := range p.shapes {
		if s.version == v {
			return s, true
		}
	}
	return nil, false
}

func (p *Programs) program(from, to state.Version, source state.Program) (*program, error) {
	name := fmt.Sprintf("%s to %s", from, to)
	f, fok := p.shape(from)
	t, tok := p.shape(to)
	if !fok || !tok {
		return nil, fmt.Errorf("migration %s: a version is not declared", name)
	}
	if err := retargets(f, t); err != nil {
		return nil, fmt.Errorf("migration %s: %w", name, err)
	}
	c := compiler{source: f, reads: map[string]bool{}, plain: true}
	body, err := c.expr(source.Body, []string{})
	if err != nil {
		return nil, fmt.Errorf("migration %s: %w", name, err)
	}
	out := &program{from: f, to: t, body: body, open: source.Open, losses: source.Losses, reads: c.reads, name: name,
		rekey: f.source.Keys != t.source.Keys, vars: c.vars}
	out.flat = f.flat && t.flat && (c.plain && body.op == state.OpStruct || out.identity())
	if t.isParts() && scalarBody(body) {
		return nil, fmt.Errorf("migration %s: the program of a %s does not make a struct", name, t.redis)
	}
	return out, nil
}

// scalarBody tells whether a body surely makes no struct.
func scalarBody(body *expr) bool {
	return body.op == state.OpLit && body.lit.kind != isStruct || body.op == state.OpConcat || body.op == state.OpList
}

// retargets tells whether units of one shape can become units of another: a whole key may change its kind and its
// name, a part of one may not.
func retargets(f, t *shape) error {
	switch {
	case f.source.Type == t.source.Type && f.source.Keys == t.source.Keys:
		return nil
	case f.redis != t.redis && (!f.redis.Whole() || !t.redis.Whole()):
		return fmt.Errorf("a %s cannot become a %s: its units are parts of one key", f.redis, t.redis)
	case f.source.Keys != t.source.Keys && (!f.redis.Whole() || !t.redis.Whole()):
		return fmt.Errorf("the key pattern of a %s cannot change: its units are parts of one key", f.redis)
	}
	have, want := f.pattern.Names(), t.pattern.Names()
	for _, name := range have {
		if !slices.Contains(want, name) {
			return fmt.Errorf("the key pattern %q lacks the segment %q of %q: several keys would merge into one", t.pattern, name, f.pattern)
		}
	}
	for _, name := range want {
		if !slices.Contains(have, name) {
			return fmt.Errorf("the key pattern %q has a segment %q that %q lacks: a key would split into several", t.pattern, name, f.pattern)
		}
	}
	return nil
}

// search finds the shortest path from a version to every other one; of equally short ones the first by semver.
func (p *Programs) search(from *shape, edges map[state.Version][]*program) {
	p.paths[[2]state.Version{from.version, from.version}] = &path{}
	for todo := []*shape{from}; len(todo) > 0; todo = todo[1:] {
		so := p.paths[[2]state.Version{from.version, todo[0].version}]
		next := slices.Clone(edges[todo[0].version])
		slices.SortStableFunc(next, func(a, b *program) int { return a.to.version.Compare(b.to.version) })
		for _, e := range next {
			at := [2]state.Version{from.version, e.to.version}
			if p.paths[at] != nil {
				continue
			}
			down := e.to.version.Compare(e.from.version) < 0
			p.paths[at] = &path{
				hops:     append(slices.Clone(so.hops), Hop{From: e.from.version, To: e.to.version, Down: down}),
				programs: append(slices.Clone(so.programs), e),
			}
			todo = append(todo, e.to)
		}
	}
	for _, to := range p.shapes {
		if x := p.paths[[2]state.Version{from.version, to.version}]; x != nil {
			x.reads = p.readsOf(x)
			x.flat = !slices.ContainsFunc(x.programs, func(e *program) bool { return !e.flat })
			for _, e := range x.programs {
				x.vars = max(x.vars, e.vars)
			}
		}
	}
}

// readsOf returns the fields whose values decide what a path does: what its programs read, what tells the versions
// apart, and what may be invalid. A field that is only carried, declared alike by every version and valid whatever
// its value, is none of them.
func (p *Programs) readsOf(x *path) []string {
	reads := map[string]bool{}
	for _, e := range x.programs {
		maps.Copy(reads, e.reads)
	}
	for _, s := range p.shapes {
		for _, a := range s.source.Value.Alts {
			if a.Rest != nil && !anyText(state.Field{Type: *a.Rest}) {
				reads[allFields] = true // whatever else the unit has decides whether it fits
			}
			for _, f := range a.Fields {
				if !anyText(f) || !p.alike(f) {
					reads[f.Name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(reads))
}

// anyText tells whether a field may be there with any text at all.
func anyText(f state.Field) bool {
	return !f.Forbidden && slices.ContainsFunc(f.Type.Alts, func(a state.Alt) bool {
		return a.Kind == state.Str && a.Const == nil && len(a.Match)+len(a.NoMatch)+len(a.Bounds)+len(a.Len) == 0
	})
}

// alike tells whether every alternative of every version declares this field, and in the same way.
func (p *Programs) alike(f state.Field) bool {
	f.Pos = state.Pos{}
	want := state.DigestOf(f)
	for _, s := range p.shapes {
		for _, a := range s.source.Value.Alts {
			i := slices.IndexFunc(a.Fields, func(g state.Field) bool { return g.Name == f.Name })
			if i < 0 {
				return false
			}
			g := a.Fields[i]
			if g.Pos = (state.Pos{}); state.DigestOf(g) != want {
				return false
			}
		}
	}
	return true
}

// Path returns the migrations between two versions, and whether there is a way.
func (p *Programs) Path(from, to state.Version) ([]Hop, bool) {
	x := p.paths[[2]state.Version{from, to}]
	if x == nil {
		return nil, false
	}
	return slices.Clone(x.hops), true
}

// Exact tells whether every migration between two versions is proved to be undone by its way back, and if not why.
// A path that does not exist is not exact.
func (p *Programs) Exact(from, to state.Version) (bool, []state.Loss) {
	x := p.paths[[2]state.Version{from, to}]
	if x == nil {
		return false, nil
	}
	var losses []state.Loss
	for _, e := range x.programs {
		losses = append(losses, e.losses...)
	}
	return len(losses) == 0, losses
}

// Reads returns the fields of a hash whose values decide a conversion, sorted: the ones its programs read, those that
// tell the versions apart, and those that could become invalid. A concurrent write to any other field changes neither
// what Convert does to the rest nor whether the result fits, so that the values of these alone need comparing, beside
// what is written and deleted (see Diff).
func (p *Programs) Reads(from, to state.Version) []string {
	x := p.paths[[2]state.Version{from, to}]
	if x == nil {
		return nil
	}
	return slices.Clone(x.reads)
}

// Source returns the version of a class that a conversion to another version starts from: the one with the shortest
// path, the newest of equals; ok is false if no path leads there.
func (p *Programs) Source(c state.Class, to state.Version) (from state.Version, ok bool) {
	if p.paths[[2]state.Version{state.Version(c), to}] != nil {
		return state.Version(c), true // the common case: one version
	}
	best := -1
	for _, v := range c.Versions() {
		if x := p.paths[[2]state.Version{v, to}]; x != nil && (best < 0 || len(x.hops) <= best) {
			from, ok, best = v, true, len(x.hops)
		}
	}
	return from, ok
}

// known names the versions for a message.
func (p *Programs) known() string {
	names := make([]string, len(p.shapes))
	for i, s := range p.shapes {
		names[i] = string(s.version)
	}
	return strings.Join(names, ", ")
}
