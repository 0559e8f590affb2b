package plan

import (
	"errors"
	"strings"
	"testing"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

func TestBlockedIsAnError(t *testing.T) {
	want, have := shop(), shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 1})
	if err := Make(want, have, diff.Compute(want, have)).Err(); err != nil {
		t.Errorf("nothing is blocked: %v", err)
	}
	for name, c := range map[string]struct {
		code  Code
		spoil func(*state.Desired)
	}{
		"no bridge": {NoSafeOrder, func(d *state.Desired) {
			d.Components[0].Releases = append(d.Components[0].Releases[:1:1], d.Components[0].Releases[2])
		}},
		"no migration":       {NoSafeOrder, func(d *state.Desired) { d.Keyspaces[0].Migrations = nil }},
		"undeclared version": {NoSafeOrder, func(d *state.Desired) { d.Keyspaces[0].Version = "9.0.0" }},
		"undeclared release": {Code(diff.UnknownRelease), func(d *state.Desired) { d.Components[0].Release = "9.0.0" }},
	} {
		want := shop()
		c.spoil(&want)
		p := Make(want, have, diff.Compute(want, have))
		var blocked *BlockedError
		if !errors.As(p.Err(), &blocked) || blocked.Blocked.Code != c.code || blocked.Blocked.Reason == "" || blocked.Blocked.WayOut == "" {
			t.Errorf("%s: %+v", name, p.Blocked)
		}
		if len(p.Steps) > 0 || !strings.Contains(p.String(), string(c.code)) {
			t.Errorf("%s: printed\n%s", name, p)
		}
	}
}
