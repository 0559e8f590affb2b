package keyspace

import (
	"fmt"
	"slices"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// change is what is to be done to one unit: what it was, what it will be, and the compare-and-set between.
type change struct {
	target
	op            op
	from          state.Version
	before, after transform.Unit
	edit          transform.Edit    // of a hash: what must be there, and what is written and deleted
	index         int               // of an element of a list
	expireAt      int64             // of the key, Unix milliseconds, where a version has a rule for it
	logged        bool              // before may not come back by the way back: it is logged first
	renamed       map[string]string // of a hash: see transform.Programs.Renames
	taken         bool              // of a move: what it becomes is there already, and only what it was goes
	mixed         bool              // before mixes versions, of which the job's winner won
	given         int64             // when the key expires if it is given a time to live, Unix milliseconds; 0: the script tells
}

// verdict is what a unit is and what follows from it.
type verdict struct {
	class  state.Class
	reason string // why the unit cannot be brought to the target; empty if it can, or is there already
	wanted bool   // there is something to do
}

// classify tells the class of a unit that was read, and why if it has none.
func (r *route) classify(u transform.Unit) (state.Class, string) { return r.programs.Classify(u) }

// goal is where a rewrite brings the units of a route.
type goal struct {
	*route
	to     state.Version
	winner state.Version         // see Job.Winner
	ways   map[state.Version]way // by the version that they start from
}

// way is what the writer has to know of the programs between two versions.
type way struct {
	exact   bool              // every unit is proved to come back
	reads   []string          // see transform.Programs.Reads
	lost    []string          // see transform.Programs.Lost
	renamed map[string]string // see transform.Programs.Renames
}

func (r *route) goal(to state.Version) goal {
	g := goal{route: r, to: to, ways: map[state.Version]way{}}
	for _, s := range r.keyspace.Shapes {
		w := way{reads: r.programs.Reads(s.Version, to), renamed: r.programs.Renames(s.Version, to), lost: r.programs.Lost(s.Version, to)}
		w.exact, _ = r.programs.Exact(s.Version, to)
		g.ways[s.Version] = w
	}
	return g
}

// alwaysExact tells whether every unit that can be brought to the goal is proved to come back.
func (g *goal) alwaysExact() bool {
	for v, w := range g.ways {
		if _, ok := g.programs.Path(v, g.to); ok && v != g.to && !w.exact {
			return false
		}
	}
	return true
}

// decide tells what a unit needs to be of the goal's version, and puts it into c, which is empty, if it is wanted. It is
// pure. U is the key that it was read from, part the unit, index its place in a list. What the change is made of is in the
// room.
func (g *goal) decide(u *unit, part transform.Unit, index int, c *change, room *transform.Room) verdict {
	b := g.programs.Bring(part, g.to, room)
	if b.Class == state.Unfit && g.winner == g.to {
		return g.decideMixed(u, part, b.Reason, c, room)
	}
	if b.From == "" {
		return verdict{class: b.Class, reason: b.Reason}
	}
	if reason := g.outgrown(b.After); reason != "" {
		return verdict{class: b.Class, reason: reason}
	}
	class, from, after := b.Class, b.From, b.After
	w := g.ways[from]
	c.target, c.op, c.from, c.before, c.after = u.target, opOf(part, after), from, part, after // it is large, and empty
	c.index, c.expireAt, c.renamed = index, u.expireAt, w.renamed
	if c.op == opNone {
		return verdict{class: class, reason: fmt.Sprintf("a %s cannot be rewritten in place", part.Type)}
	}
	respelled := kindIn(part) != kindIn(after) // what is proved is what it means, and not how it was spelled
	c.logged = (!w.exact || respelled) && (w.loses(part) || !g.programs.Returns(part, after, from, g.to, room))
	switch {
	case c.op == opHash && !c.logged:
		c.edit = transform.Diff(part, after, w.reads, room)
	case c.op == opHash || c.op == opMove:
		c.edit = transform.Diff(part, after, everyField, room) // what is logged must be what was there, carried fields too
	}
	return verdict{class: class, wanted: true}
}

// everyField lets every field be compared.
var everyField = transform.Whole()

// loses tells whether a unit has a field that the way back never makes.
func (w *way) loses(u transform.Unit) bool {
	return len(w.lost) > 0 && slices.ContainsFunc(u.Fields, func(f transform.Field) bool { return slices.Contains(w.lost, f.Name) })
}

// decideMixed tells what a unit of no version needs if it mixes the goal's version, which wins, with another one. Reason
// says why it fits none. What it was is always logged, and all of it is compared: nothing proves which write came last.
func (g *goal) decideMixed(u *unit, part transform.Unit, reason string, c *change, room *transform.Room) verdict {
	after, from, ok := g.programs.Resolve(part, g.winner)
	if !ok || after.Key != part.Key {
		return verdict{class: state.Unfit, reason: reason}
	}
	if reason := g.outgrown(after); reason != "" {
		return verdict{class: state.Unfit, reason: reason}
	}
	*c = change{
		target: u.target, op: opHash, from: from, before: part, after: after, expireAt: u.expireAt, renamed: g.ways[from].renamed,
		edit: transform.Diff(part, after, everyField, room), logged: true, mixed: true,
	}
	return verdict{class: state.Unfit, wanted: true}
}

// sameContent compares what units hold, beside their keys and times to live.
func sameContent(a, b transform.Unit) bool {
	if a.Text != b.Text || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if a.Fields[i] != b.Fields[i] {
			return false
		}
	}
	return true
}

// units calls see with every unit of a key that was read, and its place in a list.
func (u *unit) units(see func(part transform.Unit, index int, repeated bool)) {
	if !u.many() {
		see(u.Unit, 0, false)
		return
	}
	for i := range u.parts {
		see(u.parts[i], u.first+i, i < u.repeated)
	}
}

// many tells whether a key holds many units.
func (u *unit) many() bool {
	k := u.mode
	if k == readPages {
		k = u.paged
	}
	return u.unfit == "" && kindOf[k].count != ""
}
