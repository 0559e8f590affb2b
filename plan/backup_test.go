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
			if step.Kind == Prune {
				wanted = s.Want.RetireOf(k) == state.RetireArchive
			}
			if step.Changes() && wanted && !before {
				if b := live.Record.Backup; b == nil || string(b.To) != step.To {
					t.Fatalf("step %d has no backup:\n%s", i+1, p)
				}
				recorded++
			}
			if step.Changes() && !wanted && before {
				t.Fatalf("step %d needs no backup:\n%s", i+1, p)
			}
			if step.Kind == Backup {
				if i+1 == len(p.Steps) || !p.Steps[i+1].Changes() || p.Steps[i+1].Object != step.Object {
					t.Fatalf("step %d is not directly before its rewrite:\n%s", i+1, p)
				}
				taken++
			}
			have = End(s.Want, have, step)
		}
	})
	t.Logf("%d backups in plans, %d recorded before", taken, recorded)
}

// An undo log is named from before its rewrite starts until the way back was verified.
func TestUndoLogsAreRecorded(t *testing.T) {
	want, have := shop(), shopAt("2.0.0", state.Count{Class: "1.0.0", Units: 20000})
	logs := func() (names []string) {
		live, _ := have.FindLive("session")
		for _, u := range live.Record.Undo {
			names = append(names, string(u.To))
		}
		return names
	}
	there := planned(t, want, have)
	have = Begin(want, End(want, have, there.Steps[0]), there.Steps[1])
	have = Begin(want, have, there.Steps[1]) // after a crash
	if got := logs(); !slices.Equal(got, []string{"2.0.0"}) {
		t.Fatalf("logs to %v in the rewrite", got)
	}
	have = End(want, End(want, have, there.Steps[1]), there.Steps[2])
	want.Keyspaces[0].Version, want.Components[0].Release = "1.0.0", "1.4.0"
	back := planned(t, want, have)
	expect(t, back, "[rollout checkout 1.5.0, backup session 1.0.0, rewrite session 1.0.0, verify session 1.0.0, rollout checkout 1.4.0]")
	for _, s := range back.Steps[:3] {
		have = End(want, have, s)
	}
	if got := logs(); !slices.Equal(got, []string{"2.0.0", "1.0.0"}) {
		t.Fatalf("logs to %v before the way back is verified", got)
	}
	if bad := EndCounted(want, have, back.Steps[3], []state.Count{{Class: "2.0.0", Units: 1}}); len(bad.Keyspaces[0].Record.Undo) != 2 {
		t.Errorf("a verify that found units left forgot a log: %+v", bad.Keyspaces[0].Record)
	}
	have = EndCounted(want, have, back.Steps[3], []state.Count{{Class: "1.0.0", Units: 20000}})
	if got := logs(); !slices.Equal(got, []string{"1.0.0"}) {
		t.Errorf("logs to %v once the way back was verified", got)
	}
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
