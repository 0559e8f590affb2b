package keyspace

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/schema"
	"keyshift.dev/state"
)

const (
	histOld state.Version = "1.0.0"
	histNew state.Version = "2.0.0"
)

// histKind is one kind of data under the check: a keyspace with two versions, and what an application that uses it does.
// It knows nothing of the engine or of package transform: what a conversion has to come to is said once more here.
type histKind struct {
	name string
	spec string                   // of the keyspace, without its name and store
	key  func(slot, i int) string // the i-th key by its name in 1.0.0 (slot 0) and, if rekeyed, in 2.0.0 (slot 1)

	rekeyed bool // the two names differ
	retyped bool // the Redis type differs
	exact   bool // nothing is lost in either direction

	fresh   func(m *histMint, v state.Version) string           // a unit of a version, as the text of its contents
	put     func(p redis.Pipeliner, key, value string)          // makes a key that is not there hold a value
	canon   func(raw histRaw) string                            // the text of what a key holds
	convert func(value string, from, to state.Version) []string // each value with one more unit converted; none if nothing is to do
	extra   []histMove                                          // what applications do besides, by weight
}

// histMove is something that an application does to a key, with its share in all that it does.
type histMove struct {
	weight int
	do     func(c *histClient, i int)
}

// histKinds is the table of kinds. Those that the engine cannot rewrite yet are left out until Unsupported says nothing
// of them any more.
func histKinds() []histKind {
	return []histKind{
		histHash(), histTurned(), histJSON(),
		histMap(), histList(), histSet(), histSorted(),
		histText(), histMsgpack(), histRekeyed(), histBytes(), histRetyped(),
	}
}

// histSlot returns under which of its names a version keeps a key.
func (k *histKind) slot(v state.Version) int {
	if k.rekeyed && v == histNew {
		return 1
	}
	return 0
}

// slots returns how many names a key has.
func (k *histKind) slots() int {
	if k.rekeyed {
		return 2
	}
	return 1
}

// steps returns what a rewrite to a version may make of a world at once: one unit converted, or a key that goes from one
// name to the other. Where both names are taken, the application wrote the new one: the old one gives way.
func (k *histKind) steps(w histWorld, to state.Version) (next []histWorld) {
	from, source, target := other(to), k.slot(other(to)), k.slot(to)
	was := w.items[source]
	if !was.exists {
		return nil
	}
	for _, value := range k.convert(was.value, from, to) {
		now := histItem{exists: true, value: value, expire: was.expire}
		switch {
		case source == target:
			next = append(next, w.with(source, now))
		case w.items[target].exists:
			next = append(next, w.with(source, histNothing))
		default:
			next = append(next, w.with(source, histNothing).with(target, now))
		}
	}
	return next
}

// returns tells whether the way back makes a value again of what the way there makes of it.
func (k *histKind) returns(value string, to state.Version) bool {
	if k.exact {
		return true
	}
	there := k.convert(value, other(to), to)
	if len(there) != 1 {
		return len(there) == 0
	}
	back := k.convert(there[0], to, other(to))
	return len(back) == 1 && back[0] == value
}

func other(v state.Version) state.Version {
	if v == histNew {
		return histOld
	}
	return histNew
}

// histSpec evaluates the spec of a kind.
func histSpec(t testing.TB, k histKind) state.Keyspace {
	t.Helper()
	imports := "import \"keyshift.dev/schema\"\n"
	if strings.Contains(k.spec, "strings.") {
		imports = "import (\n\t\"strings\"\n\t\"keyshift.dev/schema\"\n)\n"
	}
	d, err := schema.Evaluate(fstest.MapFS{
		"cue.mod/module.cue": {Data: []byte("module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n")},
		"x.cue": {Data: []byte("package x\n\n" + imports + `
system: schema.#System
system: stores: main: address: "redis://127.0.0.1:6379/0"
system: keyspaces: k: {store: "main", version: "2.0.0", policy: throttle: "fast"}
system: keyspaces: k: ` + k.spec)},
	}, ".")
	if err != nil {
		t.Fatalf("the spec of %s: %v", k.name, err)
	}
	return d.Keyspaces[0]
}

// histMint makes values that no other write of a run makes.
type histMint struct {
	id     int // of the client, below 100
	serial int
	rng    *rand.Rand
}

// next returns a number that is given once.
func (m *histMint) next() int {
	m.serial++
	return m.serial*100 + m.id
}

// name returns a text that is given once.
func (m *histMint) name() string { return fmt.Sprintf("c%d-%d", m.id, m.next()) }

// expire draws when a key is to expire: mostly never or far ahead, now and then soon.
func (m *histMint) expire(now int64) int64 {
	switch n := m.rng.IntN(20); {
	case n < 6:
		return -1
	case n == 6:
		return now + 20 + int64(m.rng.IntN(200))
	}
	return farAhead(m.next()).UnixMilli()
}

// histDoc is a unit with named parts.
type histDoc map[string]string

func (d histDoc) String() string {
	text, _ := json.Marshal(d) // of strings alone, sorted by name
	return string(text)
}

// histParse reads a doc back.
func histParse(value string) histDoc {
	var d histDoc
	if err := json.Unmarshal([]byte(value), &d); err != nil {
		return nil // a value that is no doc, or nothing
	}
	return d
}

// has tells whether a doc has these parts and, but for the optional ones, no other.
func (d histDoc) has(names []string, optional ...string) bool {
	n := len(names)
	for _, name := range optional {
		if _, ok := d[name]; ok {
			n++
		}
	}
	return len(d) == n && !slices.ContainsFunc(names, func(name string) bool { _, ok := d[name]; return !ok })
}

// with returns a copy with one part set.
func (d histDoc) with(name, value string) histDoc {
	c := maps.Clone(d)
	if c == nil {
		c = histDoc{}
	}
	c[name] = value
	return c
}

// scaled multiplies or divides a number by 1000, as these migrations do.
func scaled(text string, by func(int) int) string {
	n, err := strconv.Atoi(text)
	if err != nil {
		return "no number"
	}
	return strconv.Itoa(by(n))
}

func thousandfold(n int) int { return n * 1000 }
func thousandth(n int) int   { return n / 1000 }
func putHash(p redis.Pipeliner, key, value string) {
	var args []any
	d := histParse(value)
	for _, name := range slices.Sorted(maps.Keys(d)) {
		args = append(args, name, d[name])
	}
	p.HSet(histContext, key, args...)
}

// canonHash is the text of a hash.
func canonHash(raw histRaw) string {
	d := histDoc{}
	for i := 0; i+1 < len(raw.parts); i += 2 {
		d[raw.parts[i]] = raw.parts[i+1]
	}
	if raw.kind != "hash" {
		d["type"] = raw.kind
	}
	return d.String()
}

// canonJSON is the text of a JSON object without spelling and order.
func canonJSON(raw histRaw) string {
	var members map[string]json.RawMessage
	if raw.kind != "string" || json.Unmarshal([]byte(raw.parts[0]), &members) != nil {
		return raw.String()
	}
	d := histDoc{}
	for name, text := range members {
		d[name] = string(text)
	}
	return d.String()
}

// putJSON writes a doc whose parts are JSON, spelt with white space that is to survive.
func putJSON(p redis.Pipeliner, key, value string) {
	p.Set(histContext, key, spellJSON(value), 0)
}

func spellJSON(value string) string {
	d := histParse(value)
	parts := make([]string, 0, len(d))
	for _, name := range slices.Sorted(maps.Keys(d)) {
		parts = append(parts, fmt.Sprintf("%q: %s", name, d[name]))
	}
	return "{ " + strings.Join(parts, " ,") + "}"
}
