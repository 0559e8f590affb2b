package schema

import (
	"testing"

	"keyshift.dev/state"
)

// A conflict that CUE reports from both of its sides is said once; two conflicts at one place are said both.
func TestConflictOnce(t *testing.T) {
	a, b, c := state.Pos{File: "x.cue", Line: 1, Column: 1}, state.Pos{File: "x.cue", Line: 2, Column: 1}, state.Pos{File: "x.cue", Line: 3, Column: 1}
	got := withoutEchoes(state.Diagnostics{
		{Code: "conflict", Pos: a, Other: b, Message: `conflicting values "1" and "2"`},
		{Code: "conflict", Pos: a, Other: c, Message: `conflicting values "1" and "3"`},
		{Code: "conflict", Pos: b, Other: a, Message: `conflicting values "2" and "1"`},
	})
	if len(got) != 2 || got[0].Other != b || got[1].Other != c {
		t.Errorf("got %v", got)
	}
}
