package plan

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// stopping is the shop without a bridge, which stands still for its rewrite.
func stopping() state.Desired {
	want := shop()
	want.Keyspaces[0].Policy.Strategy = state.StrategyStop
	c := &want.Components[0]
	c.Releases = append(c.Releases[:1:1], c.Releases[2])
	c.Releases[1].Uses = []state.Use{{Keyspace: "session", Reads: ">=2.0.0 <3.0.0", Writes: "2.0.0"}}
	return want
}

func TestCheckNoticesForgedStops(t *testing.T) {
	want, have := stopping(), shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 20000})
	const all = "[scale checkout 0, backup session 2.0.0, rewrite session 2.0.0, verify session 2.0.0, rollout checkout 2.0.0, scale checkout up]"
	expect(t, planned(t, want, have), all)
	for _, c := range []struct {
		name  string
		error string
		forge func(p *Plan)
	}{
		{"never stopped", "(convergent)|(demanded)|(recoverable)", func(p *Plan) { p.Steps = p.Steps[1:] }},
		{"never started", "(exact)", func(p *Plan) { p.Steps = p.Steps[:5] }},
		{"started too early", "(readable)", func(p *Plan) { p.Steps[1], p.Steps[5] = p.Steps[5], p.Steps[1]; p.Steps[1].From = []string{"1.4.0"} }},
		{"started as it was", "(readable)", func(p *Plan) { p.Steps[4], p.Steps[5] = p.Steps[5], p.Steps[4]; p.Steps[4].From = []string{"1.4.0"} }},
		{"rolled out before the rewrite", "(readable)", func(p *Plan) { p.Steps[1], p.Steps[4] = p.Steps[4], p.Steps[1] }},
		{"another release started", "plan again", func(p *Plan) { p.Steps[5].From = []string{"1.4.0"} }},
		{"started twice", "plan again", func(p *Plan) { p.Steps = append(p.Steps, p.Steps[5]) }},
		{"scaled to two", "plan again", func(p *Plan) { p.Steps[0].To = "2" }},
		{"something else stopped", "plan again", func(p *Plan) { p.Steps[0].Object = "mail" }},
	} {
		p := planned(t, want, have)
		c.forge(&p)
		err := Check(want, have, p)
		found := false
		for _, text := range strings.Split(c.error, "|") {
			found = found || err != nil && strings.Contains(err.Error(), text)
		}
		if !found {
			t.Errorf("%s: want %s, got %v", c.name, c.error, err)
		}
	}
}

// What a component starts again as is part of the name of that step.
func TestReleaseOfAStartIsPartOfTheDigest(t *testing.T) {
	want := stopping()
	have := state.Observed{
		Components: []state.Running{{Component: "checkout", Template: "2.0.0", Stopped: true}},
		Keyspaces:  []state.Live{{Keyspace: "session", Counts: []state.Count{{Class: "2.0.0", Units: 1}}}},
	}
	next := planned(t, want, have)
	want.Keyspaces[0].Version, want.Components[0].Release = "1.0.0", "1.4.0"
	have.Components[0].Template, have.Keyspaces[0].Counts[0].Class = "1.4.0", "1.0.0"
	old := planned(t, want, have)
	expect(t, next, "[scale checkout up]")
	expect(t, old, "[scale checkout up]")
	if next.Digest == old.Digest {
		t.Error("both plans have one digest")
	}
}

// What a component has written stays on record when it is stopped.
func TestWhatAStoppedComponentWroteStays(t *testing.T) {
	want, have := stopping(), shopAt("1.4.0")
	stop := Step{Kind: Scale, Object: "checkout", To: ToZero}
	for _, now := range []state.Observed{Begin(want, have, stop), End(want, have, stop)} {
		k := want.Keyspaces[0]
		if present := diff.Present(want, now, k, diff.ClassesOf(k)); len(present) != 1 || present[0] != "1.0.0" {
			t.Errorf("present is %v", present)
		}
		if live, _ := now.FindLive("session"); len(live.Record.Present) != 1 {
			t.Errorf("recorded is %v", live.Record.Present)
		}
	}
	if runs := diff.Runs(want.Components[0], End(want, have, stop)); len(runs) > 0 {
		t.Errorf("it runs %v", runs)
	}
}

// A rollout that its component's policy forbids is noticed.
func TestCheckNoticesForbiddenRollouts(t *testing.T) {
	have := shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 20000})
	have.Components = append(have.Components, state.Running{Component: "mail", Releases: []string{"1"}, Template: "1"})
	for name, demand := range map[string]func(*state.Component){
		"after": func(c *state.Component) { c.Policy.After = []string{"mail"} },
		"jump":  func(c *state.Component) { c.Policy.Jump, c.Releases[2].Name = state.JumpPatch, "1.4.1" },
	} {
		want := shop()
		want.Components = append(want.Components, state.Component{Name: "mail", Release: "2", Releases: []state.Release{{Name: "1"}, {Name: "2"}}})
		step := Step{Kind: Rollout, Object: "checkout", To: "1.5.0"}
		if err := CheckStep(want, have, step); err != nil {
			t.Errorf("without %s: %v", name, err)
		}
		demand(&want.Components[0])
		var broken *InvariantError
		if err := CheckStep(want, have, step); !errors.As(err, &broken) || broken.Invariant != 7 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// standing is the ring of large without its bridges: every component has to stand still for both of its keyspaces.
func standing(components, keyspaces int) (state.Desired, state.Observed) {
	want, have := large(components, keyspaces)
	for i := range want.Keyspaces {
		want.Keyspaces[i].Policy.Strategy = state.StrategyStop
	}
	for i := range want.Components {
		c := &want.Components[i]
		c.Releases = []state.Release{c.Releases[0], c.Releases[2]}
		c.Releases[1].Uses = slices.Clone(c.Releases[1].Uses)
		for j := range c.Releases[1].Uses {
			c.Releases[1].Uses[j].Reads = "2.0.0"
		}
	}
	return want, have
}

// TestManyStandStill: by search and by rule every component is stopped once.
func TestManyStandStill(t *testing.T) {
	for _, n := range []int{3, 6, 30} {
		want, have := standing(n, n)
		start := time.Now()
		p := Make(want, have, diff.Compute(want, have))
		t.Logf("%d components, %d keyspaces: %d steps in %s", n, n, len(p.Steps), time.Since(start))
		if err := errors.Join(p.Err(), Check(want, have, p)); err != nil {
			t.Fatal(err)
		}
		stops := 0
		for _, s := range p.Steps {
			stops += b2i(s.Kind == Scale && s.To == ToZero)
		}
		if stops != n || len(p.Steps) != 3*n+3*n {
			t.Errorf("%d stops in %d steps: %s", stops, len(p.Steps), brief(p.Steps))
		}
	}
}

// TestLargeDemands: the rule for large systems goes after others, and over what may not be jumped.
func TestLargeDemands(t *testing.T) {
	want, have := large(20, 10)
	for i := range want.Components {
		c := &want.Components[i]
		c.Policy.Jump = state.JumpMajor
		last := c.Releases[2]
		last.Name, c.Release = "3.0.0", "3.0.0"
		c.Releases = append(slices.Clone(c.Releases), last)
		if i < 2 { // far away in the ring, or neither could go first
			c.Policy.After = []string{want.Components[i+5].Name}
		}
	}
	p := planned(t, want, have)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
}

// Whatever holds a part up says which of its components are stopped meanwhile, also one that the spec has no more.
func TestHeldWhileStopped(t *testing.T) {
	want := stopping()
	have := state.Observed{
		Components: []state.Running{{Component: "checkout", Template: "1.4.0", Stopped: true}},
		Keyspaces:  []state.Live{{Keyspace: "session", Counts: []state.Count{{Class: "1.0.0", Units: 1}}}},
	}
	hold := diff.Change{Kind: diff.Hold, Object: "session", Of: diff.OfKeyspace, Code: "WindowClosed", Reason: "waits", WayOut: "wait"}
	p := Make(want, have, append(diff.Compute(want, have), hold))
	if len(p.Blocked) != 1 || !strings.Contains(p.Blocked[0].Reason, "checkout is stopped meanwhile") {
		t.Errorf("it is not said: %+v", p.Blocked)
	}
	want.Components[0].Removed, want.Components[0].Release = true, ""
	p = Make(want, have, diff.Compute(want, have))
	if len(p.Blocked) != 1 || p.Blocked[0].Code != Code(diff.LeftStopped) || len(p.Blocked[0].Keyspaces) > 0 {
		t.Errorf("it is not said, or holds more than itself: %+v", p.Blocked)
	}
}

// What is rewritten of another keyspace while a component is stopped keeps it down as well: its windows bind the stop.
func TestWindowsOfAllThatIsDoneWhileStopped(t *testing.T) {
	want, have := stopping(), shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 20000})
	other := want.Keyspaces[0]
	other.Name, other.Shapes = "zz", slices.Clone(other.Shapes)
	for i := range other.Shapes {
		other.Shapes[i].Keys = "zz:<id>"
	}
	other.Policy.Strategy, other.Policy.Windows = "", []state.Window{{Level: "keyspace", Days: []string{"sun"}, From: "02:00", To: "04:00"}}
	want.Keyspaces = append(want.Keyspaces, other)
	c := &want.Components[0]
	for i := range c.Releases {
		u := c.Releases[i].Uses[0]
		u.Keyspace = "zz"
		c.Releases[i].Uses = append(slices.Clone(c.Releases[i].Uses), u)
	}
	have.Keyspaces = append(have.Keyspaces, state.Live{Keyspace: "zz", Counts: []state.Count{{Class: "1.0.0", Units: 9}}})
	p := planned(t, want, have)
	for i, s := range p.Steps {
		if n := len(p.Calendar(want, i).Windows); n != 0 && !(s.Kind == Scale && s.To == ToZero) || n == 0 && s.Kind == Scale && s.To == ToZero {
			t.Errorf("%s is bound by %d windows, in %s", s, n, p)
		}
	}
}

// meanwhile is the shop that stands still for its sessions, and a mailer that has to be rolled out before the shop may
// start again: it reads the carts as the shop writes them from then on, and sessions as only the rewrite leaves them.
func meanwhile() (state.Desired, state.Observed) {
	want, have := stopping(), shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 20000})
	cart := want.Keyspaces[0]
	cart.Name, cart.Shapes, cart.Policy = "cart", slices.Clone(cart.Shapes), state.Policy{Backup: cart.Policy.Backup}
	for i := range cart.Shapes {
		cart.Shapes[i].Keys = "cart:<id>"
	}
	want.Keyspaces = append(want.Keyspaces, cart)
	have.Keyspaces = append(have.Keyspaces, state.Live{Keyspace: "cart", Counts: []state.Count{{Class: "1.0.0", Units: 9}}})
	c := &want.Components[0]
	for i, writes := range []state.Version{"1.0.0", "2.0.0"} {
		c.Releases[i].Uses = append(slices.Clone(c.Releases[i].Uses), state.Use{Keyspace: "cart", Reads: ">=1.0.0 <3.0.0", Writes: writes})
	}
	want.Components = append(want.Components, state.Component{Name: "mail", Release: "2.0.0", Releases: []state.Release{
		{Name: "1.0.0", Uses: []state.Use{{Keyspace: "cart", Reads: "1.0.0"}}},
		{Name: "2.0.0", Uses: []state.Use{{Keyspace: "cart", Reads: ">=1.0.0 <3.0.0"}, {Keyspace: "session", Reads: "2.0.0"}}},
	}})
	have.Components = append(have.Components, state.Running{Component: "mail", Releases: []string{"1.0.0"}, Template: "1.0.0"})
	return want, have
}

// What is done to others while a component is stopped binds the stop, and is then bound by nothing itself: neither at
// once nor after an interruption.
func TestOthersWhileStopped(t *testing.T) {
	want, have := meanwhile()
	want.Components[1].Policy.Windows = []state.Window{{Level: "component", Days: []string{"sun"}, From: "02:00", To: "04:00"}}
	want.Components[1].Policy.Freezes = []state.Freeze{{From: "2026-12-20", To: "2027-01-02"}, {From: "2026-11-20", To: "2026-11-21", Risk: string(diff.RiskLossy)}}
	p := planned(t, want, have)
	expect(t, p, "[scale checkout 0, backup session 2.0.0, rewrite session 2.0.0, verify session 2.0.0, rollout checkout 2.0.0, rollout mail 2.0.0, scale checkout up, "+
		"backup cart 2.0.0, rewrite cart 2.0.0, verify cart 2.0.0]")
	for i, s := range p.Steps {
		c, bound := p.Calendar(want, i), i == 0
		if (len(c.Windows) == 1) != bound || (len(c.Freezes) == 1) != bound {
			t.Errorf("%s is bound by %+v", s, c)
		}
		have = End(want, have, s)
		if rest := planned(t, want, have); s.Kind == Verify && s.Object == "session" {
			expect(t, rest, "[rollout checkout 2.0.0, rollout mail 2.0.0, scale checkout up, backup cart 2.0.0, rewrite cart 2.0.0, verify cart 2.0.0]")
			if c := rest.Calendar(want, 1); len(c.Windows)+len(c.Freezes) > 0 {
				t.Errorf("after an interruption the rollout of mail is bound by %+v", c)
			}
		}
	}
}

// What was stopped comes back as soon as it may, also if the stop was interrupted while pods were left.
func TestNothingBindsAStopThatHasBegun(t *testing.T) {
	want, have := stopping(), shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 20000})
	want.Keyspaces[0].Policy.Windows = []state.Window{{Level: "keyspace", Days: []string{"sun"}, From: "02:00", To: "04:00"}}
	p := planned(t, want, have)
	have = Begin(want, have, p.Steps[0])
	rest := planned(t, want, have)
	if rest.Digest != p.Digest || len(p.Calendar(want, 0).Windows) != 1 || len(rest.Calendar(want, 0).Windows) != 0 {
		t.Errorf("%s is bound by %+v", rest, rest.Calendar(want, 0))
	}
}
