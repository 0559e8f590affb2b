package keyspace

import (
	"context"
	"testing"
)

// TestUndoOfEqualElements: two elements of a list that become the same one are two pre-images, and each has its place.
func TestUndoOfEqualElements(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		k := evaluated(t, `{
			versions: "1.0.0": {keys: "k:<id>", type: "list", encoding: "json", #value: {kind: string, note: string}}
			versions: "2.0.0": {keys: "k:<id>", type: "list", encoding: "json", #value: {kind: string}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["note"], #up: {}, #down: note: ""}}`)
		for i := range 25 {
			s.client.RPush(ctx, "k:1", `{"kind":"a","note":"first"}`, `{"kind":"b","note":""}`, `{"kind":"a","note":"second"}`, `{"kind":"a","note":"second"}`)
			s.client.RPush(ctx, kindKey(i+2), `{"kind":"a","note":"1"}`, `{"kind":"a","note":"2"}`)
		}
		before := everything(t, s.client)
		st, log := open(t, s), &memoryLog{}
		rewriteTo(t, st, k, "2.0.0", log, 150)
		l := acquire(t, st, k.Name)
		// elements that come and go in front move the others
		s.client.LPop(ctx, "k:1")
		o, err := st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0"}, log, nil)
		if err != nil || o.Conflicts+o.Merged > 0 || o.Gone != 1 || o.Restored+o.Gone != int64(len(log.images)) {
			t.Errorf("%+v of %d, %v", o, len(log.images), err)
		}
		s.client.LPush(ctx, "k:1", `{"kind":"a","note":"first"}`)
		if err := l.Release(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := st.Rewrite(ctx, acquireAgain(t, st, k.Name), Job{Keyspace: k, To: "1.0.0", ID: "back", Unlogged: true}, nil); err != nil {
			t.Fatal(err)
		}
		compareMaps(t, before, everything(t, s.client))
	})
}
