package keyspace

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// ChangeKind says what a change in the stream tells.
type ChangeKind string

// The kinds of changes. A started step is followed by exactly one of ended, failed and superseded, unless the process
// was killed; a step that could not start has only failed or superseded.
const (
	ChangeStarted    ChangeKind = "started"    // a step begins
	ChangeBatch      ChangeKind = "batch"      // what a step did since the change before it, at most once a second
	ChangeEnded      ChangeKind = "ended"      // a step succeeded
	ChangeFailed     ChangeKind = "failed"     // a step did not
	ChangeSuperseded ChangeKind = "superseded" // a step stopped because the system moved away from the plan
	ChangeDrift      ChangeKind = "drift"      // units of classes were seen that the ledger does not expect
)

// Change is one entry of the change stream. It holds no key and no value of the application. What is empty, or 0, is
// left out of the entry. docs/changes.md says field by field what others read there.
type Change struct {
	Kind      ChangeKind
	Step      string // kind of the step
	Keyspace  string // of a step on data, and of drift
	Component string // of a step on a workload
	From      []string
	To        string
	Revision  string       // of the commit, if it is known
	Signer    string       // of the commit, if that was verified
	Plan      state.Digest // of the step and what follows it
	Holder    string       // who did it
	Approver  string       // who approved the plan that the step is of
	Approved  time.Time    // when that was learned, to the second

	Scanned, Rewritten, Conflicts, Unfit, Gone int64 // of a batch since the change before it, else of the whole step

	Counts []state.Count // by class: what a step or a sample counted
	Error  string        // of failed: the code of the reason, never its text, which may quote keys
}

const (
	changesFormat = "1"
	changesLength = 10_000 // about how many entries a stream keeps
)

func changesKey(system string) string { return Prefix + "changes:" + system }

// Publish appends changes to the store's stream of a system, keyshift:changes:SYSTEM, which keeps about the last ten
// thousand. The server gives each its time, as the entry's ID. It compares no lease: that a lease was lost is itself
// worth telling, and an entry changes nothing. A lost answer is not asked again, so an entry may be there after an
// error, and none is there twice.
func (s *Store) Publish(ctx context.Context, system string, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	pipe := s.client.Pipeline()
	for _, c := range changes {
		if c.Holder == "" {
			c.Holder = s.options.Holder
		}
		pipe.XAdd(ctx, &redis.XAddArgs{Stream: changesKey(system), MaxLen: changesLength, Approx: true, Values: c.values(system)})
	}
	_, err := pipe.Exec(ctx)
	return classify(ctx, s.name, "writing the change stream", err)
}

// values is a change as the fields of a stream entry, in an order that never changes.
func (c Change) values(system string) []any {
	out := []any{"format", changesFormat, "system", system, "kind", string(c.Kind)}
	for _, f := range []struct{ name, value string }{
		{"step", c.Step}, {"keyspace", c.Keyspace}, {"component", c.Component}, {"from", strings.Join(c.From, ",")}, {"to", c.To},
		{"revision", c.Revision}, {"signer", c.Signer}, {"plan", string(c.Plan)}, {"holder", c.Holder},
		{"approver", c.Approver}, {"approved", momentText(c.Approved)}, {"counts", countsText(c.Counts)}, {"error", c.Error},
	} {
		if f.value != "" {
			out = append(out, f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value int64
	}{{"scanned", c.Scanned}, {"rewritten", c.Rewritten}, {"conflicts", c.Conflicts}, {"unfit", c.Unfit}, {"gone", c.Gone}} {
		if f.value != 0 {
			out = append(out, f.name, strconv.FormatInt(f.value, 10))
		}
	}
	return out
}

// momentText writes a time as RFC 3339 has it, in UTC; nothing if there is none.
func momentText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// countsText writes counts as "1.0.0=3,2.0.0=20,?=1".
func countsText(counts []state.Count) string {
	parts := make([]string, len(counts))
	for i, c := range counts {
		parts[i] = fmt.Sprintf("%s=%d", c.Class, c.Units)
	}
	return strings.Join(parts, ",")
}

// Changes returns the last n changes of a system in this store, the newest first, each with the time that the server
// gave it. Entries that another program wrote there, or a newer Keyshift, are left out.
func (s *Store) Changes(ctx context.Context, system string, n int64) ([]Told, error) {
	entries, err := s.client.XRevRangeN(ctx, changesKey(system), "+", "-", n).Result()
	if err != nil {
		return nil, classify(ctx, s.name, "reading the change stream", err)
	}
	var out []Told
	for _, e := range entries {
		if t, ok := told(e); ok {
			out = append(out, t)
		}
	}
	return out, nil
}

// Told is one change as it stands in the stream.
type Told struct {
	ID   string // of the entry: milliseconds since 1970 by the server's clock, a dash, a number
	Unix int64  // those milliseconds
	Change
}

// told reads an entry.
func told(e redis.XMessage) (Told, bool) {
	text := func(name string) string { s, _ := e.Values[name].(string); return s }
	number := func(name string) int64 { n, _ := strconv.ParseInt(text(name), 10, 64); return n }
	millis, _, _ := strings.Cut(e.ID, "-")
	unix, err := strconv.ParseInt(millis, 10, 64)
	if err != nil || text("format") != changesFormat {
		return Told{}, false
	}
	t := Told{ID: e.ID, Unix: unix, Change: Change{
		Kind: ChangeKind(text("kind")), Step: text("step"), Keyspace: text("keyspace"), Component: text("component"), To: text("to"),
		Revision: text("revision"), Signer: text("signer"), Plan: state.Digest(text("plan")), Holder: text("holder"), Error: text("error"),
		Approver: text("approver"),
		Scanned:  number("scanned"), Rewritten: number("rewritten"), Conflicts: number("conflicts"), Unfit: number("unfit"), Gone: number("gone"),
	}}
	if at, err := time.Parse(time.RFC3339, text("approved")); err == nil {
		t.Approved = at.UTC()
	}
	if from := text("from"); from != "" {
		t.From = strings.Split(from, ",")
	}
	for part := range strings.SplitSeq(text("counts"), ",") {
		class, units, found := strings.Cut(part, "=")
		n, err := strconv.ParseInt(units, 10, 64)
		if found && err == nil {
			t.Counts = append(t.Counts, state.Count{Class: state.Class(class), Units: n})
		}
	}
	return t, slices.Contains(changeKinds, t.Kind)
}

var changeKinds = []ChangeKind{ChangeStarted, ChangeBatch, ChangeEnded, ChangeFailed, ChangeSuperseded, ChangeDrift}
