package apply

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// planned plans, and holds what the spec asks for and this program cannot do yet: no demand of a policy is ever passed over
// in silence, and nothing is written to what cannot be observed. Durable tells whether there is a place for backups and undo
// logs; without one, what needs it is held, too. Held are holds of what may not be begun now. What cannot be done is found
// in the plan itself, so that another one is made only if there is such.
func planned(want state.Desired, have state.Observed, durable bool, held []diff.Change) plan.Plan {
	known := changes(want, have, held)
	for {
		slices.SortStableFunc(known, func(a, b diff.Change) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Of, b.Of), cmp.Compare(a.Reason, b.Reason))
		})
		p := plan.Make(want, have, known)
		more := onTheWay(want, p, durable)
		if len(more) == 0 {
			return p
		}
		known = append(known, more...)
	}
}

// changes compares, and adds the holds that do not depend on the plan.
func changes(want state.Desired, have state.Observed, held []diff.Change) []diff.Change {
	out := diff.Compute(want, have)
	holds := slices.Clone(held)
	for _, c := range out {
		if c.OnKeyspace() && c.Kind != diff.Hold {
			k, _ := want.FindKeyspace(c.Object)
			holds = append(holds, unbuilt(c, diff.OfKeyspace, keyspaceDemands(want, k))...)
		}
	}
	for _, c := range want.Components {
		if i := slices.IndexFunc(c.Releases, func(r state.Release) bool { return len(r.Env) > 0 }); i >= 0 && !c.External {
			change := diff.Change{Object: c.Name, To: c.Release}
			holds = append(holds, unbuilt(change, "", []string{fmt.Sprintf("release %s sets env", c.Releases[i].Name)})...)
		}
	}
	return append(out, holds...)
}

// onTheWay returns holds for the first step of each part of a plan that touches what has no change of its own and cannot be
// done: a pass over a keyspace that a rollout is to read, a backup for which there is no place.
// Each takes the steps of its part out of the plan, and no part has to do with another.
func onTheWay(want state.Desired, p plan.Plan, durable bool) (holds []diff.Change) {
	held := make([]bool, len(p.Parts))
	for _, s := range p.Steps {
		if held[s.Part] {
			continue
		}
		found := impossible(want, s, durable)
		held[s.Part] = len(found) > 0
		holds = append(holds, found...)
	}
	return holds
}

// impossible returns holds of what a step does that cannot be done.
func impossible(want state.Desired, s plan.Step, durable bool) (holds []diff.Change) {
	c := diff.Change{Object: s.Object, To: s.To}
	switch s.Kind {
	case plan.Rewrite, plan.Prune:
		k, _ := want.FindKeyspace(s.Object)
		holds = unbuilt(c, diff.OfKeyspace, keyspaceDemands(want, k))
	case plan.Verify:
		k, _ := want.FindKeyspace(s.Object)
		if what := keyspace.Unsupported(k); what != "" {
			holds = unbuilt(c, diff.OfKeyspace, []string{what})
		}
	}
	if !durable && keeps(s) {
		holds = append(holds, homeless(s))
	}
	return holds
}

// unbuilt makes one hold of what an object demands in vain, none if there is nothing.
func unbuilt(c diff.Change, of diff.Of, demands []string) []diff.Change {
	if len(demands) == 0 {
		return nil
	}
	return []diff.Change{{
		Kind: diff.Hold, Object: c.Object, Of: of, From: c.From, To: c.To, Risk: diff.RiskNone, Code: diff.Code(plan.NotBuilt),
		Reason: "needs what this version of Keyshift declares and plans, and cannot do yet: " + strings.Join(demands, "; "),
		WayOut: "take that out of the spec, or wait for the version that can",
	}}
}

// homeless holds a keyspace that needs a backup or an undo log where there is no place for one.
func homeless(s plan.Step) diff.Change {
	c := diff.Change{Kind: diff.Hold, Object: s.Object, Of: diff.OfKeyspace, To: s.To, Risk: diff.RiskNone, Code: StateMissing}
	c.Reason = fmt.Sprintf("is to be backed up before it is brought to %s, and there is no durable place for that", s.To)
	if s.To == "" {
		c.Reason = "is to be backed up before it is deleted, and there is no durable place for that"
	} else if s.Kind != plan.Backup {
		c.Reason = fmt.Sprintf("loses something on the way to %s, and there is no durable place for its undo log", s.To)
		if len(s.Losses) == 0 && s.Mixes {
			c.Reason = fmt.Sprintf("may have units that mix %s with another version, and there is no durable place for the undo log that is to keep them", s.To)
		}
		if len(s.Losses) == 0 && s.Moves {
			c.Reason = fmt.Sprintf("may have units that give way to others on the way to %s, and there is no durable place for the undo log that is to keep them", s.To)
		}
	}
	c.WayOut = "name a folder or a bucket for backups and undo logs with --state"
	return c
}

// keyspaceDemands lists what a keyspace needs that is not built.
func keyspaceDemands(want state.Desired, k state.Keyspace) []string {
	var out []string
	demand := func(holds bool, what string) {
		if holds {
			out = append(out, what)
		}
	}
	if what := keyspace.Unsupported(k); what != "" {
		out = append(out, what)
	}
	p := k.Policy
	streams := slices.ContainsFunc(k.Shapes, func(s state.Shape) bool { return s.Type == state.Stream })
	demand(p.Strategy == state.StrategyDiscard && streams, fmt.Sprintf("policy strategy %q of a stream", p.Strategy))
	retire := want.RetireOf(k)
	demand(retire.Deletes() && streams, fmt.Sprintf("policy retire %q of a stream", retire))
	return out
}

// observable returns the keyspaces that can be read; the others are held.
func observable(ks []state.Keyspace) []state.Keyspace {
	return slices.DeleteFunc(slices.Clone(ks), func(k state.Keyspace) bool { return keyspace.Unsupported(k) != "" })
}
