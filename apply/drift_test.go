package apply_test

import (
	"slices"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

func TestCheckDrift(t *testing.T) {
	w := embedded(t, 40)
	look := func() []apply.Drifted {
		t.Helper()
		got, err := apply.CheckDrift(t.Context(), w.edges, w.after, keyspace.DriftOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := look(); got != nil {
		t.Errorf("nothing was applied yet: %+v", got)
	}
	w.mustDeliver(w.after, "2.0.0")
	if got := look(); got != nil {
		t.Errorf("as it was left: %+v", got)
	}
	w.client.HSet(t.Context(), "session:odd", "colour", "green")
	got := look()
	if len(got) != 1 || got[0].Keyspace != "session" || !slices.Equal(got[0].Beyond, []state.Class{state.Unfit}) {
		t.Fatalf("%+v", got)
	}
	told, err := w.edges.Stores["main"].Changes(t.Context(), "shop", 1)
	if err != nil || told[0].Kind != keyspace.ChangeDrift || told[0].Keyspace != "session" || !slices.Equal(told[0].Counts, got[0].Counts) {
		t.Errorf("%+v, %v", told, err)
	}
}
