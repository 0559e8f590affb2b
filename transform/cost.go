package transform

// The work of a program is counted in steps: an expression is one, and what it reads costs as much as it takes to read.
// A step is about a quarter of a microsecond on the machines of the time; all below were measured.
const (
	textCost     = 64   // bytes of a text that are read in a step
	builtinCost  = 8    // bytes that a builtin works on in a step
	nodeCost     = 16   // values of a document that are passed in a step
	functionCost = 1500 // a logarithm and the like, in 34 digits
)

// cost is the work of reading a scalar.
func (v value) cost() int {
	switch v.kind {
	case isBig:
		return v.num.big.BitLen() / nodeCost
	case isDec:
		e := int(v.num.dec.Exponent)
		return (max(e, -e) + v.num.dec.Coeff.BitLen()) / 4
	}
	return len(v.s) / textCost
}

// argument is the work of a builtin on one of its arguments.
func (v value) argument() int {
	if _, ok := v.isComposite(); ok {
		return 2 * v.size()
	}
	return 1 + len(v.s)/builtinCost
}

// same compares as value.same does, and charges what it reads. Nothing is the same once the budget is spent.
func (b *budget) same(v, w value, kinds bool) bool {
	vMap, vIs := v.isComposite()
	wMap, wIs := w.isComposite()
	if vIs || wIs {
		if !vIs || !wIs || vMap != wMap || b.work(1) != nil {
			return false
		}
		if n := v.size(); n != w.size() || b.work(4*n) != nil {
			return false
		}
		return b.sameMembers(v.spread(), w.spread(), vMap, kinds)
	}
	x, xErr := v.scalar()
	y, yErr := w.scalar()
	if b.work(2+x.cost()+y.cost()) != nil || xErr != nil || yErr != nil {
		return false
	}
	if x.isNumber() && y.isNumber() {
		return compareNumbers(x, y) == 0 && (!kinds || (x.kind == isDec) == (y.kind == isDec))
	}
	return x.kind == y.kind && x.i == y.i && x.s == y.s
}

func (b *budget) sameMembers(v, w *tree, isMap, kinds bool) bool {
	for i, m := range v.members {
		j := i
		if isMap {
			j = w.find(m.name)
		}
		if j < 0 || !b.same(m.value, w.members[j].value, kinds) {
			return false
		}
	}
	return true
}

// result charges what is to be written of a value that a program made, each part as often as it stands there.
func (b *budget) result(v value) error {
	switch v.kind {
	case isNode:
		return b.spend(int(v.doc.nodes[v.i].end - v.doc.nodes[v.i].start))
	case isList, isStruct:
		for i := range v.tree.members {
			m := &v.tree.members[i]
			if err := b.result(m.value); err != nil {
				return err
			}
		}
		return b.work(1 + len(v.tree.members)/2)
	}
	return b.spend(len(v.s))
}
