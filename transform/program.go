package transform

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// expr is a compiled state.Expr.
type expr struct {
	op     state.Op
	lit    literal
	path   []string
	places []place // of a path: one per alternative of the source's type
	args   []*expr
	groups []group  // of a struct
	below  *typ     // of a struct: what the source may hold at the same place
	absent error    // of a path or key: what to say if it is missing
	origin []string // of an operator: the first path below it
}

// place is where one alternative of the source's type has a path.
type place struct {
	slot int  // of a hash: among the declared fields, -1 if it is none
	typ  *typ // nil if nothing is declared there
}

// literal is a value of the spec in every form that a program may need.
type literal struct {
	scalar value
	ok     bool // scalar holds it
	text   string
	json   string
}

// group is every state.FieldExpr of one name.
type group struct {
	name  string
	makes []fieldExpr
	fill  *literal // default
}

type fieldExpr struct {
	conditions []*expr
	value      *expr
	optional   bool
	own        bool // the path of its own place
	fails      error
}

// compiler compiles one program, from the source's shape to a target of the same Redis type.
type compiler struct {
	source *shape
	reads  map[string]bool // top-level fields that decide anything but themselves
}

func (c *compiler) bad(e state.Expr, format string, args ...any) error {
	return fmt.Errorf("%s: %s", e.Pos, fmt.Sprintf(format, args...))
}

// operands is how many arguments each operator takes; 0 means that it is not one of these.
var operands = map[state.Op]int{
	state.OpAdd: 2, state.OpSub: 2, state.OpMul: 2, state.OpDiv: 2, state.OpMod: 2, state.OpQuo: 2, state.OpRem: 2,
	state.OpEq: 2, state.OpNe: 2, state.OpLt: 2, state.OpLe: 2, state.OpGt: 2, state.OpGe: 2,
	state.OpAnd: 2, state.OpOr: 2, state.OpNot: 1,
}

// expr compiles an expression that stands at a place of the result; at is nil inside of an operator.
func (c *compiler) expr(e state.Expr, at []string) (*expr, error) {
	out := &expr{op: e.Op, path: e.Path}
	switch e.Op {
	case state.OpLit:
		return c.literal(e)
	case state.OpPath, state.OpHas:
		c.path(out, e)
		return out, nil
	case state.OpKey:
		if len(e.Path) != 1 || !slices.Contains(c.source.pattern.Names(), e.Path[0]) {
			return nil, c.bad(e, "the key pattern %q has no segment %q", c.source.pattern, strings.Join(e.Path, "."))
		}
		out.absent = fmt.Errorf("the key does not match %q", c.source.pattern)
		return out, nil
	case state.OpStruct:
		if at == nil || c.source.hash && len(at) > 0 {
			return nil, c.bad(e, "a struct cannot stand here")
		}
		return out, c.structure(out, e, at)
	case state.OpConcat:
	default:
		want := operands[e.Op]
		if want == 0 {
			return nil, c.bad(e, "operator %q is not known to this version of Keyshift", e.Op)
		}
		if len(e.Args) != want && !(e.Op == state.OpSub && len(e.Args) == 1) {
			return nil, c.bad(e, "operator %q has %d operands", e.Op, len(e.Args))
		}
	}
	return out, c.args(out, e.Args)
}

func (c *compiler) args(out *expr, args []state.Expr) error {
	for _, a := range args {
		x, err := c.expr(a, nil)
		if err != nil {
			return err
		}
		c.read(x)
		out.args = append(out.args, x)
		if out.origin == nil {
			out.origin = x.origin
		}
	}
	return nil
}

// read notes that the value of a path decides something.
func (c *compiler) read(x *expr) {
	if (x.op == state.OpPath || x.op == state.OpHas) && len(x.path) > 0 {
		c.reads[x.path[0]] = true
	}
}

func (c *compiler) path(out *expr, e state.Expr) {
	for i := range c.source.value.alts {
		a := &c.source.value.alts[i]
		p := place{slot: -1, typ: (&typ{alts: c.source.value.alts[i : i+1]}).below(e.Path)}
		if len(e.Path) > 0 {
			p.slot = a.find(e.Path[0])
		}
		out.places = append(out.places, p)
	}
	out.absent = fmt.Errorf("%s is missing", strings.Join(e.Path, "."))
	out.origin = e.Path
}

func (c *compiler) literal(e state.Expr) (*expr, error) {
	if e.Lit == nil {
		return nil, c.bad(e, "a literal has no value")
	}
	lit, err := c.compileLiteral(*e.Lit)
	if err != nil {
		return nil, c.bad(e, "%v", err)
	}
	return &expr{op: state.OpLit, lit: lit}, nil
}

func (c *compiler) compileLiteral(v state.Value) (literal, error) {
	var l literal
	l.scalar, l.ok = constantOf(v)
	b, ok := appendValue(nil, v)
	if !ok && !c.source.hash {
		return l, fmt.Errorf("JSON cannot hold this %s", v.Kind)
	}
	l.json = string(b)
	if l.text, ok = textOf(v); !ok && c.source.hash && v.Kind != state.Null {
		return l, fmt.Errorf("a field of a hash cannot hold this %s", v.Kind)
	}
	return l, nil
}

// structure compiles the fields of a struct, those of one name together, in the order of their first.
func (c *compiler) structure(out *expr, e state.Expr, at []string) error {
	out.below = c.source.value.below(at)
	for _, f := range e.Fields {
		i := slices.IndexFunc(out.groups, func(g group) bool { return g.name == f.Name })
		if i < 0 {
			i = len(out.groups)
			out.groups = append(out.groups, group{name: f.Name})
		}
		if err := c.field(&out.groups[i], f, append(slices.Clone(at), f.Name)); err != nil {
			return err
		}
	}
	if c.source.hash {
		slices.SortFunc(out.groups, func(a, b group) int { return strings.Compare(a.name, b.name) })
	}
	return nil
}

func (c *compiler) field(g *group, f state.FieldExpr, at []string) error {
	if f.Default != nil {
		l, err := c.compileLiteral(*f.Default)
		if err != nil {
			return fmt.Errorf("default of %s: %w", f.Name, err)
		}
		g.fill = &l
	}
	m := fieldExpr{optional: f.Optional && f.Value.Op == state.OpPath, fails: fmt.Errorf("field %s", strings.Join(at, "."))}
	for _, condition := range f.If {
		x, err := c.expr(condition, nil)
		if err != nil {
			return err
		}
		c.read(x)
		m.conditions = append(m.conditions, x)
	}
	var err error
	if m.value, err = c.expr(f.Value, at); err != nil {
		return err
	}
	m.own = f.Value.Op == state.OpPath && slices.Equal(f.Value.Path, at)
	if !m.own {
		c.read(m.value)
	}
	g.makes = append(g.makes, m)
	return nil
}
