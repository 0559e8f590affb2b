package examples

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/schema"
	"keyshift.dev/state"
)

var update = flag.Bool("update", false, "rewrite the golden plans")

// The golden plan of an example's second commit, made where its first is live, and of the way back. A revert
// deletes the newer definitions: the way back is planned with what the ledger has kept.
func TestGoldenPlans(t *testing.T) {
	commits := Shop()
	before, after := evaluate(t, commits[0].Files), evaluate(t, commits[1].Files)
	have := state.Observed{
		Components: []state.Running{{Component: "checkout", Releases: []string{"1.4.0"}, Template: "1.4.0", Desired: 3, Ready: 3}},
		Keyspaces:  []state.Live{{Keyspace: "session", Counts: []state.Count{{Class: "1.0.0", Units: 20000}}}},
	}
	up := united(t, after, before)
	there := order(t, up, have)
	golden(t, "shop/plan-up.golden", there)

	moments := plan.Simulate(up, have, there)
	golden(t, "shop/plan-back.golden", order(t, united(t, before, up), moments[len(moments)-1].State))
}

func evaluate(t *testing.T, files fs.FS) state.Desired {
	t.Helper()
	d, err := schema.Evaluate(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func united(t *testing.T, commit, recorded state.Desired) state.Desired {
	t.Helper()
	d, err := state.Union(commit, recorded, state.Observed{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func order(t *testing.T, want state.Desired, have state.Observed) plan.Plan {
	t.Helper()
	p := plan.Make(want, have, diff.Compute(want, have))
	if err := plan.Check(want, have, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func golden(t *testing.T, name string, p plan.Plan) {
	t.Helper()
	path := filepath.FromSlash(name)
	if *update {
		if err := os.WriteFile(path, []byte(p.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if p.String() != string(want) {
		t.Errorf("%s: the plan is now\n%s", name, p)
	}
}
