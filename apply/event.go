package apply

import (
	"sync"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// EventKind is the kind of an event.
type EventKind string

// The kinds of events. A started step ends in exactly one of ended, failed and superseded; the last two also
// stand for a step that could not start.
const (
	Planned    EventKind = "planned"    // Plan and Have are new
	Waiting    EventKind = "waiting"    // a step waits, as Err says: for a keyspace that somebody else holds, or, not started, for a window
	Started    EventKind = "started"    // a step begins
	Progressed EventKind = "progress"   // Rewrite or Rollout says how far
	Ended      EventKind = "ended"      // a step succeeded; Outcome or Backup says what it did
	Failed     EventKind = "failed"     // a step did not; Err says why
	GivenUp    EventKind = "given-up"   // after failed: the step is not tried again before something changes, as Failure says
	Superseded EventKind = "superseded" // a step stopped, or did not start, because the system moved away from the plan

	Paused      EventKind = "paused"      // the gates of a step that runs do not hold, as Err says: a rewrite pauses, a rollout goes on
	Resumed     EventKind = "resumed"     // they hold again
	Soaking     EventKind = "soaking"     // a step waits until Until, and what After ended is watched; of the last one: the step itself
	Preflighted EventKind = "preflight"   // before a rewrite: its Preflight has warnings, which do not stop the run
	Unpublished EventKind = "unpublished" // the change stream could not be written, as Err says; told once a run, which goes on

	// ImagesUnclear: before a run, nobody knows whether images can be pulled that its plan may need, as Err says. It goes on.
	ImagesUnclear EventKind = "images-unclear"
)

// Event is one thing that happened while a plan was run. Index and Step name the step where there is one.
type Event struct {
	Kind      EventKind
	Plan      plan.Plan
	Have      state.Observed // of Planned: what the plan was made from
	Sizes     []Size         // of Planned
	Index     int
	Step      plan.Step
	Rewrite   *keyspace.Progress
	Rollout   *cluster.Progress
	Outcome   *keyspace.Outcome
	Backup    *BackedUp
	Undo      *keyspace.UndoOutcome // of an ended rewrite that had something to take back
	Preflight *keyspace.Preflight
	Failure   *Failure  // of GivenUp
	After     string    // of Soaking: the steps that are watched, for people
	Until     time.Time // of Soaking: their end
	Err       error
}

// reporter serialises events, and thins out those of progress.
type reporter struct {
	mu    sync.Mutex
	to    func(Event)
	every time.Duration
	last  time.Time
}

func newReporter(e Edges, to func(Event)) *reporter {
	return &reporter{to: to, every: e.progressEvery()}
}

func (r *reporter) report(e Event) {
	if r.to == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Kind == Progressed {
		if time.Since(r.last) < r.every {
			return
		}
		r.last = time.Now()
	}
	r.to(e)
}
