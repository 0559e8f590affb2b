package apply

import (
	"errors"
	"testing"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

func TestAllowance(t *testing.T) {
	cases := []struct {
		policy state.Policy
		units  int64
		want   int64
	}{
		{state.Policy{}, 20_000, 200},
		{state.Policy{}, 10, 1},
		{state.Policy{}, 0, 0},
		{state.Policy{Invalid: state.InvalidSkip, MaxInvalid: "0.5%"}, 1000, 5},
		{state.Policy{Invalid: state.InvalidSkip, MaxInvalid: "0%"}, 1000, 0},
		{state.Policy{Invalid: state.InvalidSkip, MaxInvalid: "7"}, 10, 7},
		{state.Policy{Invalid: state.InvalidFail, MaxInvalid: "50%"}, 10, 0},
	}
	for _, c := range cases {
		if got, err := allowance(c.policy, c.units); err != nil || got != c.want {
			t.Errorf("%+v of %d: %d, %v, want %d", c.policy, c.units, got, err, c.want)
		}
	}
	for _, bad := range []string{"many", "-1%", "%", "NaN", "Inf%"} {
		if n, err := allowance(state.Policy{MaxInvalid: bad}, 10); err == nil {
			t.Errorf("%q: %d", bad, n)
		}
	}
}

func TestNotReady(t *testing.T) {
	uses := []state.Use{{Keyspace: "session", Reads: ">=1.0.0 <3.0.0", Writes: "2.0.0"}}
	want := state.Desired{Components: []state.Component{
		{Name: "checkout", Releases: []state.Release{{Name: "2.0.0", Uses: uses}, {Name: "idle"}}},
		{Name: "partner", External: true, Releases: []state.Release{{Name: "2.0.0", Uses: uses}}},
	}}
	cases := []struct {
		name    string
		running state.Running
		held    bool
	}{
		{"all ready", state.Running{Component: "checkout", Releases: []string{"2.0.0"}, Desired: 3, Ready: 3}, false},
		{"more than asked for", state.Running{Component: "checkout", Releases: []string{"2.0.0"}, Desired: 3, Ready: 4}, false},
		{"one is not", state.Running{Component: "checkout", Releases: []string{"2.0.0"}, Desired: 3, Ready: 2}, true},
		{"scaled to zero", state.Running{Component: "checkout", Releases: []string{"2.0.0"}}, false},
		{"does not use it", state.Running{Component: "checkout", Releases: []string{"idle"}, Desired: 3}, false},
		{"not ours to roll out", state.Running{Component: "partner", Releases: []string{"2.0.0"}, Desired: 3}, false},
	}
	for _, c := range cases {
		err := notReady(want, state.Observed{Components: []state.Running{c.running}}, "session")
		if held, ok := errors.AsType[*HoldError](err); ok != c.held || ok && held.Code != NotReady {
			t.Errorf("%s: %v, want held: %t", c.name, err, c.held)
		}
	}
}

func TestCanary(t *testing.T) {
	for _, c := range []struct {
		policy string
		step   plan.Step
		want   float64
		fails  bool
	}{
		{"", plan.Step{}, 0, false},
		{"1%", plan.Step{}, 0.01, false},
		{"0.5%", plan.Step{}, 0.005, false},
		{"100%", plan.Step{}, 0, false},
		{"1%", plan.Step{Strategy: state.StrategyDiscard}, 0, false},
		{"101%", plan.Step{}, 0, true},
		{"NaN%", plan.Step{}, 0, true},
		{"5", plan.Step{}, 0, true},
	} {
		got, err := canary(state.Policy{Canary: c.policy}, c.step)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("canary %q of %q: %v, %v", c.policy, c.step.Strategy, got, err)
		}
	}
}
