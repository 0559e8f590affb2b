package apply_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/demo"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// thousands is one connected system that is as desired: n components of three keyspaces each, one of n keyspaces shared by a
// tenth of them, and a unit in each.
func thousands(tb testing.TB, n int) (apply.Edges, state.Desired) {
	tb.Helper()
	_, after, err := shop()
	if err != nil {
		tb.Fatal(err)
	}
	want := state.Desired{System: "large", Stores: after.Stores}
	server := testbed.Redis(tb)
	client := demo.Dial(server.Addr)
	defer client.Close()
	pods := cluster.NewMemory(cluster.MemoryOptions{})
	tb.Cleanup(pods.Close)
	pipe := client.Pipeline()
	for i := range n {
		k := after.Keyspaces[0]
		k.Name, k.Shapes = fmt.Sprintf("k%04d", i), append([]state.Shape(nil), k.Shapes...)
		for j := range k.Shapes {
			k.Shapes[j].Keys = k.Name + ":<id>"
		}
		want.Keyspaces = append(want.Keyspaces, k)
		pipe.HSet(tb.Context(), k.Name+":1", "user_id", "1", "full_name", "Ada", "created", "5", "plan", "free")
	}
	if _, err := pipe.Exec(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		c := after.Components[0]
		c.Name = fmt.Sprintf("c%04d", i)
		w := *c.Workload
		w.Name, c.Workload = c.Name, &w
		c.Releases = append([]state.Release(nil), c.Releases...)
		uses := []int{i, (i + 1) % n, (i + 2) % n}
		if i%10 == 0 {
			uses[2] = n / 2
		}
		for j := range c.Releases {
			use := c.Releases[j].Uses[0]
			c.Releases[j].Uses = nil
			for _, u := range uses {
				use.Keyspace = want.Keyspaces[u].Name
				c.Releases[j].Uses = append(c.Releases[j].Uses, use)
			}
		}
		want.Components = append(want.Components, c)
		r, _ := c.FindRelease(c.Release)
		pods.Deploy(w, 3, r.Images...)
	}
	store, err := keyspace.Open(tb.Context(), keyspace.Options{Store: "main", Address: server.URL})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(store.Close)
	return apply.Edges{
		Cluster: pods, Stores: map[string]*keyspace.Store{"main": store}, Mirror: &kept{}, State: &memory{},
	}, want
}

// BenchmarkLookLarge is a reconciliation of 1,000 components and 1,000 keyspaces for which nothing has changed: what it costs
// this process in CPU, and that it asks for no SCAN.
func BenchmarkLookLarge(b *testing.B) {
	e, want := thousands(b, 1000)
	var o apply.Outcome
	var err error
	for range 2 { // the first writes the ledger
		time.Sleep(100 * time.Millisecond) // the pods are ready
		if o, err = apply.Deliver(b.Context(), e, want, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	before := cpu()
	for range b.N {
		g, err := apply.Look(b.Context(), e, o.Last, nil)
		if err != nil || g.Differs != "" {
			b.Fatalf("%+v, %v", g, err)
		}
	}
	b.ReportMetric(float64((cpu()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// kept is a mirror in memory.
type kept struct{ ledgers []state.Ledger }

func (k *kept) Load(context.Context, string) ([]state.Ledger, error) { return k.ledgers, nil }
func (k *kept) Save(_ context.Context, _ string, ledgers []state.Ledger) error {
	k.ledgers = ledgers
	return nil
}
