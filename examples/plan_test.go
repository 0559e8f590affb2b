package examples

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/schema"
	"keyshift.dev/state"
)

var update = flag.Bool("update", false, "rewrite the golden plans")

// The golden plan of every example's second commit, made where its first is live, and of the way back. A revert
// deletes the newer definitions: the way back is planned with what the ledger has kept.
func TestGoldenPlans(t *testing.T) {
	for _, e := range All() {
		t.Run(e.Name, func(t *testing.T) {
			before, after := evaluate(t, e.Commits[0]), evaluate(t, e.Commits[1])
			have := live(before)
			up := united(t, after, before)
			there := order(t, up, have)
			golden(t, filepath.Join(e.Name, "plan-up.golden"), there)

			moments := plan.Simulate(up, have, there)
			golden(t, filepath.Join(e.Name, "plan-back.golden"), order(t, united(t, before, up), moments[len(moments)-1].State))
		})
	}
}

// live is what is there where a commit has been applied.
func live(d state.Desired) state.Observed {
	var have state.Observed
	for _, c := range d.Components {
		if !c.External {
			have.Components = append(have.Components, state.Running{
				Component: c.Name, Releases: []string{c.Release}, Template: c.Release, Desired: 3, Ready: 3})
		}
	}
	for _, k := range d.Keyspaces {
		have.Keyspaces = append(have.Keyspaces, state.Live{
			Keyspace: k.Name, Counts: []state.Count{{Class: state.Class(k.Version), Units: 20000}}})
	}
	return have
}

func evaluate(t *testing.T, c Commit) state.Desired {
	t.Helper()
	d, err := schema.Evaluate(c.Files, ".")
	if err != nil {
		t.Fatalf("%s:\n%v", c.Message, err)
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

// order makes a plan that is safe and blocks nothing.
func order(t *testing.T, want state.Desired, have state.Observed) plan.Plan {
	t.Helper()
	p := plan.Make(want, have, diff.Compute(want, have))
	if err := plan.Check(want, have, p); err != nil {
		t.Fatal(err)
	}
	if len(p.Blocked) > 0 || len(p.Steps) == 0 {
		t.Errorf("the plan is\n%s", p)
	}
	return p
}

func golden(t *testing.T, path string, p plan.Plan) {
	t.Helper()
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
		t.Errorf("%s: the plan is now\n%s", path, p)
	}
}

// The page of the examples lists all of them, in the order in which a newcomer meets them, and each has a page.
func TestPages(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range All() {
		if row := "| [" + e.Name + "](" + e.Name + ") | " + e.Shows + " |\n"; !strings.Contains(string(page), row) {
			t.Errorf("README.md has no row %q", row)
		}
		if _, err := fs.Stat(e.Commits[1].Files, "README.md"); err != nil {
			t.Error(err)
		}
	}
	folders, err := filepath.Glob("*/cue.mod")
	if err != nil || len(folders) != len(All()) {
		t.Errorf("there are %d folders of examples, and %d examples (%v)", len(folders), len(All()), err)
	}
}
