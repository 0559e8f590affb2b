package keyspace

import (
	"context"
	"fmt"
	"testing"
)

// TestHeldPartsAreCounted: many members cannot go where others stand that the application wrote. They stay, and each is
// counted once. What the writer remembers of them, the reader asks for at the same time.
func TestHeldPartsAreCounted(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	k := evaluated(t, `{
		versions: "1.0.0": {keys: "k:<id>", type: "hash", map: true, #value: {field: =~"^[0-9]+$", value: =~"^[a-z]+$"}}
		versions: "2.0.0": {keys: "k:<id>", type: "hash", map: true, #value: {field: =~"^f", value: =~"^[a-z]+$"}}
		migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _,
			#up: {field: "f\(#old.field)", value: #old.value}, #down: {field: strings.TrimPrefix(#new.field, "f"), value: #new.value}}}`)
	const n = 3000
	pipe := s.client.Pipeline()
	for i := range n {
		pipe.HSet(ctx, kindKey(i), "1", "old", "f1", "new", "2", "free")
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	st := open(t, s)
	o, err := st.Rewrite(ctx, acquire(t, st, k.Name), Job{Keyspace: k, To: "2.0.0", ID: "held", Unlogged: true}, nil)
	if err != nil || o.Unfit != n || o.Rewritten != n || o.Clean("2.0.0") || o.Scanned != 3*n {
		t.Errorf("%+v, %v", o, err)
	}
	if got := fmt.Sprint(s.client.HGetAll(ctx, kindKey(7)).Val()); got != "map[1:old f1:new f2:free]" {
		t.Error(got)
	}
}
