package apply_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/state"
)

// attempt is a keyspace of counters and one try at a migration of it.
func attempt(t *testing.T, version, up, down string) state.Desired {
	t.Helper()
	return vetted(t, `system: keyspaces: n: {store: "main", version: "`+version+`", versions: {
		"1.0.0": {keys: "n:<id>", type: "hash", #value: {created_ms: int}}
		"`+version+`": {keys: "n:<id>", type: "hash", #value: {created: int}}}
		migrations: "`+version+`": {from: "1.0.0", #old: _, #new: _, #up: created: `+up+`, #down: created_ms: `+down+`}}`)
}

// TestRevertedMigrationDoesNotRunAgain: a first attempt at a migration was wrong (it forgot the division) and was
// reverted. The second attempt has its own version, of the same form. Vet never sees both versions together; the
// ledger knew the first, whose units fit the second as well, and the plan took its program.
func TestRevertedMigrationDoesNotRunAgain(t *testing.T) {
	w := embedded(t, 0)
	w.quiet()
	w.client.HSet(t.Context(), "n:1", "created_ms", 1700000000000)
	first, second := attempt(t, "2.0.0", "#old.created_ms", "#new.created"), attempt(t, "2.1.0", "div(#old.created_ms, 1000)", "#new.created * 1000")
	deliver := func(commit state.Desired, want map[string]string) {
		t.Helper()
		o, err := w.deliver(commit)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.client.HGetAll(t.Context(), "n:1").Val(); !maps.Equal(got, want) {
			t.Errorf("%v made %v, want %v", steps(o), got, want)
		}
	}
	deliver(first, map[string]string{"created": "1700000000000"})

	// While units of the first attempt exist, nothing tells them from those of the second.
	_, err := w.deliver(second)
	if ds, ok := errors.AsType[state.Diagnostics](err); !ok || ds[0].Code != "not-told-apart" || ds[0].Pos.Line == 0 {
		t.Errorf("want not-told-apart, got %v", err)
	}
	deliver(vetted(t, `system: keyspaces: n: {store: "main", version: "1.0.0", versions: {
		"1.0.0": {keys: "n:<id>", type: "hash", #value: {created_ms: int}}}}`), map[string]string{"created_ms": "1700000000000"})
	deliver(second, map[string]string{"created": "1700000000"})
	deliver(second, map[string]string{"created": "1700000000"})
}

// TestRenamedKeyspaceIsRefused renames the keyspace in the spec and migrates it in the same commit. The ledger's own
// keyspace of the old name stayed in the catalogue, had the same keys and took all of them. The name is free when
// no unit is left.
func TestRenamedKeyspaceIsRefused(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.before, "1.0.0")
	w.quiet()
	renamed := w.after
	renamed.Components = nil
	renamed.Keyspaces = slices.Clone(renamed.Keyspaces)
	renamed.Keyspaces[0].Name = "sessions"
	_, err := w.deliver(renamed)
	if ds, ok := errors.AsType[state.Diagnostics](err); !ok || ds[0].Code != "renamed-keyspace" || ds[0].Pos.Line == 0 {
		t.Errorf("want renamed-keyspace, got %v", err)
	}
}

// TestRenamedKeyspaceOfNoUnits: nobody writes the old name and no unit is left, so it is free.
func TestRenamedKeyspaceOfNoUnits(t *testing.T) {
	w := embedded(t, 0)
	w.quiet()
	old := w.after
	old.Components = nil
	if _, err := w.deliver(old); err != nil {
		t.Fatal(err)
	}
	renamed := old
	renamed.Keyspaces = slices.Clone(renamed.Keyspaces)
	renamed.Keyspaces[0].Name = "sessions"
	if _, err := w.deliver(renamed); err != nil {
		t.Error(err)
	}
}

// TestMovedWorkload: the commit gives the component another workload. The pods of the old one went on writing and
// nobody saw them. Once its Deployment is gone, nothing is in the way.
func TestMovedWorkload(t *testing.T) {
	w := embedded(t, 20)
	w.recluster(cluster.MemoryOptions{}, nil)
	w.deploy("1.4.0")
	if _, err := w.deliver(w.before); err != nil {
		t.Fatal(err)
	}
	commit := w.after
	commit.Components = slices.Clone(commit.Components)
	c := &commit.Components[0]
	before, next := *c.Workload, *c.Workload
	next.Name = "checkout-v2"
	c.Workload = &next
	w.cluster.Deploy(next, 2, c.Releases[2].Images...)
	time.Sleep(50 * time.Millisecond)
	_, err := apply.Deliver(t.Context(), w.edges, commit, func(e apply.Event) {
		if pods := w.cluster.Pods(before); e.Kind == apply.Started && e.Step.Kind == "rewrite" && len(pods) > 0 {
			t.Errorf("%s to %s starts beside %d pods of 1.4.0, which write 1.0.0", e.Step.Object, e.Step.To, len(pods))
		}
	})
	if err == nil {
		t.Error("delivered beside pods that write 1.0.0")
	}
	w.cluster.Delete(before)
	time.Sleep(100 * time.Millisecond)
	o, err := w.deliver(commit)
	if want := []string{"backup session 2.0.0", "rewrite session 2.0.0", "verify session 2.0.0"}; err != nil || !slices.Equal(steps(o), want) {
		t.Errorf("with the old workload gone: %v, %v", steps(o), err)
	}
}

// TestRenamedComponent: the same workload under another name in the spec. Its own pods blocked it under its old name.
func TestRenamedComponent(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.before, "1.0.0")
	commit := w.after
	commit.Components = slices.Clone(commit.Components)
	commit.Components[0].Name = "web"
	w.mustDeliver(commit, "2.0.0")
	w.app.Turn()
	back := w.before
	back.Components = slices.Clone(back.Components)
	back.Components[0].Name = "web"
	w.mustDeliver(back, "1.0.0") // over the bridge that only the ledger knows
}

// stuck delivers the shop's second commit as far as its first rollout, whose pods never start.
func stuck(t *testing.T) *world {
	t.Helper()
	w := embedded(t, 20)
	w.edges.RolloutTimeout = 300 * time.Millisecond
	time.Sleep(50 * time.Millisecond)                                  // until 1.4.0 is ready: a rollout ends first what is not
	w.cluster.Stick(w.after.Components[0].Releases[1].Images[0].Image) // 1.5.0, which writes 1.0.0
	if _, err := w.deliver(w.after); err == nil {
		t.Fatal("not stuck")
	}
	return w
}

// require returns the shop's second commit with a field that a version of its keyspace must have besides.
func (w *world) require(version int) state.Desired {
	d := w.after
	d.Keyspaces = slices.Clone(d.Keyspaces)
	k := &d.Keyspaces[0]
	k.Shapes = slices.Clone(k.Shapes)
	k.Shapes[version].Value.Alts = slices.Clone(k.Shapes[version].Value.Alts)
	alt := &k.Shapes[version].Value.Alts[0]
	alt.Fields = append(slices.Clone(alt.Fields), state.Field{Name: "region", Type: state.Type{Alts: []state.Alt{{Kind: state.Str}}}})
	return d
}

// TestDefinitionIsMended: a wrong definition was recorded, but the plan never came to it: no unit, no release and
// no step ever had to do with it. It could not be mended all the same.
func TestDefinitionIsMended(t *testing.T) {
	w := stuck(t)
	if _, err := apply.Gather(t.Context(), w.edges, w.require(1)); err != nil {
		t.Errorf("nothing of 2.0.0 exists or ever did, and it cannot be mended: %v", err)
	}
	_, err := apply.Gather(t.Context(), w.edges, w.require(0))
	if ds, ok := errors.AsType[state.Diagnostics](err); !ok || ds[0].Code != "version-changed" {
		t.Errorf("units of 1.0.0 exist, and it was changed: %v", err)
	}
	w.client.HSet(t.Context(), "session:new", "user_id", 1, "full_name", "Ada", "created", 5, "plan", "free")
	if _, err := apply.Gather(t.Context(), w.edges, w.require(1)); err == nil {
		t.Error("a unit of 2.0.0 exists, and it was changed")
	}
}

// TestReleaseIsMended: a release that never ran may be mended, one that has a pod may not.
func TestReleaseIsMended(t *testing.T) {
	w := stuck(t)
	for i, wantErr := range []bool{true, true, false} {
		d := w.after
		d.Components = slices.Clone(d.Components)
		c := &d.Components[0]
		c.Releases = slices.Clone(c.Releases)
		c.Releases[i].Images = []state.Image{{Container: "app", Image: "ghcr.io/acme/checkout:mended"}}
		if _, err := apply.Gather(t.Context(), w.edges, d); (err != nil) != wantErr {
			t.Errorf("with another image in release %s: %v", c.Releases[i].Name, err)
		}
	}
	w.cluster.Close()
	w.edges.Cluster = nil
	d := w.after
	d.Components = slices.Clone(d.Components)
	d.Components[0].Releases = slices.Clone(d.Components[0].Releases)
	d.Components[0].Releases[2].Images = []state.Image{{Container: "app", Image: "ghcr.io/acme/checkout:mended"}}
	if _, err := apply.Gather(t.Context(), w.edges, d); err == nil {
		t.Error("without a cluster nobody knows what runs")
	}
}
