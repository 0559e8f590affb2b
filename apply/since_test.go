package apply

import (
	"context"
	"slices"
	"testing"

	"keyshift.dev/keyspace"
)

// images is an undo log in memory, the newest first, handed out two at a time.
type images []keyspace.Preimage

func (m images) Images(_ context.Context, take func([]keyspace.Preimage) error) error {
	for part := range slices.Chunk(m, 2) {
		if err := take(part); err != nil {
			return err
		}
	}
	return nil
}

// TestAnotherTimeIsNotTakenBack: the steps of a second upgrade equal those of the first, and so do the names of their
// undo logs. A unit that lost nothing the second time became what it was before the first.
func TestAnotherTimeIsNotTakenBack(t *testing.T) {
	image := func(job string) keyspace.Preimage { return keyspace.Preimage{Keyspace: "session", Job: job} }
	for _, c := range []struct {
		name string
		log  images
		want []string
	}{
		{"one time", images{image("b"), image("a"), begin}, []string{"b", "a"}},
		{"two times", images{image("c"), begin, image("b"), image("a"), begin}, []string{"c"}},
		{"nothing this time", images{begin, image("b"), image("a"), begin}, nil},
		{"two marks: the first opening was not recorded", images{image("c"), begin, begin, image("b")}, []string{"c"}},
		{"no mark", images{image("b"), image("a")}, []string{"b", "a"}},
	} {
		var got []string
		err := sinceBegin{c.log}.Images(t.Context(), func(images []keyspace.Preimage) error {
			for _, i := range images {
				got = append(got, i.Job)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}
