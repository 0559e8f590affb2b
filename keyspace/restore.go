package keyspace

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"keyshift.dev/state"
)

//go:embed restore.lua
var restoreText string

// restoreScript is described where its text is.
var restoreScript = newScript(restoreText)

const (
	restoreKeys  = 50        // that one call brings back
	restoreBytes = 256 << 10 // of values in one call, unless it is one key
	restoreItems = 2000      // fields, elements, members or messages in one call, unless it is one key
)

// RestoreOptions say how keys are brought back.
type RestoreOptions struct {
	Overwrite bool // replace keys that have another value now
}

// RestoreOutcome is what a restore came to. After an error it is what was done until then.
type RestoreOutcome struct {
	Keys     int64    // that the archive held
	Restored int64    // made, or replaced
	Same     int64    // there already, with an equal value
	Differs  int64    // there with another value, and left alone
	Expired  int64    // their time has passed
	Samples  []string // at most ten of those that differ
}

// Restore makes the keys of a backup, each only if it is not there; one that is there is left alone, and is replaced
// with options.Overwrite only if it did not change since it was compared. Each gets the time at which it expires, and so
// do its fields. Keys that no pattern of the keyspace matches are an error. The entries must be in the order in which
// Dump gave them.
//
// The error is an *Error, one of the entries, or wraps ctx's. Calling again goes on: what was brought back is Same.
func (s *Store) Restore(ctx context.Context, l *Lease, k state.Keyspace, entries iter.Seq2[Entry, error], o RestoreOptions, report func(RestoreOutcome)) (RestoreOutcome, error) {
	if report == nil {
		report = func(RestoreOutcome) {}
	}
	patterns, err := patternsOf(k)
	if err != nil {
		return RestoreOutcome{}, &Error{Reason: TransformRefused, Store: s.name, Err: fmt.Errorf("keyspace %q: %w", k.Name, err), Hint: "correct its versions"}
	}
	able, err := s.probeDump(ctx)
	if err != nil {
		return RestoreOutcome{}, err
	}
	r := &restore{
		store: s, lease: l, options: o, patterns: patterns, able: able, report: report, pace: newPace(k.Policy.Throttle),
		temporary: Prefix + "restore:" + l.system + ":" + l.keyspace + ":" + rand.Text(),
	}
	err = r.run(ctx, entries)
	report(r.outcome)
	return r.outcome, classify(ctx, s.name, "restoring", err)
}

// restore is a running Restore.
type restore struct {
	store     *Store
	lease     *Lease
	options   RestoreOptions
	patterns  []state.Pattern
	able      abilities
	pace      *pace
	report    func(RestoreOutcome)
	reported  time.Time
	temporary string

	outcome RestoreOutcome
	batch   []Entry
	bytes   int
	items   int
	whole   *Entry    // the last key, until it is known whether the next entry continues it
	growing *building // that key, if it does
}

// run collects the entries of each key, and sends some keys a call.
func (r *restore) run(ctx context.Context, entries iter.Seq2[Entry, error]) error {
	for e, err := range entries {
		if err != nil {
			return err
		}
		if e.Continues {
			if r.whole == nil || r.whole.Key != e.Key || r.whole.Type != e.Type {
				return r.misfit(e, "continues a key that is not before it")
			}
			if err := r.grow(ctx, &e); err != nil {
				return err
			}
			continue
		}
		if err := r.add(ctx); err != nil {
			return err
		}
		if !matchesAny(r.patterns, e.Key) {
			return r.misfit(e, "is none of the keyspace")
		}
		r.whole = &e
	}
	if err := r.add(ctx); err != nil {
		return err
	}
	return r.send(ctx)
}

func (r *restore) misfit(e Entry, what string) error {
	return &Error{
		Reason: TransformRefused, Store: r.store.name, Err: fmt.Errorf("the key %.100q of the archive %s", e.Key, what),
		Hint: "nothing was written for it; restore with the spec that the archive was made with",
	}
}

// join adds what continues an entry.
func (e *Entry) join(more Entry) {
	e.Fields = append(e.Fields, more.Fields...)
	e.Elements = append(e.Elements, more.Elements...)
	e.Members = append(e.Members, more.Members...)
	e.Messages = append(e.Messages, more.Messages...)
}

// grow adds what continues the last key to it. Not more of it than a slice is in memory.
func (r *restore) grow(ctx context.Context, e *Entry) error {
	if r.growing == nil {
		if err := r.send(ctx); err != nil {
			return err
		}
		r.growing = &building{entry: r.whole.head()}
		if err := r.extend(ctx, r.growing, r.whole); err != nil {
			return err
		}
		head := r.whole.head()
		r.whole = &head
	}
	return r.extend(ctx, r.growing, e)
}

// add puts the last key into the batch, and sends the batch when it is full. One that is too large for it is on its own.
func (r *restore) add(ctx context.Context) error {
	if r.whole == nil {
		return nil
	}
	e, growing := *r.whole, r.growing
	r.whole, r.growing = nil, nil
	r.outcome.Keys++
	if growing != nil {
		return r.finish(ctx, growing)
	}
	e.unique()
	if !r.able.fieldExpiry && slices.ContainsFunc(e.Fields, func(f EntryField) bool { return f.ExpireAt > 0 }) {
		return r.noFieldExpiry(e.Key)
	}
	if e.large() {
		if err := r.send(ctx); err != nil {
			return err
		}
		return r.build(ctx, e)
	}
	bytes, items := e.size()
	if len(r.batch) > 0 && (r.bytes+bytes > restoreBytes || r.items+items > restoreItems || len(r.batch) == restoreKeys || r.holds(e.Key)) {
		if err := r.send(ctx); err != nil {
			return err
		}
	}
	r.batch, r.bytes, r.items = append(r.batch, e), r.bytes+bytes, r.items+items
	return nil
}

func (r *restore) holds(key string) bool {
	return slices.ContainsFunc(r.batch, func(e Entry) bool { return e.Key == key })
}

// unique keeps of fields, members and elements of a set that slices gave twice the last.
func (e *Entry) unique() {
	switch e.Type {
	case state.Hash:
		slices.SortStableFunc(e.Fields, func(a, b EntryField) int { return compareText(a.Name, b.Name) })
		e.Fields = lastOf(e.Fields, func(f EntryField) string { return f.Name })
	case state.SortedSet:
		slices.SortStableFunc(e.Members, func(a, b Member) int { return compareText(a.Member, b.Member) })
		e.Members = lastOf(e.Members, func(m Member) string { return m.Member })
	case state.Set:
		slices.Sort(e.Elements)
		e.Elements = slices.Compact(e.Elements)
	}
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// lastOf keeps of neighbours with one name the last.
func lastOf[T any](list []T, name func(T) string) []T {
	out := list[:0]
	for i, x := range list {
		if i+1 == len(list) || name(x) != name(list[i+1]) {
			out = append(out, x)
		}
	}
	return out
}

func (e *Entry) size() (bytes, items int) {
	bytes = len(e.Key) + len(e.Text)
	for _, f := range e.Fields {
		bytes += len(f.Name) + len(f.Value)
	}
	for _, x := range e.Elements {
		bytes += len(x)
	}
	for _, m := range e.Members {
		bytes += len(m.Member)
	}
	for _, m := range e.Messages {
		for _, v := range m.Values {
			bytes += len(v)
		}
	}
	return bytes, len(e.Fields) + len(e.Elements) + len(e.Members) + len(e.Messages)
}

// The letters of the script's answer.
const (
	restoreDone    = 'd'
	restoreSame    = 's'
	restoreDiffers = 'x'
	restoreAbsent  = 'a'
	restorePast    = 'p'
)

// order is one key on its way to the script.
type order struct {
	entry Entry
	lost  bool // the answer to a call that may have made it was lost
}

// send brings the batch back.
func (r *restore) send(ctx context.Context) error {
	orders := make([]order, len(r.batch))
	for i, e := range r.batch {
		orders[i] = order{entry: e}
	}
	r.batch, r.bytes, r.items = nil, 0, 0
	for round := 0; len(orders) > 0; round++ {
		if round > conflictRounds {
			for _, o := range orders {
				r.differs(o.entry.Key)
			}
			return nil
		}
		var err error
		if orders, err = r.attempt(ctx, orders); err != nil {
			return err
		}
	}
	r.tellNow()
	return nil
}

// tellNow reports, not too often.
func (r *restore) tellNow() {
	if time.Since(r.reported) >= reportEvery {
		r.reported = time.Now()
		r.report(r.outcome)
	}
}

// attempt does one call and returns the keys that are to be tried again. If the answer is lost the keys are looked at:
// what is as it should be was made by that call, and the rest is decided again.
func (r *restore) attempt(ctx context.Context, orders []order) ([]order, error) {
	started := time.Now()
	codes, err := r.call(ctx, orders, "create")
	if errors.Is(err, errUnsettled) {
		err = r.store.retry(ctx, func() (err error) {
			codes, err = r.call(ctx, orders, "compare")
			return err
		})
		for i := range orders {
			orders[i].lost = true
		}
	}
	if err != nil {
		return nil, err
	}
	var again []order
	for i, o := range orders {
		switch codes[i] {
		case restoreDone:
			r.outcome.Restored++
		case restoreSame:
			if o.lost {
				r.outcome.Restored++
			} else {
				r.outcome.Same++
			}
		case restorePast:
			r.outcome.Expired++
		case restoreAbsent:
			again = append(again, o)
		case restoreDiffers:
			if !r.options.Overwrite {
				r.differs(o.entry.Key)
				continue
			}
			if err := r.build(ctx, o.entry); err != nil {
				return nil, err
			}
		}
	}
	return again, r.pace.rest(ctx, time.Since(started))
}

func (r *restore) differs(key string) {
	r.outcome.Differs++
	if len(r.outcome.Samples) < sampleLimit {
		r.outcome.Samples = append(r.outcome.Samples, key)
	}
}

// call does one script call.
func (r *restore) call(ctx context.Context, orders []order, what string) (string, error) {
	if err := r.lease.check(); err != nil {
		return "", err
	}
	keys, args := []string{r.lease.key, r.temporary}, []any{r.lease.token}
	for _, o := range orders {
		keys = append(keys, o.entry.Key)
		args = o.entry.encode(append(args, what))
		if o.entry.Type == state.Stream {
			args = o.entry.position(args)
		}
	}
	answer, err := r.store.run(ctx, r.store.client, restoreScript, keys, args...).StringSlice()
	if unknown(err) && ctx.Err() == nil {
		return "", fmt.Errorf("%w: %w", errUnsettled, err)
	}
	if err != nil {
		return "", err
	}
	switch {
	case len(answer) == 1 && answer[0] == "lease":
		return "", r.lease.lose()
	case len(answer) == 0 || len(answer[0]) != len(orders):
		return "", &Error{Reason: StoreUnsupported, Store: r.store.name, Err: errForm, Hint: "report this with the server's version"}
	case len(answer) > 1:
		return "", classifyAnswer(r.store.name, "restoring a key", answer[1])
	}
	return answer[0], nil
}
