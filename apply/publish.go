package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

const (
	batchEvery     = time.Second     // between two batch summaries of a step
	publishTimeout = 2 * time.Second // of a write to the streams: a run waits no longer for those who listen
)

// publisher writes what a run reports into the change streams of the stores, before it passes it on. It is called by
// one goroutine at a time.
type publisher struct {
	edges  Edges
	system string
	want   state.Desired
	next   func(Event) // nil if nobody listens
	failed bool        // the streams could not be written once, which was told

	told    time.Time         // when the last batch was
	counted keyspace.Progress // until then
}

// published returns report behind the change streams. Of a stream that cannot be written report is told once, by an
// event of kind Unpublished; the run goes on.
func published(ctx context.Context, e Edges, s Situation, report func(Event)) func(Event) {
	ctx = context.WithoutCancel(ctx) // a run that was cancelled tells that, too
	p := &publisher{edges: e, system: s.Commit.System, want: s.Want, next: report}
	return func(event Event) {
		if c, ok := p.change(event, time.Now()); ok {
			p.publish(ctx, event, c)
		}
		p.pass(event)
	}
}

func (p *publisher) pass(e Event) {
	if p.next != nil {
		p.next(e)
	}
}

// publish writes a change to the stream of its keyspace's store; one of a component to those of all stores, so that
// whoever reads one stream learns of every step that concerns it.
func (p *publisher) publish(ctx context.Context, e Event, c keyspace.Change) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	k, _ := p.want.FindKeyspace(c.Keyspace)
	_, err := overStores(p.edges, func(name string) (struct{}, error) {
		if c.Keyspace != "" && name != k.Store {
			return struct{}{}, nil
		}
		return struct{}{}, p.edges.Stores[name].Publish(ctx, p.system, []keyspace.Change{c})
	})
	if err != nil && !p.failed {
		p.failed = true
		p.pass(Event{Kind: Unpublished, Plan: e.Plan, Index: e.Index, Step: e.Step, Err: fmt.Errorf("the change stream lacks entries of this run: %w", err)})
	}
}

// change turns an event into a change, and tells whether it is one.
func (p *publisher) change(e Event, now time.Time) (keyspace.Change, bool) {
	kind, known := changeKinds[e.Kind]
	if !known {
		return keyspace.Change{}, false
	}
	c := keyspace.Change{
		Kind: kind, Step: string(e.Step.Kind), From: e.Step.From, To: e.Step.To,
		Revision: p.edges.Revision, Signer: p.edges.Signer, Plan: e.Step.Digest, Error: codeOf(e.Err),
	}
	if p.edges.Approver != nil && e.Kind != Progressed {
		c.Approver, c.Approved = p.edges.Approver(e.Step.Digest)
	}
	if e.Step.OnComponent() {
		c.Component = e.Step.Object
	} else {
		c.Keyspace = e.Step.Object
	}
	switch e.Kind {
	case Started:
		p.told, p.counted = now, keyspace.Progress{}
	case Progressed:
		return c, p.batch(&c, e.Rewrite, now)
	}
	if o := e.Outcome; o != nil {
		c.Scanned, c.Rewritten, c.Conflicts, c.Unfit, c.Gone, c.Counts = o.Scanned, o.Rewritten, o.Conflicts, o.Unfit, o.Gone, o.Counts
	}
	return c, true
}

var changeKinds = map[EventKind]keyspace.ChangeKind{
	Started: keyspace.ChangeStarted, Progressed: keyspace.ChangeBatch, Ended: keyspace.ChangeEnded,
	Failed: keyspace.ChangeFailed, Superseded: keyspace.ChangeSuperseded,
}

// batch fills in what was done since the last one, and tells whether it is time for the next.
func (p *publisher) batch(c *keyspace.Change, done *keyspace.Progress, now time.Time) bool {
	if done == nil || now.Sub(p.told) < batchEvery {
		return false
	}
	c.Scanned, c.Unfit = since(done.Scanned, p.counted.Scanned), since(done.Unfit, p.counted.Unfit)
	c.Rewritten, c.Conflicts = since(done.Rewritten, p.counted.Rewritten), since(done.Conflicts, p.counted.Conflicts)
	p.told, p.counted = now, *done
	return true
}

// since is how much a counter grew; one that is smaller began again with a new pass.
func since(now, then int64) int64 {
	if now < then {
		return now
	}
	return now - then
}

// codeOf names an error for machines: its text may quote keys, which the stream does not hold.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if held, ok := errors.AsType[*HoldError](err); ok {
		return held.Code
	}
	if refused, ok := errors.AsType[*keyspace.Error](err); ok {
		return refused.Reason
	}
	if _, ok := errors.AsType[*keyspace.HeldError](err); ok {
		return "LeaseHeld"
	}
	if _, ok := errors.AsType[*cluster.StuckError](err); ok {
		return "RolloutStuck"
	}
	switch {
	case errors.Is(err, errSuperseded):
		return "Superseded"
	case errors.Is(err, context.DeadlineExceeded):
		return "TimedOut"
	case errors.Is(err, context.Canceled):
		return "Cancelled"
	}
	return "Error"
}
