package state_test

import (
	"maps"
	"strings"
	"testing"

	"keyshift.dev/state"
	"pgregory.net/rapid"
)

func TestPatternMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, key string
		want         map[string]string // nil: no match
	}{
		{"session:<id>", "session:7", map[string]string{"id": "7"}},
		{"session:<id>", "session:7:cart", nil},
		{"session:<id>", "session:", nil},
		{"session:<id>", "sessions:7", nil},
		{"session:<id>", "session:\xff\n", map[string]string{"id": "\xff\n"}},
		{"session:<path...>", "session:7:cart", map[string]string{"path": "7:cart"}},
		{"session:<id int>", "session:-12", map[string]string{"id": "-12"}},
		{"session:<id int>", "session:012", nil},
		{"session:<id int>", "session:-0", nil},
		{"session:<id int>", "session:12345678901234567890123", map[string]string{"id": "12345678901234567890123"}},
		{"session:<id>:v1", "session:7:v1", map[string]string{"id": "7"}},
		{"session:<id>:v1", "session::v1", nil},
		{"{user:<tenant>}:cart:<id>", "{user:acme}:cart:9", map[string]string{"tenant": "acme", "id": "9"}},
		{"{user:<tenant>}:cart:<id>", "user:acme:cart:9", nil},
		{"a:<x...>:b:<y>", "a:1:b:2:b:3", map[string]string{"x": "1:b:2", "y": "3"}},
		{"config:main", "config:main", map[string]string{}},
		{"config:main", "config:main2", nil},
		{"a.b:<x>", "acb:1", nil},
	} {
		p, err := state.ParsePattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := p.Match(c.key)
		if ok != (c.want != nil) || !maps.Equal(got, c.want) || p.Covers(c.key) != ok {
			t.Errorf("%q matches %q as %v, %v; want %v", c.pattern, c.key, got, ok, c.want)
		}
	}
}

func TestPatternErrors(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                "fewer than 2 characters",
		"a<id>":           "fewer than 2 characters",
		"<id>:x":          "fewer than 2 characters",
		"user:<id":        "'<' without a '>'",
		"user:id>":        "'>' without a '<'",
		"user:<>":         "is not <name>",
		"user:<a b>":      "is not <name>",
		"user:<id float>": "is not <name>",
		"user:<a><b>":     "have no text between them",
		"user:<a>:<a>":    "stands twice",
		"user\xff:<a>":    "not UTF-8",
	} {
		if _, err := state.ParsePattern(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", pattern, err, want)
		}
	}
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		p, q string
		want bool
	}{
		{"session:<id>", "session:<id>", true},
		{"session:<id>", "session:<id>:cart", false},
		{"session:<path...>", "session:<id>:cart", true},
		{"session:<id>", "cart:<id>", false},
		{"session:<id>", "session:main", true},
		{"session:<id>", "session:", false},
		{"session:<id int>", "session:main", false},
		{"session:<id int>", "session:-7", true},
		{"session:<id int>", "session:07", false},
		{"session:<id int>", "session:<id>7", true},
		{"session:<id int>", "session:<id>x", false},
		{"se<a>:x", "session:<id>", true},
		{"user:<a>:x:<b>", "user:<a>:<b>:y", true},
		{"user:<a>:x", "user:<a>:y", false},
	} {
		p, q := parse(t, c.p), parse(t, c.q)
		if state.Overlap(p, q) != c.want || state.Overlap(q, p) != c.want {
			t.Errorf("Overlap(%q, %q) is not %v", c.p, c.q, c.want)
		}
	}
}

// A key that matches both patterns proves an overlap.
func TestOverlapCoversMatches(t *testing.T) {
	parts := []string{"a", ":", "1", "-", "<x>", "<y int>", "<z...>", "}"}
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string {
			return "k:" + strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom(parts), 1, 4, rapid.ID).Draw(t, label), "")
		}
		p, perr := state.ParsePattern(text("p"))
		q, qerr := state.ParsePattern(text("q"))
		if perr != nil || qerr != nil {
			t.Skip("adjacent segments")
		}
		key := "k:" + rapid.StringOfN(rapid.SampledFrom([]rune("a:1-}0")), 1, 6, -1).Draw(t, "key")
		if p.Covers(key) && q.Covers(key) && !state.Overlap(p, q) {
			t.Fatalf("%q matches %q and %q, which Overlap denies", key, p, q)
		}
	})
}

func parse(t *testing.T, text string) state.Pattern {
	t.Helper()
	p, err := state.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFillIsTheOtherWayOfMatch(t *testing.T) {
	for _, c := range []struct {
		pattern  string
		segments map[string]string
		want     string // empty: no key
	}{
		{"rl:<ip>", map[string]string{"ip": "10.0.0.1"}, "rl:10.0.0.1"},
		{"{p:<t>}:h:<id int>", map[string]string{"t": "acme", "id": "5"}, "{p:acme}:h:5"},
		{"{p:<t>}:h:<id int>", map[string]string{"t": "acme", "id": "x"}, ""},
		{"rl:<ip>", map[string]string{"ip": "a:b"}, ""},
		{"rl:<ip>", map[string]string{}, ""},
		{"ab:<x>-<y>", map[string]string{"x": "1-2", "y": "3"}, ""}, // would be split as 1 and 2-3
	} {
		p, err := state.ParsePattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := p.Fill(c.segments); got != c.want || ok != (c.want != "") {
			t.Errorf("%s of %v: got %q, %t, want %q", c.pattern, c.segments, got, ok, c.want)
		}
	}
}
