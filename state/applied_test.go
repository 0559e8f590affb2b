package state

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// TestAppliedKeepsWhatWasThere: whatever was applied, the goals at each revision that is kept are those it was recorded with.
func TestAppliedKeepsWhatWasThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []Applied
		recorded := map[string]Goals{}
		now := Goals{map[string]string{}, map[string]Version{}}
		for i := range rapid.IntRange(1, 30).Draw(t, "revisions") {
			now = Goals{maps.Clone(now.Components), maps.Clone(now.Keyspaces)}
			now.Components[rapid.SampledFrom([]string{"a", "b"}).Draw(t, "component")] = rapid.SampledFrom([]string{"1", "2"}).Draw(t, "release")
			now.Keyspaces[rapid.SampledFrom([]string{"x", "y"}).Draw(t, "keyspace")] = Version(rapid.SampledFrom([]string{"1.0.0", "2.0.0"}).Draw(t, "version"))
			revision, news := fmt.Sprintf("main@sha1:%07d", i), false
			if list, news = WithApplied(list, revision, "", now); news != (list[len(list)-1].Revision == revision) {
				t.Fatalf("news %t: %v", news, list)
			}
			if !same(GoalsAt(list, len(list)-1), now) {
				t.Fatalf("%v was not recorded", now)
			}
			recorded[list[len(list)-1].Revision] = now
		}
		if len(list) > MaxApplied {
			t.Fatalf("%d revisions are kept", len(list))
		}
		for i, a := range list {
			if got := GoalsAt(list, i); !same(got, recorded[a.Revision]) {
				t.Fatalf("at %s %v, recorded %v", a.Revision, got, recorded[a.Revision])
			}
			if found, ok := FindApplied(list, a.Revision[len("main@sha1:"):]); !ok || found != i {
				t.Fatalf("%s is found at %d, %t", a.Revision, found, ok)
			}
		}
	})
}

func same(a, b Goals) bool {
	return maps.Equal(a.Components, b.Components) && maps.Equal(a.Keyspaces, b.Keyspaces)
}
