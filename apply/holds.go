package apply

import (
	"keyshift.dev/plan"
)

// Held is a rewrite of a plan that will hold before it writes, because more units fit no version than the
// policy of their keyspace allows.
type Held struct {
	Step     int    `json:"step"` // index into the plan's steps
	Code     string `json:"code"` // UnfitUnits
	Keyspace string `json:"keyspace"`
	Unfit    int64  `json:"unfit"`
	Allowed  int64  `json:"allowed"`
}

// Holds foresees which rewrites of a plan will hold, as far as what was observed tells. It is pure.
func Holds(s Situation, p plan.Plan) []Held {
	var out []Held
	for i, step := range p.Steps {
		if step.Kind != plan.Rewrite {
			continue
		}
		k, _ := s.Want.FindKeyspace(step.Object)
		live, _ := s.Have.FindLive(step.Object)
		units, unfit := misfits(live, k)
		allowed, err := allowance(k.Policy, units)
		if err == nil && unfit > allowed {
			out = append(out, Held{i, UnfitUnits, k.Name, unfit, allowed})
		}
	}
	return out
}
