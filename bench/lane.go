package bench

import (
	"context"
	"slices"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// rig is what a lane works with.
type rig struct {
	*server
	options Options
	store   *keyspace.Store
}

// lane is one way to do something to a data set.
type lane struct {
	name   string
	group  string // heading of the table
	title  string
	whole  string // title of the row that holds its verification, too; empty if it has none
	data   dataset
	base   string                // lane that it is compared with; empty for a baseline
	result func() state.Keyspace // of which every key is at the second version afterwards; nil if it only reads
	want   []target
	run    func(ctx context.Context, r *rig, m *meter) error
}

// target is what a ratio to the baseline must be.
type target struct {
	of    measure
	bound float64 // at least of rate, at most of cpu and script
}

type measure int

const (
	rate   measure = iota // keys/s
	cpu                   // server CPU a key
	script                // microseconds of the longest one
)

// The headings of the table.
const (
	reading = "reading"
	exactly = "hashes of 8 fields, an exact migration"
	lossily = "hashes of 8 fields, a lossy migration"
	asJSON  = "JSON strings of 200 bytes"
)

// lanes are all there are, each behind the one it is compared with. Every target is a ratio to
// what is fast and unsafe: it is the price of safety.
var lanes = slices.Concat(readLanes, exactLanes, lossyLanes, textLanes)

var readLanes = []lane{
	{name: "read", group: reading, title: "SCAN + HGETALL", data: hashes, run: baseline(readPage)},
	{name: "dump", group: reading, title: "SCAN + DUMP", data: hashes, run: baseline(dumpPage)},
	{name: "backup", group: reading, title: "what a backup reads", data: hashes, base: "dump", want: []target{{rate, 0.7}}, run: backup},
	{name: "read-all", group: reading, title: "SCAN + HGETALL or GET, half of each", data: mixed, run: baseline(readPage)},
	{name: "observe", group: reading, title: "observation of both keyspaces", data: mixed, base: "read-all", want: []target{{cpu, 1.3}}, run: observe},
}

var exactLanes = []lane{
	{name: "unsafe", group: exactly, title: "unsafe pipeline", data: hashes, result: exactSessions, run: baseline(unsafeHashes(exactEdit))},
	{name: "watch", group: exactly, title: "one WATCH per batch", data: hashes, base: "unsafe", result: exactSessions, run: baseline(watchHashes(exactEdit))},
	{
		name: "cas", group: exactly, title: "compare-and-set", whole: "… and the pass that verifies", data: hashes, base: "unsafe",
		result: exactSessions, want: []target{{rate, 0.75}}, run: rewrite(exactSessions, comparing),
	},
	{
		name: "beside", group: exactly, title: "beside the data", whole: "… and the pass that verifies", data: hashes, base: "unsafe",
		result: exactSessions, want: []target{{rate, 1.05}, {cpu, 1.25}}, run: rewrite(exactSessions, beside),
	},
	{
		name: "usual", group: exactly, title: "compare-and-set at the default profile", data: hashes, base: "unsafe",
		result: exactSessions, want: []target{{script, scriptMost}}, run: rewrite(usualSessions, comparing),
	},
	{
		name: "usual-beside", group: exactly, title: "beside the data at the default profile", data: hashes, base: "unsafe",
		result: exactSessions, want: []target{{script, scriptMost}}, run: rewrite(usualSessions, beside),
	},
}

var lossyLanes = []lane{
	{name: "unsafe-lossy", group: lossily, title: "unsafe pipeline", data: hashes, result: lossySessions, run: baseline(unsafeHashes(lossyEdit))},
	{
		name: "cas-lossy", group: lossily, title: "compare-and-set, no undo log", whole: "… and the pass that verifies", data: hashes, base: "unsafe-lossy",
		result: lossySessions, run: rewrite(lossySessions, comparing),
	},
	{
		name: "logged", group: lossily, title: "compare-and-set, with an undo log", whole: "… and the pass that verifies", data: hashes, base: "unsafe-lossy",
		result: lossySessions, want: []target{{rate, 0.6}}, run: rewrite(lossySessions, logging),
	},
}

var textLanes = []lane{
	{name: "unsafe-json", group: asJSON, title: "unsafe GET + SET", data: texts, result: carts, run: baseline(unsafeTexts)},
	{
		name: "json", group: asJSON, title: "compare-and-set", whole: "… and the pass that verifies", data: texts, base: "unsafe-json",
		result: carts, want: []target{{rate, 0.8}}, run: rewrite(carts, comparing),
	},
}

// Lanes are the names that Options.Only takes.
func Lanes() []string {
	names := make([]string, len(lanes))
	for i, l := range lanes {
		names[i] = l.name
	}
	return names
}

// chosen returns the lanes of some names with those they are compared with; all if no name is given.
func chosen(only []string) []lane {
	if len(only) == 0 {
		return lanes
	}
	wanted := slices.Clone(only)
	for _, l := range lanes {
		if slices.Contains(only, l.name) {
			wanted = append(wanted, l.base)
		}
	}
	if slices.Contains(wanted, honest) {
		wanted = append(wanted, floor)
	}
	return slices.DeleteFunc(slices.Clone(lanes), func(l lane) bool { return !slices.Contains(wanted, l.name) })
}
