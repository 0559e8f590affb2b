package apply

import (
	"testing"

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
