package keyspace

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"keyshift.dev/transform"
)

// parts feeds a tape with pieces of what came.
func parts(t *tape, answers int, pieces ...string) (wanted int, err error) {
	t.expect(answers)
	wanted = 1
	for _, p := range pieces {
		t.raw = append(t.raw, p...)
		if wanted, err = t.parse(); err != nil {
			return wanted, err
		}
	}
	return wanted, nil
}

// An answer means the same however the network cuts it.
func TestTapeIsCutAnywhere(t *testing.T) {
	const raw = "*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$0\r\n\r\n:42\r\n-WRONGTYPE no\r\n$-1\r\n*-1\r\n+OK\r\n"
	for cut := range len(raw) {
		for _, pieces := range [][]string{{raw[:cut], raw[cut:]}, strings.Split(raw, "")} {
			var x tape
			if wanted, err := parts(&x, 6, pieces...); err != nil || wanted != 0 {
				t.Fatalf("cut at %d: %d bytes wanted, %v", cut, wanted, err)
			}
			keys, next, err := x.scan()
			if err != nil || next != 17 || !slices.Equal(keys, []string{"a", ""}) {
				t.Fatalf("cut at %d: %q, %d, %v", cut, keys, next, err)
			}
			if n, err := x.number(); n != 42 || err != nil {
				t.Fatalf("cut at %d: %d, %v", cut, n, err)
			}
			if _, err := x.str(); !redis.HasErrorPrefix(err, "WRONGTYPE") || unknown(err) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			for range 2 {
				if _, err := x.any(); !errors.Is(err, redis.Nil) {
					t.Fatalf("cut at %d: %v", cut, err)
				}
			}
			if s, err := x.str(); s != "OK" || err != nil {
				t.Fatalf("cut at %d: %q, %v", cut, s, err)
			}
			if _, err := x.take(); !errors.Is(err, errProtocol) {
				t.Fatalf("behind the last: %v", err)
			}
		}
	}
}

func TestTapeRefuses(t *testing.T) {
	for _, raw := range []string{"x\r\n", "$a\r\n", "$-2\r\n", "*-7\r\n", "$1\n", "\n", "%1\r\n", "$9223372036854775807\r\n", "*9223372036854775807\r\n", ":1\r\n:2\r\n", ">2\r\n"} {
		var x tape
		if wanted, err := parts(&x, 1, raw); err == nil {
			t.Errorf("%q: %d bytes wanted, tokens %+v", raw, wanted, x.tokens)
		}
	}
}

// What is longer than a text is cut at the border of a value, and every value is as it came.
func TestTapeTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 10, 4000, textLength - 10, textLength, 3 * textLength}), 1, 12).Draw(t, "sizes")
		var raw strings.Builder
		for i, n := range sizes {
			fmt.Fprintf(&raw, "$%d\r\n%s\r\n", n, strings.Repeat(strconv.Itoa(i%10), n))
		}
		var pieces []string
		for rest := raw.String(); rest != ""; {
			n := min(len(rest), rapid.IntRange(1, 100_000).Draw(t, "piece"))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		var x tape
		if wanted, err := parts(&x, len(sizes), pieces...); err != nil || wanted != 0 {
			t.Fatal(wanted, err)
		}
		for i, n := range sizes {
			if s, err := x.str(); err != nil || s != strings.Repeat(strconv.Itoa(i%10), n) {
				t.Fatalf("value %d of %d bytes: %d bytes, %v", i, n, len(s), err)
			}
		}
	})
}

// Fields come sorted by name, whatever the order of the hash before was, and those of one name stay as they came.
func TestFieldsAreSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x tape
		var room []transform.Field
		for range rapid.IntRange(1, 5).Draw(t, "hashes") {
			names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 5).Draw(t, "names")
			var raw strings.Builder
			fmt.Fprintf(&raw, "*%d\r\n", 2*len(names))
			var want []transform.Field
			for i, name := range names {
				fmt.Fprintf(&raw, "$1\r\n%s\r\n$1\r\n%d\r\n", name, i)
				want = append(want, transform.Field{Name: name, Value: strconv.Itoa(i)})
			}
			slices.SortStableFunc(want, func(a, b transform.Field) int { return strings.Compare(a.Name, b.Name) })
			if _, err := parts(&x, 1, raw.String()); err != nil {
				t.Fatal(err)
			}
			if got, err := x.fields(&room); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%v, want %v; %v", got, want, err)
			}
		}
	})
}

func FuzzTape(f *testing.F) {
	f.Add("*1\r\n$1\r\na\r\n", 1)
	f.Add("$5\r\nab", 1)
	f.Add(":1\r\n-E\r\n", 2)
	f.Fuzz(func(t *testing.T, raw string, answers int) {
		var x tape
		if wanted, err := parts(&x, answers%8, raw); err != nil || wanted != 0 {
			return
		}
		for x.at < len(x.tokens) {
			before := x.at
			if _, _ = x.any(); x.at == before { // what it says is no matter
				t.Fatal("it does not move on")
			}
		}
	})
}
