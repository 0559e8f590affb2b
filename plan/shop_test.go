package plan

import (
	"testing"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

func field(name string, kind state.Kind) state.Field {
	return state.Field{Name: name, Type: state.Type{Alts: []state.Alt{{Kind: kind}}}}
}

func object(fields ...state.Field) state.Type {
	return state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields}}}
}

func shop() state.Desired {
	use := func(reads state.Range, writes state.Version) []state.Use {
		return []state.Use{{Keyspace: "session", Reads: reads, Writes: writes, Updates: state.UpdatesValue}}
	}
	return state.Desired{
		System: "shop",
		Keyspaces: []state.Keyspace{{
			Name: "session", Store: "main", Version: "2.0.0",
			Shapes: []state.Shape{
				{Version: "1.0.0", Keys: "session:<id>", Type: state.Hash, Value: object(field("created_ms", state.Int), field("name", state.Str))},
				{Version: "2.0.0", Keys: "session:<id>", Type: state.Hash, Value: object(field("created", state.Int), field("full_name", state.Str))},
			},
			Migrations: []state.Migration{{
				From: "1.0.0", To: "2.0.0",
				Up:   state.Program{Losses: []state.Loss{{Field: "created_ms", Reason: "div drops the remainder"}, {Field: "legacy", Reason: "dropped"}}},
				Down: state.Program{Losses: []state.Loss{{Field: "plan", Reason: "dropped"}}},
			}},
		}},
		Components: []state.Component{{
			Name: "checkout", Release: "2.0.0", Workload: &state.Workload{Kind: "Deployment", Namespace: "shop", Name: "checkout"},
			Releases: []state.Release{
				{Name: "1.4.0", Uses: use(">=1.0.0 <2.0.0", "1.0.0")},
				{Name: "1.5.0", Uses: use(">=1.0.0 <3.0.0", "1.0.0")},
				{Name: "2.0.0", Uses: use(">=1.0.0 <3.0.0", "2.0.0")},
			},
		}},
	}
}

func shopAt(release string, counts ...state.Count) state.Observed {
	return state.Observed{
		Components: []state.Running{{Component: "checkout", Releases: []string{release}, Template: release, Desired: 3, Ready: 3}},
		Keyspaces:  []state.Live{{Keyspace: "session", Counts: counts}},
	}
}

func TestShopBothWays(t *testing.T) {
	want := shop()
	have := shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 20000})
	there := planned(t, want, have)
	expect(t, there, "[rollout checkout 1.5.0, rollout checkout 2.0.0, backup session 2.0.0, rewrite session 2.0.0, verify session 2.0.0]")

	moments := Simulate(want, have, there)
	want.Keyspaces[0].Version, want.Components[0].Release = "1.0.0", "1.4.0"
	back := planned(t, want, moments[len(moments)-1].State)
	expect(t, back, "[rollout checkout 1.5.0, backup session 1.0.0, rewrite session 1.0.0, verify session 1.0.0, rollout checkout 1.4.0]")
	t.Log(there.String(), back.String())
}

// planned makes a plan and proves it.
func planned(t *testing.T, want state.Desired, have state.Observed) Plan {
	t.Helper()
	p := Make(want, have, diff.Compute(want, have))
	if err := Check(want, have, p); err != nil {
		t.Errorf("%v\n%s", err, p)
	}
	if err := CheckStable(want, have, p); err != nil {
		t.Errorf("%v\n%s", err, p)
	}
	return p
}

func expect(t *testing.T, p Plan, steps string) {
	t.Helper()
	if got := brief(p.Steps); got != steps {
		t.Errorf("planned %s, want %s\n%s", got, steps, p)
	}
}
