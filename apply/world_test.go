package apply_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/demo"
	"keyshift.dev/examples"
	"keyshift.dev/keyspace"
	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

// world is the shop, live: a Redis, an in-memory cluster and an application whose pods work throughout.
type world struct {
	*testing.T
	address string
	client  *redis.Client
	app     *demo.Application
	cluster *cluster.Memory
	edges   apply.Edges
	before  state.Desired // sessions at 1.0.0, checkout 1.4.0
	after   state.Desired // both at 2.0.0
	events  []apply.Event
}

// shop evaluates the two states of the example.
func shop() (before, after state.Desired, err error) {
	history := examples.Shop()
	if before, err = schema.Evaluate(history[0].Files, "."); err != nil {
		return before, after, err
	}
	after, err = schema.Evaluate(history[1].Files, ".")
	return before, after, err
}

// embedded starts the shop on an embedded Redis, where all delays are short.
func embedded(t *testing.T, units int) *world {
	t.Helper()
	w := newWorld(t, miniredis.RunT(t).Addr(), units)
	w.app.Tolerance = time.Hour
	return w
}

// onRedis starts the shop on a redis-server.
func onRedis(t *testing.T, units int) *world {
	t.Helper()
	return newWorld(t, testbed.Redis(t).Addr, units)
}

func newWorld(t *testing.T, address string, units int) *world {
	t.Helper()
	before, after, err := shop()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, address: address, before: before, after: after, client: demo.Dial(address), app: demo.NewApplication(demo.Sessions())}
	t.Cleanup(func() { _ = w.client.Close() })
	if err := w.app.Seed(t.Context(), w.client, demo.V1, units); err != nil {
		t.Fatal(err)
	}
	w.cluster = cluster.NewMemory(cluster.MemoryOptions{Start: 10 * time.Millisecond, Terminate: 50 * time.Millisecond})
	t.Cleanup(w.cluster.Close)
	w.cluster.OnPod(func(ctx context.Context, p cluster.Pod) {
		w.app.RunPod(ctx, w.release(p), w.client, int64(len(p.Name)))
	})
	w.edges = apply.Edges{
		Cluster: w.cluster, Stores: map[string]*keyspace.Store{"main": w.open(address)}, Mirror: apply.FileMirror{Dir: t.TempDir()}, State: &memory{},
		RolloutTimeout: 10 * time.Second, Watch: 20 * time.Millisecond, LeaseWait: 10 * time.Second, ProgressEvery: time.Millisecond,
	}
	w.deploy("1.4.0")
	return w
}

func (w *world) open(address string) *keyspace.Store {
	w.Helper()
	store, err := keyspace.Open(w.Context(), keyspace.Options{Store: "main", Address: "redis://" + address + "/0", LeaseTTL: 2 * time.Second})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(store.Close)
	return store
}

// deploy creates the workload, or changes it behind Keyshift's back.
func (w *world) deploy(release string) {
	c := w.after.Components[0]
	r, _ := c.FindRelease(release)
	w.cluster.Deploy(*c.Workload, 2, r.Images...)
}

// quiet ends all pods and leaves the cluster out from now on.
func (w *world) quiet() {
	w.cluster.Close()
	w.edges.Cluster = nil
}

// recluster replaces the cluster by one whose pods do only what the program does; nothing without one.
func (w *world) recluster(options cluster.MemoryOptions, program func(context.Context, cluster.Pod)) {
	w.cluster.Close()
	w.cluster = cluster.NewMemory(options)
	w.Cleanup(w.cluster.Close)
	if program != nil {
		w.cluster.OnPod(program)
	}
	w.edges.Cluster = w.cluster
}

func (w *world) release(p cluster.Pod) state.Release {
	for _, r := range w.after.Components[0].Releases {
		if p.Image("app") == r.Images[0].Image {
			return r
		}
	}
	w.Errorf("pod %s runs an unknown image", p.Name)
	return state.Release{}
}

func (w *world) deliver(commit state.Desired) (apply.Outcome, error) {
	w.events = nil
	return apply.Deliver(w.Context(), w.edges, commit, func(e apply.Event) { w.events = append(w.events, e) })
}

// mustDeliver delivers, and lets the application check every key at a version.
func (w *world) mustDeliver(commit state.Desired, v state.Version) apply.Outcome {
	w.Helper()
	o, err := w.deliver(commit)
	if err != nil {
		w.Fatal(err)
	}
	w.check(v)
	return o
}

func (w *world) check(v state.Version) {
	w.Helper()
	r, err := w.app.Check(w.Context(), w.client)
	if err != nil {
		w.Fatal(err)
	}
	if r.LostUpdates+r.UnreadableReads > 0 || len(r.Held) != 1 || r.Held[0].Version != v {
		w.Fatalf("at %s: lost %d %v, unreadable %d, held %v", v, r.LostUpdates, r.Findings, r.UnreadableReads, r.Held)
	}
}

// steps names what was done, for comparison.
func steps(o apply.Outcome) (out []string) {
	for _, d := range o.Done {
		out = append(out, string(d.Step.Kind)+" "+d.Step.Object+" "+d.Step.To)
	}
	return out
}

// dump returns every key of the store but Keyshift's own, with its fields.
func dump(t *testing.T, c *redis.Client) map[string]map[string]string {
	t.Helper()
	keys, err := c.Keys(t.Context(), "session:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]string{}
	for _, key := range keys {
		if out[key], err = c.HGetAll(t.Context(), key).Result(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// the plans of the two directions
var (
	upgrade = []string{"rollout checkout 1.5.0", "rollout checkout 2.0.0", "backup session 2.0.0", "rewrite session 2.0.0", "verify session 2.0.0"}
	revert  = []string{"rollout checkout 1.5.0", "backup session 1.0.0", "rewrite session 1.0.0", "verify session 1.0.0", "rollout checkout 1.4.0"}
)
