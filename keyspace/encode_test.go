package keyspace

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"keyshift.dev/transform"
)

// Values joined by the separator of a batch are equal only if every one is: the bytes of the separator may be in any of
// the values that the application writes meanwhile.
func TestJoinedValuesAreExact(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "\x00", "\x00\x01", "b"}), 0, 4).Draw(t, "pieces"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		expected := rapid.SliceOfN(value, 1, 4).Draw(t, "expected")
		var c change
		for _, v := range expected {
			c.edit.Compare = append(c.edit.Compare, transform.Field{Value: v})
		}
		separator := separate([]change{c})
		joined := join([]change{c}, separator)[0]
		now := rapid.SliceOfN(value, len(expected), len(expected)).Draw(t, "now")
		if pieces := strings.Split(joined, separator); rapid.Bool().Draw(t, "the same text") { // cut anywhere it can be
			joints := rapid.Permutation(ordered(len(pieces)-1)).Draw(t, "joints")[:len(expected)-1]
			slices.Sort(joints)
			now = now[:0]
			for start := 0; len(now) < len(expected); {
				end := len(pieces)
				if len(now) < len(joints) {
					end = joints[len(now)] + 1
				}
				now, start = append(now, strings.Join(pieces[start:end], separator)), end
			}
		}
		if strings.Join(now, separator) == joined && !slices.Equal(now, expected) {
			t.Fatalf("%q passes for %q, joined by %q", now, expected, separator)
		}
	})
}

func ordered(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// shifted moves a NUL from one value into the next between read and write.
var shifted = guard{"values that look alike when they are joined", between(sessions(), "session:1", func(ctx context.Context, c *redis.Client) {
	seedSession(ctx, c)
	c.HSet(ctx, "session:1", "legacy", "x\x00", "name", "Ada")
}, func(ctx context.Context, c *redis.Client) {
	c.HSet(ctx, "session:1", "legacy", "x", "name", "\x00Ada")
}, "c", "hash created_ms=\"5000\" legacy=\"x\" name=\"\\x00Ada\" note=\"n\" user_id=\"1\""+at)}

func TestValuesWithTheSeparator(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		if err := shifted.check(s, open(t, s)); err != nil {
			t.Error(err)
		}
	})
}

// The set of hashes is a set.
func TestHashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h hashes
		want := map[uint64]bool{}
		for _, id := range rapid.SliceOf(rapid.Uint64Range(0, 3000)).Draw(t, "ids") {
			id <<= rapid.SampledFrom([]uint{0, 20, 50}).Draw(t, "shift") // many of one slot
			id = max(id, 1)
			if h.has(id) != want[id] || h.add(id) == want[id] || !h.has(id) {
				t.Fatalf("%d was there: %t", id, want[id])
			}
			want[id] = true
		}
		if h.size() != len(want) {
			t.Fatalf("%d hashes, want %d", h.size(), len(want))
		}
		if h.clear(); h.size() != 0 || h.has(1) {
			t.Fatal("it is not empty")
		}
	})
}
