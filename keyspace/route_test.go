package keyspace

import (
	"context"
	"strings"
	"testing"

	"keyshift.dev/state"
)

// TestOverlapIsRefused: a key that may belong to two keyspaces went to the first, and the other's units were not seen.
func TestOverlapIsRefused(t *testing.T) {
	st := open(t, embedded(t))
	wide := sessions()
	wide.Name = "any"
	for i := range wide.Shapes {
		wide.Shapes[i].Keys = "sess<rest...>"
	}
	_, err := st.Observe(context.Background(), []state.Keyspace{carts(), sessions(), wide})
	e := wantReason(t, err, TransformRefused)
	if e.Wait || !strings.Contains(e.Error(), `keys "sess<rest...>" of keyspace "any" may be keys "session:<id>" of keyspace "session"`) {
		t.Error(e)
	}
	if _, err := st.Observe(context.Background(), []state.Keyspace{carts(), sessions()}); err != nil {
		t.Error(err)
	}
}
