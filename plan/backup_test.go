package plan

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// TestEveryRewriteIsBackedUp looks at the bare order of steps: before each rewrite whose policy wants it stands its
// backup, unless one was recorded before the plan, and no backup stands anywhere else.
func TestEveryRewriteIsBackedUp(t *testing.T) {
	taken, recorded := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		p := make1(s)
		have := s.Have
		for i, step := range p.Steps {
			k, _ := s.Want.FindKeyspace(step.Object)
			live, _ := have.FindLive(step.Object)
			before := i > 0 && p.Steps[i-1].Kind == Backup && p.Steps[i-1].Object == step.Object && p.Steps[i-1].To == step.To &&
				slices.Equal(p.Steps[i-1].From, step.From)
			lossy := len(step.Losses) > 0 || step.Strategy == state.StrategyDiscard
			wanted := step.Strategy != state.StrategyDrain && (k.Policy.Backup == "" || k.Policy.Backup == state.BackupAlways || k.Policy.Backup == state.BackupLossy && lossy)
			if step.Kind == Rewrite && wanted && !before {
				if b := live.Record.Backup; b == nil || string(b.To) != step.To {
					t.Fatalf("step %d has no backup:\n%s", i+1, p)
				}
				recorded++
			}
			if step.Kind == Rewrite && !wanted && before {
				t.Fatalf("step %d needs no backup:\n%s", i+1, p)
			}
			if step.Kind == Backup {
				if i+1 == len(p.Steps) || p.Steps[i+1].Kind != Rewrite || p.Steps[i+1].Object != step.Object {
					t.Fatalf("step %d is not directly before its rewrite:\n%s", i+1, p)
				}
				taken++
			}
			have = End(s.Want, have, step)
		}
	})
	t.Logf("%d backups in plans, %d recorded before", taken, recorded)
}

// A backup is named while its rewrite is unfinished, and no longer.
func TestBackupIsRecorded(t *testing.T) {
	want, have := shop(), shopAt("2.0.0", state.Count{Class: "1.0.0", Units: 20000})
	p := planned(t, want, have)
	expect(t, p, "[backup session 2.0.0, rewrite session 2.0.0, verify session 2.0.0]")
	have = EndArchived(want, have, p.Steps[0], "b1")
	named := func(s state.Observed) string {
		live, _ := s.FindLive("session")
		if live.Record.Backup == nil {
			return ""
		}
		return live.Record.Backup.Archive
	}
	during, after := Begin(want, have, p.Steps[1]), End(want, have, p.Steps[1])
	if named(have) != "b1" || named(during) != "b1" || named(after) != "b1" {
		t.Errorf("recorded %q, in the rewrite %q, after it %q", named(have), named(during), named(after))
	}
	if over := End(want, after, p.Steps[2]); named(over) != "" {
		t.Errorf("verified, it is still recorded: %q", named(over))
	}
	old := after
	old.Components = []state.Running{{Component: "checkout", Releases: []string{"1.5.0", "2.0.0"}, Template: "2.0.0"}}
	again := Make(want, old, diff.Compute(want, old))
	expect(t, again, "[rollout checkout 2.0.0, backup session 2.0.0, rewrite session 2.0.0, verify session 2.0.0]")
}
