package transform

// find returns the place of a member by name, -1 if there is none.
func (t *tree) find(name string) int {
	if t.index != nil {
		if i, ok := t.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range t.members {
		if t.members[i].name == name {
			return i
		}
	}
	return -1
}

// add appends a member to a tree that is being made.
func (t *tree) add(m member) {
	t.members = append(t.members, m)
	switch n := len(t.members); {
	case n < few:
	case n == few:
		t.index = make(map[string]int, 2*few)
		t.reindex()
	default:
		t.index[m.name] = n - 1
	}
}

// reindex finds the members anew after they were sorted.
func (t *tree) reindex() {
	if t.index == nil {
		return
	}
	for i := range t.members {
		t.index[t.members[i].name] = i
	}
}

// field returns the field of a struct.
func (v value) field(name string) (value, bool) {
	switch v.kind {
	case isNode:
		if v.doc.nodes[v.i].kind != nodeStruct {
			return value{}, false
		}
		i, ok := v.doc.member(int32(v.i), name)
		return value{kind: isNode, i: int64(i), doc: v.doc, typ: v.typ.ofField(v, name)}, ok
	case isStruct:
		i := v.tree.find(name)
		if i < 0 {
			return value{}, false
		}
		return v.typedMember(i), true
	}
	return value{}, false
}

// path returns the part at a path.
func (v value) path(path []string) (value, bool) {
	for _, name := range path {
		next, ok := v.field(name)
		if !ok {
			return value{}, false
		}
		v = next
	}
	return v, true
}

// typedMember returns a member of a tree. In one that a shape describes the shape also says what the member is; in one
// that a program is making the member knows it itself.
func (v value) typedMember(i int) value {
	m := v.tree.members[i]
	if v.typ == nil {
		return m.value
	}
	if v.kind == isStruct {
		m.value.typ = v.typ.ofField(v, m.name)
	} else {
		m.value.typ = v.typ.ofElement(v, i)
	}
	return m.value
}

// element returns an element of a list.
func (v value) element(at int64) (value, bool) {
	switch v.kind {
	case isNode:
		i, n := v.doc.nodes[v.i].first, int64(0)
		for ; i != 0 && n < at; n++ {
			i = v.doc.nodes[i].next
		}
		v.doc.walked(int(n))
		if i == 0 || at < 0 || v.doc.nodes[v.i].kind != nodeArray {
			return value{}, false
		}
		return value{kind: isNode, i: int64(i), doc: v.doc, typ: v.typ.ofElement(v, int(at))}, true
	case isList:
		if at < 0 || at >= int64(len(v.tree.members)) {
			return value{}, false
		}
		return v.typedMember(int(at)), true
	}
	return value{}, false
}

// size returns how many elements or fields a list or struct has.
func (v value) size() int {
	if v.kind == isNode {
		return v.doc.size(int32(v.i))
	}
	return len(v.tree.members)
}

// each calls f with every element or field until it fails.
func (v value) each(f func(i int, name string, x value) error) error {
	v.typ = v.typ.only(v)
	if v.kind != isNode {
		for i, m := range v.tree.members {
			if err := f(i, m.name, v.typedMember(i)); err != nil {
				return err
			}
		}
		return nil
	}
	at, isMap := 0, v.doc.nodes[v.i].kind == nodeStruct
	for i := v.doc.nodes[v.i].first; i != 0; i = v.doc.nodes[i].next {
		n := &v.doc.nodes[i]
		x := value{kind: isNode, i: int64(i), doc: v.doc}
		if isMap {
			x.typ = v.typ.ofField(v, n.name)
		} else {
			x.typ = v.typ.ofElement(v, at)
		}
		if err := f(at, n.name, x); err != nil {
			return err
		}
		at++
	}
	return nil
}

// spread returns a list or struct as a tree with its spelling, one level deep. It has one of its own: it may be changed.
func (v value) spread() *tree {
	t := &tree{members: make([]member, 0, v.size())}
	t.open, t.close = v.ends()
	var m member
	v.typ = v.typ.only(v)
	for w := (walker{value: v, typed: true}); w.next(&m); {
		t.add(m)
	}
	return t
}

// ends returns what stands before the first and behind the last member, the brackets included; of MessagePack the head.
func (v value) ends() (open, end string) {
	if v.kind != isNode {
		return v.tree.open, v.tree.close
	}
	d, object := v.doc, v.doc.nodes[v.i]
	if d.msgpack {
		return msgOpen(d, object), ""
	}
	start, stop := object.start, object.end
	if v.i == 0 {
		start, stop = 0, int32(len(d.text))
	}
	first, last := object.end-1, object.end-1
	for i := object.first; i != 0; i = d.nodes[i].next {
		if i == object.first {
			first = d.nodes[i].begin(object.kind)
		}
		last = d.nodes[i].end
	}
	return d.text[start:first], d.text[last:stop]
}

// begin returns where a child of a list or an object begins, with its name.
func (n *node) begin(parent nodeKind) int32 {
	if parent == nodeStruct {
		return n.nameStart
	}
	return n.start
}

// walker walks the members of a list or struct with their spelling.
type walker struct {
	value value
	typed bool // say of what type the values are
	at    int
	node  int32
	end   int32 // of the member before
}

// next fills m with the next member, and tells whether there is one.
func (w *walker) next(m *member) bool {
	v := &w.value
	if v.kind != isNode {
		if w.at == len(v.tree.members) {
			return false
		}
		*m = v.tree.members[w.at]
		m.value = v.typedMember(w.at)
		w.at++
		return true
	}
	d, parent := v.doc, &v.doc.nodes[v.i]
	if w.at == 0 {
		w.node = parent.first
	}
	if w.node == 0 {
		return false
	}
	n := &d.nodes[w.node]
	m.name, m.value = n.name, value{kind: isNode, i: int64(w.node), doc: d}
	m.token, m.colon, m.sep = "", "", ""
	if parent.kind == nodeStruct {
		m.token, m.colon = d.text[n.nameStart:n.nameEnd], d.text[n.nameEnd:n.start]
	}
	if w.at > 0 && !d.msgpack {
		m.sep = d.text[w.end:n.begin(parent.kind)]
	}
	if w.typed && parent.kind == nodeStruct {
		m.value.typ = v.typ.ofField(*v, n.name)
	} else if w.typed {
		m.value.typ = v.typ.ofElement(*v, w.at)
	}
	w.at, w.node, w.end = w.at+1, n.next, n.end
	return true
}

// msgOpen returns the head of a list or map.
func msgOpen(d *document, object node) string {
	end := object.end
	if i := object.first; i != 0 && object.kind == nodeStruct {
		end = d.nodes[i].nameStart
	} else if i != 0 {
		end = d.nodes[i].start
	}
	return d.text[object.start:end]
}
