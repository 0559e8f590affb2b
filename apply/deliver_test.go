package apply_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

func thereAndBack(w *world) {
	if o := w.mustDeliver(w.before, "1.0.0"); len(o.Done) > 0 {
		w.Errorf("a live system as desired, and yet %v", steps(o))
	}
	for range 2 {
		if got := steps(w.mustDeliver(w.after, "2.0.0")); !reflect.DeepEqual(got, upgrade) {
			w.Fatalf("upgrade: %v", got)
		}
		w.app.Turn()
		if got := steps(w.mustDeliver(w.before, "1.0.0")); !reflect.DeepEqual(got, revert) {
			w.Fatalf("revert: %v", got)
		}
		w.app.Turn()
	}
}

func TestThereAndBackEmbedded(t *testing.T) { thereAndBack(embedded(t, 300)) }
func TestThereAndBackRedis(t *testing.T)    { thereAndBack(onRedis(t, 1000)) }

func TestEvents(t *testing.T) {
	w := embedded(t, 50)
	o := w.mustDeliver(w.after, "2.0.0")
	var open []int
	planned, ended := 0, 0
	for _, e := range w.events {
		switch e.Kind {
		case apply.Planned:
			planned++
		case apply.Started:
			open = append(open, e.Index)
		case apply.Progressed:
			if len(open) != 1 || (e.Rewrite == nil) == (e.Rollout == nil) {
				t.Errorf("progress outside a step: %+v", e)
			}
		case apply.Ended:
			if !slices.Equal(open, []int{e.Index}) || (e.Outcome == nil) != (e.Step.Kind == "rollout" || e.Step.Kind == "backup") || (e.Backup == nil) == (e.Step.Kind == "backup") {
				t.Errorf("end of step %d while %v run", e.Index, open)
			}
			open, ended = nil, ended+1
		default:
			t.Errorf("event %+v", e)
		}
	}
	if planned != 2 || ended != len(o.Done) || o.Rewritten() == 0 {
		t.Errorf("%d plans, %d ends, %d rewritten", planned, ended, o.Rewritten())
	}
}

func TestDeliveredAgainWritesNothing(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.after, "2.0.0")
	ledger := func() string { return w.client.Get(t.Context(), "keyshift:ledger:shop").Val() }
	first := ledger()
	for range 3 {
		if o := w.mustDeliver(w.after, "2.0.0"); len(o.Done) > 0 {
			t.Errorf("did %v again", steps(o))
		}
	}
	if first == "" || first != ledger() {
		t.Error("the ledger was written again")
	}
}

func TestWayBackFromTheLedgerAlone(t *testing.T) {
	w := embedded(t, 20)
	w.edges.Mirror = nil
	w.mustDeliver(w.after, "2.0.0")
	w.app.Turn()
	if got := steps(w.mustDeliver(w.before, "1.0.0")); !reflect.DeepEqual(got, revert) {
		t.Errorf("revert: %v", got)
	}
}

func TestWayBackFromTheMirrorAlone(t *testing.T) {
	for _, lost := range [][]string{{"keyshift:ledger:shop"}, {"keyshift:ledger:shop", "keyshift:identity", "keyshift:systems"}} {
		w := embedded(t, 20)
		w.mustDeliver(w.after, "2.0.0")
		w.client.Del(t.Context(), lost...)
		w.app.Turn()
		if got := steps(w.mustDeliver(w.before, "1.0.0")); !slices.Contains(got, "rollout checkout 1.5.0") || !slices.Contains(got, "rewrite session 1.0.0") {
			t.Errorf("revert without %v: %v", lost, got)
		}
	}
}

func TestEmptiedStoreIsHeld(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.after, "2.0.0")
	w.quiet()
	w.client.FlushAll(t.Context())
	_, err := w.deliver(w.after)
	if held, ok := errors.AsType[*apply.HoldError](err); !ok || held.Code != apply.StoreChanged {
		t.Fatalf("not held: %v", err)
	}
	if n := w.client.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys were written", n)
	}
	w.edges.Adopt = true
	if _, err := w.deliver(w.after); err != nil {
		t.Errorf("adopted: %v", err)
	}
	w.edges.Adopt = false
	if _, err := w.deliver(w.after); err != nil {
		t.Errorf("after it was adopted: %v", err)
	}
}

func TestReplacedStoreIsHeld(t *testing.T) {
	w, other := embedded(t, 20), embedded(t, 20)
	w.mustDeliver(w.before, "1.0.0")
	other.mustDeliver(other.before, "1.0.0")
	w.edges.Stores = other.edges.Stores
	_, err := w.deliver(w.before)
	if held, ok := errors.AsType[*apply.HoldError](err); !ok || held.Code != apply.StoreChanged {
		t.Fatalf("not held: %v", err)
	}
	w.edges.Adopt = true
	if _, err := w.deliver(w.before); err != nil {
		t.Errorf("adopted: %v", err)
	}
	w.edges.Adopt = false
	if _, err := w.deliver(w.before); err != nil {
		t.Errorf("after it was adopted: %v", err)
	}
}

func TestLostIdentityIsHeld(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.before, "1.0.0")
	w.client.Del(t.Context(), "keyshift:identity")
	_, err := w.deliver(w.before)
	if refused, ok := errors.AsType[*keyspace.Error](err); !ok || refused.Reason != keyspace.StoreChanged {
		t.Fatalf("not held: %v", err)
	}
	for _, adopt := range []bool{true, false} {
		w.edges.Adopt = adopt
		if _, err := w.deliver(w.before); err != nil {
			t.Errorf("adopt %t: %v", adopt, err)
		}
	}
}

func TestOwnedByAnotherSystem(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.before, "1.0.0")
	theirs := w.after
	theirs.System = "pirates"
	_, err := w.deliver(theirs)
	if refused, ok := errors.AsType[*keyspace.Error](err); !ok || refused.Reason != keyspace.StoreOwned {
		t.Errorf("not refused: %v", err)
	}
	w.check("1.0.0")
}

func TestChangedDefinitionIsRefused(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.before, "1.0.0")
	changed := w.before
	changed.Components = slices.Clone(changed.Components)
	changed.Components[0].Releases = slices.Clone(changed.Components[0].Releases)
	changed.Components[0].Releases[0].Uses = nil
	if _, err := w.deliver(changed); !errorsAsDiagnostics(err) {
		t.Errorf("not refused: %v", err)
	}
}

func errorsAsDiagnostics(err error) bool {
	_, ok := errors.AsType[state.Diagnostics](err)
	return ok
}

func TestUnfitUnits(t *testing.T) {
	w := embedded(t, 20)
	w.quiet() // so that the rewrite itself meets them
	bad := map[string]string{"user_id": "none", "name": "secret-value"}
	w.client.HSet(t.Context(), "session:bad", bad)
	fail := w.after
	fail.Keyspaces = slices.Clone(fail.Keyspaces)
	fail.Keyspaces[0].Policy.Invalid = state.InvalidFail
	old := dump(t, w.client)
	_, err := w.deliver(fail)
	held, ok := errors.AsType[*apply.HoldError](err)
	if !ok || held.Code != apply.UnfitUnits || !strings.Contains(err.Error(), `"session:bad"`) || strings.Contains(err.Error(), "secret") {
		t.Errorf("not held: %v", err)
	}
	if now := dump(t, w.client); !reflect.DeepEqual(old, now) {
		t.Error("something was written")
	}
	skip := w.after
	if _, err := w.deliver(skip); err != nil {
		t.Errorf("one of twenty-one is allowed by default: %v", err)
	}
	if now := w.client.HGetAll(t.Context(), "session:bad").Val(); !reflect.DeepEqual(now, bad) {
		t.Errorf("the unfit unit was touched: %v", now)
	}
}

// meddler is a cluster in which somebody deploys an old release while a rewrite runs.
type meddler struct {
	*cluster.Memory
	armed  atomic.Bool
	meddle func()
}

func (m *meddler) Observe(ctx context.Context, system string, cs []state.Component) ([]state.Running, error) {
	if m.armed.CompareAndSwap(true, false) {
		m.meddle()
	}
	return m.Memory.Observe(ctx, system, cs)
}

func TestOldReleaseAppearsDuringARewrite(t *testing.T) {
	w := onRedis(t, 3000)
	for i := range w.after.Keyspaces {
		w.after.Keyspaces[i].Policy.Throttle = state.ThrottleGentle
	}
	m := &meddler{Memory: w.cluster, meddle: func() { w.deploy("1.5.0") }}
	w.edges.Cluster = m
	once := false
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Started && e.Step.Kind == "rewrite" && !once {
			once = true
			m.armed.Store(true)
		}
		w.events = append(w.events, e)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.check("2.0.0")
	if !slices.ContainsFunc(w.events, func(e apply.Event) bool { return e.Kind == apply.Superseded && e.Step.Kind == "rewrite" }) {
		t.Errorf("the rewrite was not stopped: %v", steps(o))
	}
	want := []string{"rollout checkout 1.5.0", "rollout checkout 2.0.0", "backup session 2.0.0", "rollout checkout 2.0.0", "backup session 2.0.0", "rewrite session 2.0.0", "verify session 2.0.0"}
	if got := steps(o); !reflect.DeepEqual(got, want) {
		t.Errorf("did %v", got)
	}
}

func TestCancelIsResumable(t *testing.T) {
	w := onRedis(t, 3000)
	for _, at := range []string{"rollout", "rewrite", "verify"} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
			if string(e.Step.Kind) == at && e.Kind == apply.Progressed {
				cancel()
			}
		})
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("at %s: %v", at, err)
		}
	}
	w.mustDeliver(w.after, "2.0.0")
}

func TestStuckRollout(t *testing.T) {
	w := embedded(t, 20)
	w.edges.RolloutTimeout = 300 * time.Millisecond
	w.cluster.Stick(w.after.Components[0].Releases[1].Images[0].Image)
	_, err := w.deliver(w.after)
	if _, ok := errors.AsType[*cluster.StuckError](err); !ok {
		t.Errorf("not stuck: %v", err)
	}
	w.check("1.0.0")
}

func TestFailedReadIsNoEmptyRead(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.before, "1.0.0")
	w.edges.Stores["main"].Close()
	_, err := w.deliver(w.after)
	if _, ok := errors.AsType[*keyspace.Error](err); !ok {
		t.Errorf("a store that cannot be read: %v", err)
	}
	w.check("1.0.0")
}

func TestUnknownStore(t *testing.T) {
	w := embedded(t, 20)
	w.edges.Stores = nil
	_, err := w.deliver(w.after)
	if held, ok := errors.AsType[*apply.HoldError](err); !ok || held.Code != apply.StoreUndefined {
		t.Errorf("not held: %v", err)
	}
}

// TestRecordedBeforeAStepStarts reads the ledger at the start of each step.
func TestRecordedBeforeAStepStarts(t *testing.T) {
	w := embedded(t, 20)
	_, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Kind != apply.Started {
			return
		}
		l := ledger(t, w.address)
		if c, _ := l.Catalogue.FindComponent("checkout"); len(c.Releases) != 3 {
			t.Errorf("step %d: the ledger knows %d releases", e.Index, len(c.Releases))
		}
		var writes2 bool
		for _, class := range l.Records[0].Present {
			writes2 = writes2 || class.Has("2.0.0")
		}
		if e.Index >= 1 && !writes2 || l.Records[0].Verified && e.Index < 4 {
			t.Errorf("step %d starts with the record %+v", e.Index, l.Records[0])
		}
		mirrored, err := w.edges.Mirror.Load(t.Context(), "shop")
		if err != nil || len(mirrored) != 1 || !reflect.DeepEqual(mirrored[0].Records, l.Records) {
			t.Errorf("step %d: the mirror has %+v, %v", e.Index, mirrored, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if l := ledger(t, w.address); !l.Records[0].Verified || !slices.Equal(l.Records[0].Present, []state.Class{"2.0.0"}) || !slices.Equal(l.Counted, []string{"session"}) {
		t.Errorf("in the end: %+v", l.Records)
	}
}

// TestBlockedIsNotRecorded blocks the whole shop: nothing may be written, and its definitions may still change.
func TestBlockedIsNotRecorded(t *testing.T) {
	w := embedded(t, 20)
	w.quiet()
	w.edges.Cluster = cluster.NewMemory(cluster.MemoryOptions{}) // has no workload
	_, err := w.deliver(w.after)
	if blocked, ok := errors.AsType[*plan.BlockedError](err); !ok || blocked.Blocked.WayOut == "" {
		t.Fatalf("not blocked: %v", err)
	}
	if n := w.client.Exists(t.Context(), "keyshift:ledger:shop").Val(); n != 0 {
		t.Error("a ledger was written")
	}
}

// TestPartlyBlocked delivers what can be, and neither delivers nor records the rest.
func TestPartlyBlocked(t *testing.T) {
	w := embedded(t, 20)
	ghost := state.Component{
		Name: "ghost", Release: "1.0.0", Workload: &state.Workload{Kind: "Deployment", Namespace: "shop", Name: "ghost"},
		Releases: []state.Release{{Name: "1.0.0", Images: []state.Image{{Container: "app", Image: "ghost:1"}}}},
	}
	commit := w.after
	commit.Components = append(slices.Clone(commit.Components), ghost)
	o, err := w.deliver(commit)
	if blocked, ok := errors.AsType[*plan.BlockedError](err); !ok || !slices.Equal(blocked.Blocked.Components, []string{"ghost"}) {
		t.Fatalf("not blocked: %v", err)
	}
	if got := steps(o); !reflect.DeepEqual(got, upgrade) {
		t.Errorf("did %v", got)
	}
	w.check("2.0.0")
	catalogue := ledger(t, w.address).Catalogue
	if _, known := catalogue.FindComponent("ghost"); known {
		t.Error("the blocked component is in the ledger")
	}
	if c, _ := catalogue.FindComponent("checkout"); len(c.Releases) != 3 {
		t.Errorf("the ledger knows %d releases of checkout", len(c.Releases))
	}
}

// TestTwoAtOnce lets two processes deliver the same commit: one leads, the other waits and finds it done.
func TestTwoAtOnce(t *testing.T) {
	w := onRedis(t, 2000)
	second := w.edges
	second.Stores = map[string]*keyspace.Store{"main": w.open(w.address)}
	second.Mirror = apply.FileMirror{Dir: t.TempDir()}
	var both sync.WaitGroup
	for _, e := range []apply.Edges{w.edges, second} {
		both.Go(func() {
			if _, err := apply.Deliver(t.Context(), e, w.after, nil); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	w.check("2.0.0")
}
