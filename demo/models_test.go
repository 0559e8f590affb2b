package demo

import (
	"context"
	"io/fs"
	"os"
	"path"
	"testing"
	"testing/fstest"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/examples"
	"keyshift.dev/keyspace"
	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// withCarts evaluates the shop with the carts of testdata beside its sessions, before or after.
func withCarts(t *testing.T, commit int, carts string) state.Desired {
	t.Helper()
	tree := fstest.MapFS{}
	files := examples.Shop()[commit].Files
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		tree[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path.Join("testdata", carts))
	if err != nil {
		t.Fatal(err)
	}
	tree["cart.cue"] = &fstest.MapFile{Data: data}
	desired, err := schema.Evaluate(tree, ".")
	if err != nil {
		t.Fatal(err)
	}
	return desired
}

// TestModelsFitTheirSpecs moves hashes and JSON strings there and back under the pods of both.
func TestModelsFitTheirSpecs(t *testing.T) {
	before, after := withCarts(t, 0, "cart.before.cue"), withCarts(t, 1, "cart.after.cue")
	server := testbed.Redis(t)
	client := Dial(server.Addr)
	defer client.Close()
	app := NewApplication(Sessions(), Carts())
	if err := app.Seed(t.Context(), client, V1, 800); err != nil {
		t.Fatal(err)
	}
	store, err := keyspace.Open(t.Context(), keyspace.Options{Store: "main", Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	pods := cluster.NewMemory(cluster.MemoryOptions{Start: 10 * time.Millisecond, Terminate: 100 * time.Millisecond})
	defer pods.Close()
	pods.OnPod(func(ctx context.Context, p cluster.Pod) {
		app.RunPod(ctx, releaseOf([]state.Desired{after}, p), client, 7)
	})
	c := after.Components[0]
	release, _ := c.FindRelease("1.4.0")
	pods.Deploy(*c.Workload, 2, release.Images...)
	edges := apply.Edges{
		Cluster: pods, Stores: map[string]*keyspace.Store{"main": store}, RolloutTimeout: 10 * time.Second,
		State: &apply.Storage{Address: t.TempDir()},
	}
	for i, commit := range []state.Desired{before, after, before} {
		if _, err := apply.Deliver(t.Context(), edges, commit, nil); err != nil {
			t.Fatal(err)
		}
		r, err := app.Check(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		v := []state.Version{V1, V2, V1}[i]
		if r.LostUpdates+r.UnreadableReads > 0 || len(r.Held) != 2 || r.At("session", v) == 0 || r.At("cart", v) == 0 {
			t.Fatalf("at %s: lost %d %v, unreadable %d, held %v", v, r.LostUpdates, r.Findings, r.UnreadableReads, r.Held)
		}
		app.Turn()
	}
}
