package transform

import (
	"slices"
	"testing"

	"keyshift.dev/state"
)

// A field that the way back never makes does not come back; one that it makes may.
func TestLostFieldsDoNotComeBack(t *testing.T) {
	p := compiled(t, shop(state.Hash))
	if lost := p.Lost("1.0.0", "2.0.0"); !slices.Equal(lost, []string{"legacy"}) {
		t.Fatalf("lost are %v", lost)
	}
	for _, legacy := range []bool{false, true} {
		u := Unit{Key: "session:1", Fields: []Field{{"created_ms", "1700000000000"}, {"name", "Ada"}, {"user_id", "7"}}}
		if legacy {
			u.Fields = slices.Insert(u.Fields, 1, Field{"legacy", "x"})
		}
		after, err := p.Convert(u, "1.0.0", "2.0.0")
		if err != nil {
			t.Fatal(err)
		}
		back, err := p.Convert(after, "2.0.0", "1.0.0")
		if err != nil || slices.Equal(back.Fields, u.Fields) == legacy {
			t.Errorf("%+v came back as %+v, %v", u, back, err)
		}
	}
}
