package keyspace

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"keyshift.dev/state"
)

// verification is the record that a pass found a keyspace clean.
type verification struct {
	To     state.Version `json:"to"`
	RunID  string        `json:"runID,omitempty"`
	Counts []state.Count `json:"counts,omitempty"`
	At     time.Time     `json:"at"`
}

// Verify counts the units of a keyspace in a full pass of its own, which shares nothing with the writer's
// counters. If the outcome is clean (see Outcome.Clean), a record of it is written and acknowledged by as many
// replicas as were connected when the pass began. A keyspace that is not clean is no error.
//
// Without a version to compare with (Job.To is empty: no rewrite came before) whatever the pass counts is recorded.
func (s *Store) Verify(ctx context.Context, l *Lease, job Job, report func(Progress)) (Outcome, error) {
	routes, err := s.routesOf(job)
	if err != nil {
		return Outcome{}, err
	}
	n, err := s.node(ctx)
	if err != nil {
		return Outcome{}, err
	}
	keys, err := s.client.DBSize(ctx).Result()
	if err != nil {
		return Outcome{}, classify(ctx, s.name, "asking for the number of keys", err)
	}
	tallies, err := s.count(ctx, routes, paceOf(job.Keyspace.Policy), progressOf(report, keys))
	if err != nil {
		return Outcome{}, err
	}
	o := verified(tallies[0], job.To)
	if err := l.confirm(ctx); err != nil {
		return o, err
	}
	if report != nil {
		report(Progress{Scanned: o.Scanned, Unfit: o.Unfit, Estimate: o.Scanned})
	}
	if job.To != "" && !o.Clean(job.To) {
		return o, nil
	}
	return o, s.record(ctx, l, job, n, o)
}

func progressOf(report func(Progress), keys int64) func(int64, []*tally) {
	var reported time.Time
	return func(looked int64, tallies []*tally) {
		if report == nil || time.Since(reported) < reportEvery {
			return
		}
		reported = time.Now()
		t := tallies[0]
		report(Progress{Scanned: t.total, Unfit: t.counts[state.Unfit], Estimate: estimate(keys, looked, t.total)})
	}
}

// verified turns a count into an outcome.
func verified(t *tally, to state.Version) Outcome {
	o := Outcome{Scanned: t.total, Unfit: t.counts[state.Unfit], Counts: t.result(), Mixes: sortedCounts(t.mixed), Samples: t.samples}
	for _, c := range o.Counts {
		if c.Class.Has(to) {
			o.Already += c.Units
		}
	}
	return o
}

// record writes the verification and waits for the replicas, on one connection: WAIT answers for what its own
// connection wrote.
func (s *Store) record(ctx context.Context, l *Lease, job Job, n node, o Outcome) error {
	text, err := json.Marshal(verification{To: job.To, RunID: n.runID, Counts: o.Counts, At: time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("encoding the verification: %w", err)
	}
	conn := s.client.Conn()
	defer conn.Close()
	key := Prefix + "verified:" + l.system + ":" + l.keyspace
	if err := s.fenced(ctx, conn, "recording the verification", setScript, l, []string{key}, text, 0); err != nil {
		return err
	}
	if n.replicas == 0 {
		return nil
	}
	acknowledged, err := conn.Wait(ctx, n.replicas, 2*s.options.Timeout).Result()
	if err != nil {
		return classify(ctx, s.name, "waiting for the replicas", err)
	}
	if int(acknowledged) < n.replicas {
		return &Error{
			Reason: ReplicasBehind, Wait: true, Store: s.name,
			Err:  fmt.Errorf("%d of %d replicas acknowledged the verification of keyspace %q in time", acknowledged, n.replicas, job.Keyspace.Name),
			Hint: "wait until the replicas have caught up",
		}
	}
	return nil
}
