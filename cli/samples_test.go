package cli

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

const sampledSpec = `package x

import "keyshift.dev/schema"

system: schema.#System
system: stores: main: address: "redis://127.0.0.1:1/0"
system: keyspaces: session: {
	store:   "main"
	version: "2.0.0"
	versions: {
		"1.0.0": {keys: "session:<id>", type: "hash", encodings: home: "json", #value: {
			user_id: int, name: string, created_ms: int, email: string, home: {city: string, zip: string}}}
		"2.0.0": {keys: "session:<id>", type: "hash", encodings: home: "json", #value: {
			user_id: int, full_name: string, created: int, email: string, label: string, home: {town: string, zip: string}}}
	}
	migrations: "2.0.0": {
		from: "1.0.0"
		#old: _
		#new: _
		#up: {full_name: #old.name, created: div(#old.created_ms, 1000), label: "mail to \(#old.email)", home: {town: #old.home.city, zip: #old.home.zip}}
		#down: {name: #new.full_name, created_ms: #new.created * 1000, home: {city: #new.home.town, zip: #new.home.zip}}
		drop: []
	}
}
`

// sampled is a spec and a Redis with two sessions to convert, one that is converted and one that fits no version.
type sampled struct {
	*testing.T
	dir    string
	server *testbed.RedisServer
	client *redis.Client
}

func newSampled(t *testing.T) *sampled {
	t.Helper()
	s := &sampled{T: t, dir: t.TempDir(), server: testbed.Redis(t)}
	lay(t, s.dir, "", map[string]string{"x.cue": sampledSpec})
	options, err := redis.ParseURL(s.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	options.Protocol = 2
	s.client = redis.NewClient(options)
	t.Cleanup(func() { _ = s.client.Close() })
	s.session("session:1", "Ada Lovelace", "ada@acme.example")
	s.session("session:2", "Bob", "bob@acme.example")
	s.set("session:done", "user_id", 3, "full_name", "Cid", "created", 5, "email", "cid@acme.example", "label", "x", "home", `{"town":"Ulm","zip":"1"}`)
	s.set("session:odd", "colour", "green")
	return s
}

func (s *sampled) set(key string, fields ...any) {
	s.Helper()
	if err := s.client.HSet(s.Context(), key, fields...).Err(); err != nil {
		s.Fatal(err)
	}
}

func (s *sampled) session(key, name, email string) {
	s.Helper()
	s.set(key, "user_id", 1, "name", name, "created_ms", "1700000000123", "email", email, "home", `{"city":"Ulm","zip":"89073"}`)
}

// plan runs plan and returns what it prints, both streams.
func (s *sampled) plan(args ...string) (string, int) {
	s.Helper()
	var out, said bytes.Buffer
	line := append([]string{"plan", s.dir, "--no-cluster", "--store", "main=" + s.server.URL, "--state", filepath.Join(s.dir, ".state")}, args...)
	code := Run(s.Context(), Commands{}, line, &out, &said)
	return out.String() + said.String(), code
}

// shown is what plan prints, of JSON the samples alone: names of keys stand elsewhere, too.
func (s *sampled) shown(form string, args ...string) string {
	s.Helper()
	said, code := s.plan(append(args, "-o", form)...)
	if code != exitChanges {
		s.Errorf("exit %d: %s", code, said)
	}
	if form != "json" {
		return said
	}
	var got struct {
		Samples json.RawMessage `json:"samples"`
	}
	if err := json.NewDecoder(strings.NewReader(said)).Decode(&got); err != nil {
		s.Fatal(err)
	}
	return string(got.Samples)
}

// everything is what the server holds.
func (s *sampled) everything() map[string]string {
	s.Helper()
	out := map[string]string{}
	for _, key := range s.client.Keys(s.Context(), "*").Val() {
		text, err := json.Marshal(s.client.HGetAll(s.Context(), key).Val())
		if err != nil {
			s.Fatal(err)
		}
		out[key] = string(text)
	}
	return out
}

// TestSamplesAreMasked: where standard output is no terminal, and nobody asks for more, kinds and lengths are all there is.
func TestSamplesAreMasked(t *testing.T) {
	s := newSampled(t)
	before := s.everything()
	for _, form := range []string{"text", "json", "markdown"} {
		said, code := s.plan("--samples", "5", "-o", form)
		if code != exitChanges {
			t.Fatalf("exit %d: %s", code, said)
		}
		for _, value := range []string{"Ada", "Bob", "17000000", "acme.example", "Ulm", "89073", "green", "Cid"} {
			if strings.Contains(said, value) {
				t.Errorf("%s shows %s:\n%s", form, value, said)
			}
		}
		for _, want := range []string{"session:1", "session:2", "text(12)", "int(13)", "full_name"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s does not show %s:\n%s", form, want, said)
			}
		}
		if strings.Contains(s.shown(form, "--samples", "5"), "session:done") {
			t.Errorf("%s shows what is converted already", form)
		}
	}
	if !maps.Equal(before, s.everything()) {
		t.Error("plan wrote to the store")
	}
}

// TestSamplesWithValues: what changes, before and after, and what may not come back.
func TestSamplesWithValues(t *testing.T) {
	s := newSampled(t)
	said, _ := s.plan("--samples", "1", "--show-values")
	want := `
     sample "session:1" of 1.0.0
            created     nothing → 1700000000
            created_ms  1700000000123 → nothing   [lossy]
            full_name   nothing → "Ada Lovelace"
            home.city   "Ulm" → nothing
            home.town   nothing → "Ulm"
            label       nothing → "mail to ada@acme.example"
            name        "Ada Lovelace" → nothing
            (3 unchanged, kept in the undo log)`
	said = strings.NewReplacer("session:2", "session:1", "Bob", "Ada Lovelace", "bob@", "ada@").Replace(said) // whichever comes first
	if !strings.Contains(said, want) {
		t.Errorf("%s\nlacks%s", said, want)
	}
	said, _ = s.plan("--samples", "9", "--show-values", "-o", "json")
	var got struct {
		Samples []stepSamples `json:"samples"`
	}
	if err := json.NewDecoder(strings.NewReader(said)).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if len(got.Samples) != 1 || got.Samples[0].Step != 1 || !got.Samples[0].Values || len(got.Samples[0].Units) != 2 || got.Samples[0].Units[0].Key != `"session:1"` {
		t.Errorf("%+v", got.Samples)
	}
	if said, _ = s.plan("--samples", "9", "--show-values", "-o", "markdown"); !strings.Contains(said, "<summary>Samples of step 2</summary>") ||
		!strings.Contains(said, "| `created_ms` | `1700000000123` | `nothing` | [lossy] |") {
		t.Errorf("%s", said)
	}
}

// TestSamplesRedacted: a field that is named is not shown, nor is its value under another name, in a key or within another
// value.
func TestSamplesRedacted(t *testing.T) {
	s := newSampled(t)
	s.session("session:ada@acme.example", "Ada Lovelace", "ada@acme.example")
	for _, c := range []struct{ redact, hidden, shown string }{
		{"name", "Ada", "ada@acme.example"},
		{"email", "acme.example", "Ada Lovelace"},
		{"home.city", "Ulm", "Ada Lovelace"},
		{"home", "Ulm", "Ada Lovelace"},
		{"city", "Ulm", "Ada Lovelace"},
		{"name,home.zip", "Ada", "Ulm"},
	} {
		for _, form := range []string{"text", "json", "markdown"} {
			said := s.shown(form, "--samples", "9", "--show-values", "--redact", c.redact)
			if strings.Contains(said, c.hidden) || !strings.Contains(said, redacted) || !strings.Contains(said, c.shown) {
				t.Errorf("--redact %s -o %s:\n%s", c.redact, form, said)
			}
		}
	}
}

// TestHostileSamples: no value moves a cursor, ends a line or a part of a comment, or fills the screen.
func TestHostileSamples(t *testing.T) {
	s := newSampled(t)
	s.client.FlushAll(t.Context())
	const end = "\n</details>\n\n# pwned\n\n| a | b |\n`x` @team <img src=x>"
	for i, name := range []string{
		"\x1b[2J\x1b]0;pwned\x07\r\u202e\u2028", end, strings.Repeat("ä", 5000), "a`b``c```|d\\|e", "\xff\xfe", strings.Repeat("\n", 200), "\x00",
	} {
		s.session("session:"+string(rune('a'+i))+name, name, "e")
	}
	coded := regexp.MustCompile("`[^`\n]*</details>[^\n]*`")
	for _, form := range []string{"text", "json", "markdown"} {
		said := s.shown(form, "--samples", "20", "--show-values")
		if !utf8.ValidString(said) || len(said) > 40_000 {
			t.Errorf("%s: %d bytes", form, len(said))
		}
		if strings.ContainsFunc(said, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || r == '\u202e' || r == '\u2028') }) {
			t.Errorf("%s has a control character:\n%q", form, said)
		}
		if strings.Contains(said, "\n# pwned") || strings.Contains(said, "\n</details>\n\n# ") {
			t.Errorf("%s was broken out of:\n%s", form, said)
		}
		if form == "markdown" {
			rest := coded.ReplaceAllString(said, "")
			if opened, closed := strings.Count(rest, "<details>"), strings.Count(rest, "</details>"); opened != closed {
				t.Errorf("%d details are opened, %d closed:\n%s", opened, closed, rest)
			}
		}
		if !strings.Contains(said, "(10000 bytes)") {
			t.Errorf("%s does not cut a long value", form)
		}
	}
}

// TestSamplesMisused: what means nothing is said.
func TestSamplesMisused(t *testing.T) {
	s := newSampled(t)
	for _, args := range [][]string{
		{"--samples", "-1"}, {"--samples", "101"}, {"--show-values"}, {"--redact", "name"}, {"--samples", "1", "--redact", ","},
		{"--samples", "1", "-o", "svg"}, {"--samples", "1", "--base", "HEAD"},
	} {
		if said, code := s.plan(args...); code != exitError || !strings.Contains(said, "--") {
			t.Errorf("%v: exit %d: %s", args, code, said)
		}
	}
}

// TestLongUnits: a unit of many parts is cut, and says so.
func TestLongUnits(t *testing.T) {
	x := keyspace.Example{Key: "k"}
	for range 100 {
		x.Changes = append(x.Changes, keyspace.Difference{Path: []string{"a", "[0]", "b.c\x1b"}, After: &state.Value{Kind: state.Int, Text: strings.Repeat("9", 500)}})
	}
	u := (&sampling{}).unit(x, nil, true)
	if len(u.Changes) != mostChanges || u.More != 100-mostChanges || u.Changes[0].Field != `a[0]."b.c\x1b"` || len(u.Changes[0].After) > 2*mostValue {
		t.Errorf("%d shown, %d more, %+v", len(u.Changes), u.More, u.Changes[0])
	}
}

// A migration that splits a value that is never shown, or writes it in another case, shows nothing of it under another name.
func TestRedactedPieces(t *testing.T) {
	text := func(s string) *state.Value { return &state.Value{Kind: state.Str, Text: s} }
	x := keyspace.Example{Key: "session:17", Changes: []keyspace.Difference{
		{Path: []string{"name"}, Before: text("Ada Lovelace")},
		{Path: []string{"first"}, After: text("Ada")},
		{Path: []string{"upper"}, After: text("ADA LOVELACE")},
		{Path: []string{"plan"}, After: text("free")},
	}}
	s := &sampling{redact: []string{"name"}}
	var shown []string
	for _, c := range s.unit(x, nil, true).Changes {
		shown = append(shown, c.After)
	}
	if got := strings.Join(shown, " "); got != " "+redacted+" "+redacted+` "free"` {
		t.Errorf("shown: %s", got)
	}
}
