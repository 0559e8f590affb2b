package apply_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/state"
)

// slow is an API server whose answer to the first observation takes a while.
type slow struct {
	*cluster.Memory
	first atomic.Bool
	delay time.Duration
}

func (s *slow) Observe(ctx context.Context, system string, cs []state.Component) ([]state.Running, error) {
	if s.first.CompareAndSwap(false, true) {
		time.Sleep(s.delay)
	}
	return s.Memory.Observe(ctx, system, cs)
}

// TestOldPodsEndWhileGathering: somebody rolled back and forth outside of Keyshift. When gathering begins, a pod
// of 1.4.0 still terminates. The pass over the store is quick, the cluster answers slowly: the pod's last write is
// behind the pass, and the pod is gone when the cluster is looked at. The record said verified, and a release that
// cannot read what the pod wrote was rolled out.
func TestOldPodsEndWhileGathering(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.after, "2.0.0")
	old := w.after.Components[0].Releases[0].Images[0].Image
	w.recluster(cluster.MemoryOptions{Terminate: 400 * time.Millisecond}, func(ctx context.Context, p cluster.Pod) {
		<-ctx.Done() // it has terminated
		if p.Image("app") == old {
			w.client.HSet(context.Background(), "session:late", "user_id", 1, "name", "Ada", "created_ms", 5)
		}
	})
	w.deploy("1.4.0")
	time.Sleep(50 * time.Millisecond)
	w.deploy("2.0.0")
	time.Sleep(50 * time.Millisecond)

	commit := w.after
	commit.Components = slices.Clone(commit.Components)
	c := &commit.Components[0]
	c.Release = "3.0.0"
	c.Releases = append(slices.Clone(c.Releases), state.Release{
		Name: "3.0.0", Images: []state.Image{{Container: "app", Image: "ghcr.io/acme/checkout:3.0.0"}},
		Uses: []state.Use{{Keyspace: "session", Reads: ">=2.0.0 <3.0.0", Writes: "2.0.0"}},
	})
	w.edges.Cluster = &slow{Memory: w.cluster, delay: 900 * time.Millisecond}
	_, err := apply.Deliver(t.Context(), w.edges, commit, func(e apply.Event) {
		if e.Kind == apply.Started && e.Step.To == "3.0.0" && w.client.HExists(context.Background(), "session:late", "created_ms").Val() {
			t.Error("3.0.0, which reads 2.0.0 alone, is rolled out while a unit is at 1.0.0")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
