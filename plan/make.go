package plan

import (
	"cmp"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// Make orders what it takes to come from have to want, a united catalogue (state.Union). The changes are those of
// diff.Compute on the same arguments: parts of the system without a change get no steps, parts with a hold or
// without a safe order are Blocked, and every other part is planned by itself. The plan depends on content alone:
// the order of lists in the arguments, counts and positions in files do not matter.
func Make(want state.Desired, have state.Observed, changes []diff.Change) Plan {
	want, have = sortedDesired(want), sortedObserved(have)
	x := diff.NewIndex(want, have)
	p := Plan{System: want.System, Broken: broken(x, want)}
	touched := grouped(changes)
	for _, sub := range subsystems(x, want) {
		mine := sub.among(touched)
		if len(mine) == 0 {
			continue
		}
		if held := sub.holds(x, mine); len(held) > 0 {
			p.Blocked = append(p.Blocked, held...)
			continue
		}
		steps, blocked := order(sub.want, x.Within(sub.want), strangers(x, want, have))
		for i := range steps {
			steps[i].Part = len(p.Parts)
		}
		if len(steps) > 0 {
			p.Parts = append(p.Parts, Part{Components: sub.components(), Keyspaces: sub.keyspaces()})
		}
		p.Steps = append(p.Steps, steps...)
		p.Blocked = append(p.Blocked, blocked...)
	}
	slices.SortFunc(p.Blocked, compareBlocked)
	return seal(p, x)
}

func compareBlocked(a, b Blocked) int {
	return cmp.Or(slices.Compare(a.Components, b.Components), slices.Compare(a.Keyspaces, b.Keyspaces),
		cmp.Compare(a.Code, b.Code), cmp.Compare(a.Reason, b.Reason))
}

// order plans one subsystem, in a system in which some components run what nobody knows.
func order(want state.Desired, have state.Observed, strangers []string) ([]Step, []Blocked) {
	b := builder{Index: diff.NewIndex(want, have), want: want, strangers: strangers}
	if b, ok := tooManyVersions(b.Index, want); ok {
		return nil, []Blocked{b}
	}
	m := newModel(b.Index, want)
	if m.done(m.start()) {
		blocked := b.prunes()
		return b.steps, blocked
	}
	b.finish()
	if len(b.steps) > 0 {
		m = newModel(b.Index, want)
	}
	f := m.search()
	if !f.ok {
		return nil, []Blocked{m.explain(want, have, f)}
	}
	n := m.start()
	for _, mv := range f.moves {
		b.expand(m, n, mv)
		n = m.take(n, mv)
	}
	blocked := b.prunes()
	return b.steps, blocked
}

// finish adds the steps that end what has begun and is not over: components that are being stopped, and rewrites that
// were not verified.
func (b *builder) finish() {
	for _, c := range b.want.Components {
		want, have := b.AroundComponent(c.Name)
		live, _ := have.FindRunning(c.Name)
		if live.Stopped && len(live.Releases) > 0 && !c.External && !c.Removed {
			b.add(want, have, stopStep(want, have, c))
		}
	}
	for _, k := range b.want.Keyspaces {
		if know := know(b.Index, k); know.pending() && (k.Version != "" || !know.pruned) {
			b.verify(k, know.rewritten)
		}
	}
}

// builder turns moves into steps and follows the world through them.
type builder struct {
	*diff.Index
	want      state.Desired
	strangers []string // of the whole system
	steps     []Step
}

// expand adds a move's steps: a rewrite comes after its backup, if it needs one, and is verified at once; a keyspace of which a
// rollout reads less is verified before it, unless it is already.
func (b *builder) expand(m *model, n node, mv move) {
	if mv.kind == moveRewrite {
		k := b.want.Keyspaces[mv.object]
		to := m.keys[mv.object].to[mv.to].version
		want, have := b.Around(k.Name)
		if know := learn(want, have, k); needsBackup(k, know.lacking(to), to) && !know.backed(to) && !ablated(invariantRecoverable) {
			b.add(want, have, backupStep(want, have, k, to))
			want, have = b.Around(k.Name)
		}
		b.add(want, have, rewriteStep(want, have, k, to))
		b.verify(k, to)
		return
	}
	c := b.want.Components[mv.object]
	if want, have := b.AroundComponent(c.Name); mv.kind == moveStop {
		b.add(want, have, stopStep(want, have, c))
		return
	} else if mv.kind == moveStart {
		b.add(want, have, startStep(want, have, c))
		return
	}
	r := c.Releases[mv.to]
	for _, u := range m.comps[mv.object].releases[mv.to].uses {
		k := b.want.Keyspaces[u.key]
		if m.narrows(n, mv.object, mv.to, u.key) && !know(b.Index, k).verified {
			want, have := b.Around(k.Name)
			b.add(want, have, confirmStep(k, c, r))
		}
	}
	want, have := b.AroundComponent(c.Name)
	b.add(want, have, rolloutStep(want, have, c, r))
}

func (b *builder) verify(k state.Keyspace, to state.Version) {
	want, have := b.Around(k.Name)
	b.add(want, have, verifyStep(k, to))
}

// add adds a step that bears on a part of the system alone.
func (b *builder) add(want state.Desired, have state.Observed, s Step) {
	b.steps = append(b.steps, s)
	b.Put(End(want, have, s))
}

// seal computes the digests, from the last step of each part to its first.
func seal(p Plan, x *diff.Index) Plan {
	none := state.DigestOf([]string{p.System})
	for i := len(p.Steps) - 1; i >= 0; i-- {
		next := none
		if i+1 < len(p.Steps) && p.Steps[i+1].Part == p.Steps[i].Part {
			next = p.Steps[i+1].Digest
		}
		p.Steps[i].Digest = digest(x, p.Steps[i], next)
		p.Parts[p.Steps[i].Part].Digest = p.Steps[i].Digest
	}
	p.Digest = p.digest()
	return p
}

// digest is that of the parts together.
func (p Plan) digest() state.Digest {
	switch len(p.Parts) {
	case 0:
		return state.DigestOf([]string{p.System})
	case 1:
		return p.Parts[0].Digest
	}
	firsts := make([]state.Digest, len(p.Parts))
	for i := range p.Parts {
		firsts[i] = p.Parts[i].Digest
	}
	return state.DigestOf(firsts)
}

// content is what a step's digest is made of: what is to be done, to which classes, by which definitions, and
// everything after it in its part. The releases that a rollout replaces are left out, because they vanish while it runs.
type content struct {
	Kind       Kind
	Object, To string
	From       []string
	Strategy   state.Strategy `json:",omitempty"`
	Losses     []state.Loss
	Mixes      bool         `json:",omitempty"`
	Archived   bool         `json:",omitempty"`
	Backup     state.Backup `json:",omitempty"` // policy of a rewrite before which there may be none; a suffix begins behind it
	Where      string       `json:",omitempty"` // the workload, or the store
	Definition state.Digest
	Next       state.Digest
}

// where names what a step works on: an approval is of that, too.
func where(x *diff.Index, s Step) string {
	if !s.OnComponent() {
		k, _ := x.Keyspace(s.Object)
		return k.Store
	}
	c, _ := x.Component(s.Object)
	if c.Workload == nil {
		return ""
	}
	return c.Workload.Kind + " " + c.Workload.Namespace + "/" + c.Workload.Name
}

func digest(x *diff.Index, s Step, next state.Digest) state.Digest {
	c := content{Kind: s.Kind, Object: s.Object, To: s.To, Strategy: s.Strategy, Losses: s.Losses, Mixes: s.Mixes, Where: where(x, s), Next: next}
	switch s.Kind {
	case Rollout:
		comp, _ := x.Component(s.Object)
		r, _ := comp.FindRelease(s.To)
		c.Definition = state.DefinitionDigest(r)
	case Scale:
		if s.To == BackUp {
			comp, _ := x.Component(s.Object)
			r, _ := comp.FindRelease(strings.Join(s.From, ""))
			c.From, c.Definition = s.From, state.DefinitionDigest(r)
		}
	case Rewrite:
		k, _ := x.Keyspace(s.Object)
		shape, _ := k.FindShape(state.Version(s.To))
		var routes [][]diff.Hop
		for _, class := range s.From {
			path, _ := diff.Route(k, state.Class(class), shape.Version)
			routes = append(routes, path)
		}
		c.From = s.From
		if k.Policy.Backup != state.BackupAlways {
			c.Backup = k.Policy.Backup
		}
		c.Definition = state.DefinitionDigest([]any{shape, routes})
	case Backup:
		c.From = s.From
	case Prune:
		k, _ := x.Keyspace(s.Object)
		c.From, c.Archived, c.Definition = s.From, s.Archived, state.DefinitionDigest(k.Shapes)
	case Verify:
		k, _ := x.Keyspace(s.Object)
		shape, _ := k.FindShape(state.Version(s.To))
		c.Definition = state.DefinitionDigest(shape)
	}
	return state.DigestOf(c)
}

// sortedDesired returns the system with every list that stands for a set in its order.
func sortedDesired(d state.Desired) state.Desired {
	byVersion := func(a, b string) int {
		return cmp.Or(state.Version(a).Compare(state.Version(b)), cmp.Compare(a, b))
	}
	d.Keyspaces = sorted(d.Keyspaces, func(a, b state.Keyspace) int { return cmp.Compare(a.Name, b.Name) })
	for i := range d.Keyspaces {
		k := &d.Keyspaces[i]
		k.Shapes = sorted(k.Shapes, func(a, b state.Shape) int { return byVersion(string(a.Version), string(b.Version)) })
		k.Migrations = sorted(k.Migrations, func(a, b state.Migration) int { return byVersion(string(a.To), string(b.To)) })
	}
	d.Components = sorted(d.Components, func(a, b state.Component) int { return cmp.Compare(a.Name, b.Name) })
	for i := range d.Components {
		c := &d.Components[i]
		c.Releases = sorted(c.Releases, func(a, b state.Release) int { return byVersion(a.Name, b.Name) })
		for j := range c.Releases {
			r := &c.Releases[j]
			r.Uses = sorted(r.Uses, func(a, b state.Use) int { return cmp.Compare(a.Keyspace, b.Keyspace) })
			r.Images = sorted(r.Images, func(a, b state.Image) int { return cmp.Compare(a.Container, b.Container) })
		}
	}
	return d
}

func sortedObserved(o state.Observed) state.Observed {
	o.Components = sorted(o.Components, func(a, b state.Running) int { return cmp.Compare(a.Component, b.Component) })
	o.Keyspaces = sorted(o.Keyspaces, func(a, b state.Live) int { return cmp.Compare(a.Keyspace, b.Keyspace) })
	return o
}

func sorted[T any](list []T, by func(a, b T) int) []T {
	out := slices.Clone(list)
	slices.SortStableFunc(out, by)
	return out
}
