package apply_test

import (
	"errors"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
)

// TestTwoSystemsAtOnce gathers for two systems before either has written its ledger, as two Deliveries that are
// created together do. Both claim the same keys, and both ran over them: who owns keys was asked before anybody had
// said so. The second is refused now and leaves no claim behind.
func TestTwoSystemsAtOnce(t *testing.T) {
	w := embedded(t, 20)
	w.quiet()
	ours, theirs := w.after, w.after
	theirs.System = "pirates"
	other := w.edges
	other.Mirror = apply.FileMirror{Dir: t.TempDir()}
	a, err := apply.Gather(t.Context(), w.edges, ours)
	b, err2 := apply.Gather(t.Context(), other, theirs)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	_, err = apply.Run(t.Context(), w.edges, a, a.Plan(), nil)
	o, err2 := apply.Run(t.Context(), other, b, b.Plan(), nil)
	refused, ok := errors.AsType[*keyspace.Error](errors.Join(err, err2))
	if !ok || refused.Reason != keyspace.StoreOwned {
		t.Errorf("both ran over the same keys, the second by %v: %v, %v", steps(o), err, err2)
	}
	if n := w.client.Exists(t.Context(), "keyshift:ledger:shop", "keyshift:ledger:pirates").Val(); n != 1 {
		t.Errorf("%d of the two left a ledger", n)
	}
}
