package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"

	"keyshift.dev/state"
)

// The policy of each level as CUE decodes it. A component has no backup, a keyspace no after; the definitions see to that.
type (
	rawPolicy struct {
		Backup      state.Backup    `json:"backup"`
		Approval    state.Approval  `json:"approval"`
		Strategy    state.Strategy  `json:"strategy"`
		Invalid     state.Invalid   `json:"invalid"`
		MaxInvalid  string          `json:"maxInvalid"`
		OnFailure   state.OnFailure `json:"onFailure"`
		Throttle    any             `json:"throttle"`
		Windows     []state.Window  `json:"windows"`
		Freezes     []state.Freeze  `json:"freeze"`
		Soak        rawSoak         `json:"soak"`
		Canary      string          `json:"canary"`
		Gates       []state.Gate    `json:"gates"`
		After       []string        `json:"after"`
		MaxParallel int             `json:"maxParallel"`
		Jump        state.Jump      `json:"jump"`
		Retire      state.Retire    `json:"retire"`
	}
	rawSoak struct {
		AfterRollout string `json:"afterRollout"`
		AfterRewrite string `json:"afterRewrite"`
	}
)

// rule is one field of a policy that is one word: its values, and where it goes.
type rule struct {
	field  string
	values []string // from lax to strict; nil: a percentage, of which the smaller is stricter
	choice bool     // its values are not stricter than each other: the nearer level's counts
	at     func(*state.Policy) *string
}

// rules lists the fields of a policy that are one word.
var rules = []rule{
	{"backup", []string{"never", "lossy", "always"}, false, func(p *state.Policy) *string { return (*string)(&p.Backup) }},
	{"approval", []string{"never", "destructive", "always"}, false, func(p *state.Policy) *string { return (*string)(&p.Approval) }},
	{"strategy", []string{"online", "stop", "drain", "discard"}, true, func(p *state.Policy) *string { return (*string)(&p.Strategy) }},
	{"invalid", []string{"skip", "fail"}, false, func(p *state.Policy) *string { return (*string)(&p.Invalid) }},
	{"maxInvalid", nil, false, func(p *state.Policy) *string { return &p.MaxInvalid }},
	{"onFailure", []string{"hold", "rollback"}, true, func(p *state.Policy) *string { return (*string)(&p.OnFailure) }},
	{"throttle", []string{"fast", "balanced", "gentle"}, false, func(p *state.Policy) *string { return (*string)(&p.Throttle) }},
	{"canary", nil, false, func(p *state.Policy) *string { return &p.Canary }},
}

// readPolicy reads the policy of one level, the zero Policy if there is none.
func (r *reader) readPolicy(path []string, v cue.Value, level string) state.Policy {
	if !v.Exists() {
		return state.Policy{}
	}
	return r.policy(path, decode[rawPolicy](r, path, v), level)
}

func (r *reader) policy(path []string, raw rawPolicy, level string) state.Policy {
	p := state.Policy{
		Backup: raw.Backup, Approval: raw.Approval, Strategy: raw.Strategy, Invalid: raw.Invalid, MaxInvalid: raw.MaxInvalid,
		OnFailure: raw.OnFailure, Canary: raw.Canary, Windows: r.windows(sub(path, "windows"), raw.Windows, level), Freezes: r.freezes(sub(path, "freeze"), raw.Freezes),
		Soak: r.soak(sub(path, "soak"), raw.Soak), Gates: r.gates(sub(path, "gates"), raw.Gates), Retire: raw.Retire,
	}
	switch t := raw.Throttle.(type) {
	case string:
		p.Throttle = state.Throttle(t)
	case map[string]any:
		p.Limits = &state.Limits{KeysPerSecond: r.limit(sub(path, "throttle", "keysPerSecond"), t["keysPerSecond"]),
			BytesPerSecond: r.limit(sub(path, "throttle", "bytesPerSecond"), t["bytesPerSecond"])}
		if text, ok := t["maxBlocked"].(string); ok {
			p.Limits.MaxBlocked = r.duration(sub(path, "throttle", "maxBlocked"), text)
		}
	}
	if p.Canary != "" && percent(p.Canary) == 0 {
		r.problem(sub(path, "canary"), "canary", "a canary of no keys", `write a share of the keys: "1%", or remove it`)
	}
	return p
}

func (r *reader) limit(path []string, v any) int64 {
	switch n := v.(type) {
	case nil:
		return 0
	case int:
		return int64(n)
	case int64:
		return n
	}
	r.problem(path, "throttle", fmt.Sprintf("the limit %v is too large", v), "write a smaller one, or remove it")
	return 0
}

func (r *reader) windows(path []string, in []state.Window, level string) []state.Window {
	out := slices.Clone(in)
	for i := range out {
		out[i].Level = level
		if days := out[i].Days; len(days) > len(slices.Compact(slices.Sorted(slices.Values(days)))) {
			r.problem(sub(path, strconv.Itoa(i), "days"), "window", "a day stands twice", "name each day once")
		}
		r.zone(sub(path, strconv.Itoa(i), "zone"), out[i].Zone)
	}
	return out
}

func (r *reader) soak(path []string, raw rawSoak) state.Soak {
	return state.Soak{AfterRollout: r.duration(sub(path, "afterRollout"), raw.AfterRollout), AfterRewrite: r.duration(sub(path, "afterRewrite"), raw.AfterRewrite)}
}

func (r *reader) gates(path []string, in []state.Gate) []state.Gate {
	for i, g := range in {
		at := sub(path, strconv.Itoa(i))
		if (g.HTTP == "") == (g.PromQL == "") {
			r.problem(at, "gate", "the gate "+g.Name+" needs one of http and promql", `write http: "https://…" or promql: "…"`)
		}
		if slices.ContainsFunc(in[:i], func(o state.Gate) bool { return o.Name == g.Name }) {
			r.problem(at, "gate", "two gates are called "+g.Name, "give each a name of its own")
		}
	}
	return sortedGates(in)
}

func sortedGates(gates ...[]state.Gate) []state.Gate {
	out := slices.Concat(gates...)
	slices.SortFunc(out, func(a, b state.Gate) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.HTTP, b.HTTP), cmp.Compare(a.PromQL, b.PromQL))
	})
	return slices.Compact(out)
}

// componentPolicy reads the policy of a component and adds what the system's says of rollouts.
func (r *reader) componentPolicy(path []string, v cue.Value) state.ComponentPolicy {
	var raw rawPolicy
	if v.Exists() {
		raw = decode[rawPolicy](r, path, v)
	}
	p := stricter(r.desired.Policy, r.policy(path, raw, state.LevelComponent))
	out := state.ComponentPolicy{Approval: p.Approval, OnFailure: p.OnFailure, Windows: p.Windows, Freezes: p.Freezes, Soak: p.Soak, Gates: p.Gates}
	out.MaxParallel, out.Jump = raw.MaxParallel, raw.Jump
	out.After = slices.Compact(slices.Sorted(slices.Values(raw.After)))
	return out
}

// stricter merges the policy of an outer level with that of an inner one, field by field. A field that only one of
// them names is that one's. Of two the stricter counts: the later in its rule, the smaller percentage, the smaller
// limit, the longer soak; of a choice the inner one's. Windows of both levels must be open, no freeze of either be on, and
// gates of both hold.
func stricter(outer, inner state.Policy) state.Policy {
	out := outer
	for _, x := range rules {
		mine, theirs := x.at(&out), *x.at(&inner)
		switch {
		case theirs == "":
		case *mine == "" || x.choice:
			*mine = theirs
		case x.values == nil && percent(theirs) < percent(*mine):
			*mine = theirs
		case slices.Index(x.values, theirs) > slices.Index(x.values, *mine):
			*mine = theirs
		}
	}
	out.Limits = lower(outer.Limits, inner.Limits)
	out.Windows, out.Freezes = slices.Concat(outer.Windows, inner.Windows), sortedFreezes(outer.Freezes, inner.Freezes)
	out.Soak = state.Soak{AfterRollout: max(outer.Soak.AfterRollout, inner.Soak.AfterRollout), AfterRewrite: max(outer.Soak.AfterRewrite, inner.Soak.AfterRewrite)}
	out.Gates = sortedGates(outer.Gates, inner.Gates)
	out.Retire = inner.Retire // the system's counts when the keyspace is gone, and may be another by then
	return out
}

// lower returns the smaller of each limit; 0 is none.
func lower(a, b *state.Limits) *state.Limits {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	least := func(x, y int64) int64 {
		if x == 0 || y == 0 {
			return max(x, y)
		}
		return min(x, y)
	}
	return &state.Limits{KeysPerSecond: least(a.KeysPerSecond, b.KeysPerSecond), BytesPerSecond: least(a.BytesPerSecond, b.BytesPerSecond),
		MaxBlocked: least(a.MaxBlocked, b.MaxBlocked)}
}

func percent(text string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil {
		return 100
	}
	return f
}
