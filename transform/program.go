package transform

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// expr is a compiled state.Expr.
type expr struct {
	op      state.Op
	lit     value
	text    string // of a literal on a hash
	path    []string
	places  []place // of a path: one per alternative of the source's type
	slot    int     // of a variable
	int     bool    // of a segment
	args    []*expr
	items   []itemExpr  // of a list
	groups  []group     // of a struct
	dynamic []fieldExpr // of a struct: fields whose names are computed
	at      []string    // of a struct: its place in the result, nil if it has none
	open    bool        // of a struct below the top: it carries what an open shape does not declare
	below   *typ        // of a struct with a place: what the source may hold there
	call    function    // of a call
	match   *matcher    // of a match or call whose expression is a literal
	absent  error       // of a path or key: what to say if it is missing
	origin  []string    // the first path at or below it
}

// place is where one alternative of the source's type has a path.
type place struct {
	slot int  // of a hash: among the declared fields, -1 if it is none
	typ  *typ // nil if nothing is declared there
}

// group is every state.FieldExpr of one name.
type group struct {
	name  string
	makes []fieldExpr
	fill  *expr // default: a literal
}

type fieldExpr struct {
	key        *expr // instead of the group's name
	clauses    []clause
	conditions []*expr
	value      *expr
	optional   bool
	own        bool // the path of its own place
	fails      error
}

type itemExpr struct {
	clauses []clause
	value   *expr
}

// clause is a compiled state.Clause: one of loop, test and bind is set.
type clause struct {
	loop, test, bind *expr
	key, value       int // variables, -1 if not bound
}

// compiler compiles one program, from the source's shape to a target's.
type compiler struct {
	source *shape
	reads  map[string]bool // top-level fields that decide anything but themselves
	scope  []string        // the variables that an expression may use, the innermost last
	slots  []int           // of each of them
	vars   int             // how many slots the program needs
	plain  bool            // the result is made of named fields of a flat source
}

func (c *compiler) bad(e state.Expr, format string, args ...any) error {
	return fmt.Errorf("%s: %s", e.Pos, fmt.Sprintf(format, args...))
}

// operands is how many arguments each operator takes; 0 means that it is not one of these.
var operands = map[state.Op]int{
	state.OpAdd: 2, state.OpSub: 2, state.OpMul: 2, state.OpQuotient: 2, state.OpDiv: 2, state.OpMod: 2, state.OpQuo: 2, state.OpRem: 2,
	state.OpEq: 2, state.OpNe: 2, state.OpLt: 2, state.OpLe: 2, state.OpGt: 2, state.OpGe: 2,
	state.OpMatch: 2, state.OpNoMatch: 2, state.OpAnd: 2, state.OpOr: 2, state.OpNot: 1, state.OpElse: 2, state.OpIndex: 2,
}

// expr compiles an expression that stands at a place of the result; at is nil inside of an operator.
func (c *compiler) expr(e state.Expr, at []string) (*expr, error) {
	out := &expr{op: e.Op, path: e.Path}
	switch e.Op {
	case state.OpLit:
		return c.literal(e)
	case state.OpPath:
		c.path(out, e)
		return out, nil
	case state.OpHas:
		if len(e.Args) == 0 {
			c.path(out, e)
			return out, nil
		}
		if len(e.Args) > 1 {
			return nil, c.bad(e, "operator %q has %d operands", e.Op, len(e.Args))
		}
	case state.OpKey:
		return out, c.key(out, e)
	case state.OpVar:
		return out, c.variable(out, e)
	case state.OpStruct:
		out.open = e.Open
		return out, c.structure(out, e, at)
	case state.OpList:
		return out, c.list(out, e)
	case state.OpCall:
		return out, c.call(out, e)
	case state.OpConcat:
	default:
		want := operands[e.Op]
		if want == 0 {
			return nil, c.bad(e, "operator %q is not known to this version of Keyshift", e.Op)
		}
		if len(e.Args) != want && (e.Op != state.OpSub || len(e.Args) != 1) {
			return nil, c.bad(e, "operator %q has %d operands", e.Op, len(e.Args))
		}
	}
	if err := c.args(out, e.Args); err != nil {
		return nil, err
	}
	return out, c.compileMatch(out, e, 1, e.Op == state.OpMatch || e.Op == state.OpNoMatch)
}

// compileMatch compiles a regular expression that is a literal once.
func (c *compiler) compileMatch(out *expr, e state.Expr, arg int, is bool) error {
	if !is || len(out.args) <= arg || out.args[arg].op != state.OpLit || out.args[arg].lit.kind != isStr {
		return nil
	}
	re, err := compileMatcher(out.args[arg].lit.s)
	if err != nil {
		return c.bad(e, "regular expression %q: %v", out.args[arg].lit.s, err)
	}
	out.match = re
	return nil
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
	if x.op != state.OpPath && (x.op != state.OpHas || len(x.args) > 0) {
		return
	}
	name := allFields
	if len(x.path) > 0 {
		name = x.path[0]
	}
	c.reads[name] = true
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

func (c *compiler) key(out *expr, e state.Expr) error {
	if len(e.Path) != 1 || !slices.Contains(c.source.pattern.Names(), e.Path[0]) {
		return c.bad(e, "the key pattern %q has no segment %q", c.source.pattern, strings.Join(e.Path, "."))
	}
	out.int = e.Int
	out.absent = fmt.Errorf("the key does not match %q", c.source.pattern)
	return nil
}

func (c *compiler) variable(out *expr, e state.Expr) error {
	i := slices.Index(c.scope, e.Name)
	for j := i + 1; i >= 0 && j < len(c.scope); j++ {
		if c.scope[j] == e.Name {
			i = j
		}
	}
	if i < 0 {
		return c.bad(e, "no clause binds %s", e.Name)
	}
	out.slot = c.slots[i]
	out.absent = fmt.Errorf("%s is missing", strings.Join(append([]string{e.Name}, e.Path...), "."))
	return nil
}

// bind gives a variable a slot.
func (c *compiler) bind(name string) int {
	if name == "" {
		return -1
	}
	c.scope, c.slots = append(c.scope, name), append(c.slots, c.vars)
	c.vars++
	return c.vars - 1
}

// clauses compiles clauses; leave ends the scope of what they bind.
func (c *compiler) clauses(clauses []state.Clause) (out []clause, leave func(), err error) {
	depth := len(c.scope)
	leave = func() { c.scope, c.slots = c.scope[:depth], c.slots[:depth] }
	for _, source := range clauses {
		k := clause{key: -1, value: -1}
		into, from := &k.loop, source.For
		switch {
		case source.If != nil:
			into, from = &k.test, source.If
		case source.Let != nil:
			into, from = &k.bind, source.Let
		case from == nil:
			return nil, leave, fmt.Errorf("a clause does nothing")
		}
		if *into, err = c.expr(*from, nil); err != nil {
			return nil, leave, err
		}
		c.read(*into)
		if source.If == nil {
			k.key, k.value = c.bind(source.Key), c.bind(source.Value)
		}
		out = append(out, k)
	}
	return out, leave, nil
}

func (c *compiler) literal(e state.Expr) (*expr, error) {
	if e.Lit == nil {
		return nil, c.bad(e, "a literal has no value")
	}
	x, err := literalOf(*e.Lit)
	if err != nil {
		return nil, c.bad(e, "%v", err)
	}
	return x, nil
}

func literalOf(v state.Value) (*expr, error) {
	x := &expr{op: state.OpLit}
	var ok bool
	if x.lit, ok = constantOf(v); !ok {
		return nil, fmt.Errorf("a literal is not a %s that a program can compute with", v.Kind)
	}
	x.text, _ = textOf(v)
	return x, nil
}

func (c *compiler) list(out *expr, e state.Expr) error {
	for _, source := range e.Items {
		clauses, leave, err := c.clauses(source.Clauses)
		if err != nil {
			return err
		}
		x, err := c.expr(source.Value, nil)
		leave()
		if err != nil {
			return err
		}
		c.read(x)
		out.items = append(out.items, itemExpr{clauses: clauses, value: x})
	}
	return nil
}

// structure compiles the fields of a struct, those of one name together, in the order of their first.
func (c *compiler) structure(out *expr, e state.Expr, at []string) error {
	if at != nil {
		out.at, out.below = at, c.source.value.below(at)
	}
	if len(at) > 0 || at == nil {
		c.plain = false
	}
	for _, f := range e.Fields {
		if f.Key != nil {
			if err := c.dynamic(out, f); err != nil {
				return err
			}
			continue
		}
		i := slices.IndexFunc(out.groups, func(g group) bool { return g.name == f.Name })
		if i < 0 {
			i = len(out.groups)
			out.groups = append(out.groups, group{name: f.Name})
		}
		var place []string
		if at != nil {
			place = append(slices.Clone(at), f.Name)
		}
		if err := c.field(&out.groups[i], f, place); err != nil {
			return err
		}
	}
	if c.source.isParts() {
		slices.SortFunc(out.groups, func(a, b group) int { return strings.Compare(a.name, b.name) })
	}
	return nil
}

func (c *compiler) field(g *group, f state.FieldExpr, at []string) error {
	if f.Default != nil {
		fill, err := literalOf(*f.Default)
		if err != nil {
			return fmt.Errorf("default of %s: %w", f.Name, err)
		}
		g.fill = fill
	}
	name := f.Name
	if at != nil {
		name = strings.Join(at, ".")
	}
	m, err := c.make(f, at, fmt.Errorf("field %s", name))
	g.makes = append(g.makes, m)
	return err
}

func (c *compiler) dynamic(out *expr, f state.FieldExpr) error {
	c.plain = false
	m, err := c.make(f, nil, fmt.Errorf("a field with a computed name"))
	out.dynamic = append(out.dynamic, m)
	return err
}

func (c *compiler) make(f state.FieldExpr, at []string, fails error) (m fieldExpr, err error) {
	m = fieldExpr{optional: f.Optional && (f.Value.Op == state.OpPath || f.Value.Op == state.OpVar), fails: fails}
	clauses, leave, err := c.clauses(f.Clauses)
	defer leave()
	if err != nil {
		return m, err
	}
	if m.clauses = clauses; len(clauses) > 0 {
		c.plain = false
		at = nil // the object of the source is edited once
	}
	for _, condition := range f.If {
		x, err := c.expr(condition, nil)
		if err != nil {
			return m, err
		}
		c.read(x)
		m.conditions = append(m.conditions, x)
	}
	if f.Key != nil {
		if m.key, err = c.expr(*f.Key, nil); err != nil {
			return m, err
		}
		c.read(m.key)
	}
	if m.value, err = c.expr(f.Value, at); err != nil {
		return m, err
	}
	m.own = at != nil && f.Value.Op == state.OpPath && slices.Equal(f.Value.Path, at)
	if !m.own {
		c.read(m.value)
	}
	return m, nil
}
