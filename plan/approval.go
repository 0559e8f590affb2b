package plan

import (
	"slices"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// Approval returns what the policy of the object of a step demands, or least if that is stricter.
func (p Plan) Approval(want state.Desired, step int, least state.Approval) state.Approval {
	k, c := p.about(want, step)
	return least.Stricter(k.Policy.Approval).Stricter(c.Policy.Approval)
}

// OnFailure returns what the policy of the object of a step wants done if the step fails.
func (p Plan) OnFailure(want state.Desired, step int) state.OnFailure {
	k, c := p.about(want, step)
	if k.Policy.OnFailure == state.OnFailureRollback || c.Policy.OnFailure == state.OnFailureRollback {
		return state.OnFailureRollback
	}
	return state.OnFailureHold
}

// about returns the keyspace or the component that a step is about, the other empty.
func (p Plan) about(want state.Desired, step int) (k state.Keyspace, c state.Component) {
	if s := p.Steps[step]; s.OnComponent() {
		c, _ = want.FindComponent(s.Object)
	} else {
		k, _ = want.FindKeyspace(s.Object)
	}
	return k, c
}

// OnComponent tells whether the object of the step is a component, and not a keyspace.
func (s Step) OnComponent() bool { return s.Kind == Rollout || s.Kind == Scale }

// Asking returns the parts of a plan that demand a person's approval, by their indexes: those with a step whose policy
// demands it, or would with an approval of least. A backup and a verify lose nothing, but they are for what follows, so
// that the part waits as a whole.
func (p Plan) Asking(want state.Desired, least state.Approval) []int {
	var parts []int
	for i, s := range p.Steps {
		if slices.Contains(parts, s.Part) {
			continue
		}
		approval := p.Approval(want, i, least)
		if approval == state.ApprovalAlways || approval == state.ApprovalDestructive && p.Destructive(want, i) {
			parts = append(parts, s.Part)
		}
	}
	return parts
}

// Destructive tells whether a step loses something that a person may have to decide on: it loses data, even if an undo log
// keeps that, it stops a component, or it rewrites units of which no backup is kept.
func (p Plan) Destructive(want state.Desired, step int) bool {
	s := p.Steps[step]
	k, _ := p.about(want, step)
	return s.Risk.AtLeast(diff.RiskLossy) || s.Kind == Rewrite && k.Policy.Backup == state.BackupNever
}

// Only returns the plan of some parts, by their indexes in increasing order. The digests of its steps stay.
func (p Plan) Only(parts []int) Plan {
	out := Plan{System: p.System, Broken: p.Broken}
	for _, s := range p.Steps {
		i, found := slices.BinarySearch(parts, s.Part)
		if !found {
			continue
		}
		s.Part = i
		out.Steps = append(out.Steps, s)
	}
	for _, i := range parts {
		out.Parts = append(out.Parts, p.Parts[i])
	}
	out.Digest = out.digest()
	return out
}

// PartOf returns the part of a system that the object of a step is in, whether it has steps or not.
func PartOf(want state.Desired, have state.Observed, s Step) (Part, bool) {
	sub, ok := subsystemOf(want, have, s)
	return Part{Components: sub.components(), Keyspaces: sub.keyspaces()}, ok
}

// Narrow returns the part of a system that the object of a step is in, as a system: by itself it is planned as it is with the
// others.
func Narrow(want state.Desired, have state.Observed, s Step) (state.Desired, bool) {
	sub, ok := subsystemOf(want, have, s)
	return sub.want, ok
}

func subsystemOf(want state.Desired, have state.Observed, s Step) (subsystem, bool) {
	want, have = sortedDesired(want), sortedObserved(have)
	for _, sub := range subsystems(diff.NewIndex(want, have), want) {
		mine := sub.keyspaces()
		if s.OnComponent() {
			mine = sub.components()
		}
		if slices.Contains(mine, s.Object) {
			return sub, true
		}
	}
	return subsystem{}, false
}

// Goal returns the digest of what is wanted of the objects of a part: their desired releases and versions, and the policies.
// It changes with the spec, not with what is observed on the way.
func (p Part) Goal(want state.Desired) state.Digest {
	type component struct {
		Name    string
		Release state.Release
		Policy  state.ComponentPolicy
	}
	type keyspace struct {
		Name       string
		Shape      state.Shape
		Migrations []state.Migration
		Policy     state.Policy
		Retire     state.Retire `json:",omitempty"`
	}
	var goal struct {
		Components []component
		Keyspaces  []keyspace
	}
	for _, name := range p.Components {
		c, _ := want.FindComponent(name)
		r, _ := c.FindRelease(c.Release)
		goal.Components = append(goal.Components, component{name, r, c.Policy})
	}
	for _, name := range p.Keyspaces {
		k, _ := want.FindKeyspace(name)
		s, _ := k.FindShape(k.Version)
		m := slices.DeleteFunc(slices.Clone(k.Migrations), func(m state.Migration) bool { return m.To != k.Version })
		var retire state.Retire
		if k.Version == "" {
			retire = want.RetireOf(k)
		}
		goal.Keyspaces = append(goal.Keyspaces, keyspace{name, s, m, k.Policy, retire})
	}
	return state.DefinitionDigest(goal)
}
