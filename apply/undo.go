package apply

import (
	"context"
	"slices"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// undo takes back, before a rewrite, what earlier rewrites made of units on the way from its version: from the undo logs
// that the ledger names, the newest first and all at once, so that of hops that followed each other none is left out. It is
// nil if there is none. A log that the ledger names and nobody finds holds the rewrite, because what it alone knows would
// be lost for good; Edges.Adopt goes on without it.
func (r *run) undo(ctx context.Context, i int, step plan.Step, job keyspace.Job) (*keyspace.UndoOutcome, error) {
	live, _ := r.have.FindLive(step.Object)
	if step.Strategy.Empties() {
		return nil, nil
	}
	var logs keyspace.UndoLogs
	for _, u := range slices.Backward(live.Record.Undo) {
		if _, part := plan.TakesBack(job.Keyspace, u, job.To); u.Log == job.ID || !part {
			continue
		}
		log, err := r.readLog(ctx, job, u)
		if err != nil {
			return nil, err
		}
		if log != nil {
			logs = append(logs, sinceBegin{log})
		}
	}
	if len(logs) == 0 {
		return nil, nil
	}
	out, err := r.edges.Stores[job.Keyspace.Store].Undo(ctx, r.leases[job.Keyspace.Name], job, logs, func(p keyspace.Progress) {
		r.tell(Event{Kind: Progressed, Index: i, Step: step, Rewrite: &p})
	})
	return &out, err
}

// readLog opens an undo log of the ledger; nil if it is gone and that is accepted.
func (r *run) readLog(ctx context.Context, job keyspace.Job, u state.UndoRecord) (keyspace.UndoLog, error) {
	const wayOut = "name the place that was used then with --state, or go on without it with adopt"
	if r.edges.State == nil {
		if r.edges.Adopt {
			return nil, nil
		}
		return nil, hold(StateMissing, wayOut, "the rewrite of keyspace %s to %s has an undo log, and no place for undo logs is named", job.Keyspace.Name, u.To)
	}
	log, found, err := r.edges.State.ReadLog(ctx, r.owner(job.Keyspace), u.Log)
	if err != nil || found {
		return log, err
	}
	if r.edges.Adopt {
		return nil, nil
	}
	return nil, hold(StateMissing, wayOut, "the undo log of the rewrite of keyspace %s to %s is not where undo logs are kept", job.Keyspace.Name, u.To)
}

// alsoUndone adds up what was undone by several steps.
func alsoUndone(total *keyspace.UndoOutcome, o keyspace.UndoOutcome) *keyspace.UndoOutcome {
	total.Restored += o.Restored
	total.Merged += o.Merged
	total.Conflicts += o.Conflicts
	total.Gone += o.Gone
	total.Superseded += o.Superseded
	total.Samples = append(total.Samples, o.Samples...)
	return total
}
