package cluster_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/state"
)

func memory(t *testing.T, o cluster.MemoryOptions) *cluster.Memory {
	t.Helper()
	m := cluster.NewMemory(o)
	t.Cleanup(m.Close)
	return m
}

func TestMemory(t *testing.T) {
	conform(t, func(t *testing.T) stage {
		const terminate = 400 * time.Millisecond
		m := memory(t, cluster.MemoryOptions{Start: 20 * time.Millisecond, Terminate: terminate, ProgressDeadline: time.Second})
		m.Stick(neverReady)
		return stage{
			cluster: m,
			deploy: func(_ *testing.T, w state.Workload, replicas int, images ...state.Image) {
				m.Deploy(w, replicas, images...)
			},
			remove: func(_ *testing.T, w state.Workload) { m.Delete(w) },
			scale:  func(_ *testing.T, w state.Workload, replicas int) { m.Scale(w, replicas) },
			image: func(_ *testing.T, p cluster.Pull) state.Image {
				m.SetPull("app:"+string(p), p)
				return app("app:" + string(p))
			},
			terminate: terminate,
			work:      state.Workload{Kind: "Deployment", Namespace: "shop", Name: "checkout"},
		}
	})
}

// TestMemoryProgramsEndBeforeTheirPods is what a demonstration relies on: when Await has returned, no program
// of the old release runs, and as many as desired ran at every moment.
func TestMemoryProgramsEndBeforeTheirPods(t *testing.T) {
	m := memory(t, cluster.MemoryOptions{Start: 5 * time.Millisecond, Terminate: 40 * time.Millisecond})
	var mu sync.Mutex
	live := map[string]int{}
	var fewest atomic.Int64
	fewest.Store(3)
	count := func(image string, by int) {
		mu.Lock()
		defer mu.Unlock()
		live[image] += by
		if by < 0 {
			fewest.Store(min(fewest.Load(), int64(live["app:1"]+live["app:2"])))
		}
	}
	m.OnPod(func(ctx context.Context, p cluster.Pod) {
		count(p.Image("app"), 1)
		<-ctx.Done()
		time.Sleep(30 * time.Millisecond) // the program's own way to end
		count(p.Image("app"), -1)
	})
	w := state.Workload{Kind: "Deployment", Namespace: "shop", Name: "checkout"}
	c := component(w)
	m.Deploy(w, 3, app("app:1"))
	s := stage{cluster: m}
	settle(t, s, c, "1.0.0")
	rollout(t, s, c, "2.0.0")
	settle(t, s, c, "2.0.0")
	mu.Lock()
	defer mu.Unlock()
	want(t, live["app:1"], 0)
	if fewest.Load() < 3 {
		t.Errorf("at some moment only %d programs ran", fewest.Load())
	}
	want(t, len(m.Pods(w)), 3)
}
