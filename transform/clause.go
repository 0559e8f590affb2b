package transform

import (
	"errors"
	"fmt"
)

// ways calls yield once for each way in which the clauses hold.
func (e *env) ways(clauses []clause, yield func() error) error {
	if len(clauses) == 0 {
		return yield()
	}
	c, rest := &clauses[0], clauses[1:]
	switch {
	case c.test != nil:
		holds, err := e.truth(c.test)
		if err != nil || !holds {
			return err
		}
		return e.ways(rest, yield)
	case c.bind != nil:
		v, err := e.eval(c.bind)
		if err != nil {
			return err
		}
		e.set(c.value, v)
		return e.ways(rest, yield)
	}
	v, err := e.eval(c.loop)
	if err != nil {
		return err
	}
	isMap, ok := v.isComposite()
	if !ok {
		return errKinds
	}
	return v.each(func(i int, name string, x value) error {
		if err := e.step(); err != nil {
			return err
		}
		if isMap {
			e.set(c.key, str(name))
		} else {
			e.set(c.key, integerOf(int64(i)))
		}
		e.set(c.value, x)
		return e.ways(rest, yield)
	})
}

func (e *env) set(slot int, v value) {
	if slot >= 0 {
		e.vars[slot] = v
	}
}

// list makes a list.
func (e *env) list(x *expr) (value, error) {
	t := e.room.tree(len(x.items))
	for i := range x.items {
		item := &x.items[i]
		err := e.ways(item.clauses, func() error {
			v, err := e.eval(item.value)
			if err == nil {
				err = e.spend(elementCost)
			}
			t.members = append(t.members, member{value: v})
			return err
		})
		if err != nil {
			return value{}, err
		}
	}
	return value{kind: isList, tree: t}, nil
}

// errFound ends the search for an element.
var errFound = errors.New("found")

// item computes one element of a list that an expression makes.
func (e *env) item(x, index *expr) (value, error) {
	at, err := e.scalar(index)
	if err != nil {
		return at, err
	}
	if at.kind != isInt && at.kind != isBig {
		return at, errKinds
	}
	var found value
	n := int64(0)
	for i := range x.items {
		item := &x.items[i]
		err := e.ways(item.clauses, func() (err error) {
			if n++; at.kind != isInt || n-1 != at.i {
				return e.step()
			}
			if found, err = e.eval(item.value); err == nil {
				err = errFound
			}
			return err
		})
		if errors.Is(err, errFound) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
	}
	return found, errIndex
}

// entry computes one field of a struct that an expression makes.
func (e *env) entry(x, index *expr) (value, error) {
	name, err := e.scalar(index)
	if err != nil {
		return name, err
	}
	if name.kind != isStr {
		return name, errKinds
	}
	t := &tree{}
	for i := range x.groups {
		g := &x.groups[i]
		if g.name != name.s {
			continue
		}
		for j := range g.makes {
			if err := e.makeField(t, g.name, &g.makes[j]); err != nil {
				return name, err
			}
		}
		t.fill(g)
	}
	if len(t.members) == 0 {
		return name, errIndex
	}
	return t.members[0].value, nil
}

// structure makes a struct.
func (e *env) structure(x *expr) (value, error) {
	t := e.room.tree(len(x.groups))
	for i := range x.groups {
		g := &x.groups[i]
		for j := range g.makes {
			if err := e.makeField(t, g.name, &g.makes[j]); err != nil {
				return value{}, err
			}
		}
		if len(x.dynamic) == 0 {
			t.fill(g)
		}
	}
	for i := range x.dynamic {
		if err := e.makeField(t, "", &x.dynamic[i]); err != nil {
			return value{}, err
		}
	}
	for i := range x.groups {
		t.fill(&x.groups[i])
	}
	return value{kind: isStruct, tree: t}, e.extras(t, x)
}

// fill adds the default of a field that is not made.
func (t *tree) fill(g *group) {
	if g.fill != nil && t.find(g.name) < 0 {
		t.add(member{name: g.name, value: g.fill.lit, filled: true})
	}
}

// makeField adds a field in every way in which its clauses and conditions hold. Fields of one name must agree.
func (e *env) makeField(t *tree, name string, f *fieldExpr) (err error) {
	if len(f.clauses) == 0 {
		err = e.makeOnce(t, name, f)
	} else {
		err = e.ways(f.clauses, func() error { return e.makeOnce(t, name, f) })
	}
	if err != nil {
		return fmt.Errorf("%w: %w", f.fails, err)
	}
	return nil
}

func (e *env) makeOnce(t *tree, name string, f *fieldExpr) error {
	for _, c := range f.conditions {
		if holds, err := e.truth(c); err != nil || !holds {
			return err
		}
	}
	if f.key != nil {
		key, err := e.scalar(f.key)
		if err != nil {
			return err
		}
		if key.kind != isStr {
			return errKinds
		}
		name = key.s
	}
	v, err := e.eval(f.value)
	if err != nil {
		if f.optional && err == f.value.absent {
			return nil
		}
		return err
	}
	return e.addField(t, member{name: name, value: v, from: f.value}, f.own)
}

// addField adds a field, or checks that it agrees with one of that name; what stands in its own place stays there.
func (e *env) addField(t *tree, m member, own bool) error {
	i := t.find(m.name)
	if i < 0 {
		t.add(m)
		return e.spend(elementCost)
	}
	if !e.same(t.members[i].value, m.value, false) {
		return errConflict
	}
	if own {
		t.members[i] = m
	}
	return nil
}

// extras adds what the source has in the place of a struct and an open shape does not declare. What the program sets
// must agree with it; a default gives way.
func (e *env) extras(t *tree, x *expr) error {
	carries := len(x.at) > 0 && x.open || len(x.at) == 0 && e.open
	if !carries || x.at == nil || !x.below.isOpen() {
		return nil
	}
	source := e.root
	if e.flat {
		source = e.whole()
	}
	source, ok := source.path(x.at)
	if isMap, is := source.isComposite(); !ok || !is || !isMap {
		return nil
	}
	return source.each(func(_ int, name string, v value) error {
		if x.below.declares(name) {
			return nil
		}
		m := member{name: name, value: v}
		i := t.find(name)
		switch {
		case i < 0:
			t.add(m)
			return e.step()
		case x.below.describes(name) && !t.members[i].filled:
			return nil // what the program sets is not carried
		case !t.members[i].filled && !e.same(t.members[i].value, v, false):
			return fmt.Errorf("field %s: %w", name, errConflict)
		}
		t.members[i] = m
		return nil
	})
}
