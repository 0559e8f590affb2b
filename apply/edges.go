package apply

import (
	"cmp"
	"context"
	"slices"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Edges are the outside systems that a delivery touches.
type Edges struct {
	// Cluster runs the components. Without one the components are left out of the plan, which then assumes
	// that no release is running.
	Cluster cluster.Cluster

	// Stores are the open stores by their name in the spec.
	Stores map[string]*keyspace.Store

	// Mirror keeps a copy of every ledger outside the stores. Without one a store that was emptied or
	// replaced cannot be told from a new one.
	Mirror Mirror

	// Revision names the commit in the change streams; it may be empty.
	Revision string

	// Signer names who signed it in the change streams; empty if nobody verified that.
	Signer string

	// Approver tells the change streams who approved the plan that a step is of, by the step's digest, and when that was
	// learned; an empty name if nobody did. It may be nil.
	Approver func(step state.Digest) (by string, at time.Time)

	// Room returns the free bytes where backups and undo logs go, 0 where that cannot be told; nil: nobody asks.
	Room func(context.Context) (int64, error)

	// State keeps backups and undo logs. Without it what needs one of them is held.
	State Archives

	// RolloutTimeout is how long a rollout may take before it counts as stuck; 10 minutes if zero.
	RolloutTimeout time.Duration

	// Adopt takes every store as it is now: what a mirror knows of a store that was emptied or replaced is
	// kept as definitions and forgotten as records. It is a person's answer to a StoreChanged hold.
	Adopt bool

	// DrainTimeout is how long a drain waits for old units to go before it holds; 10 minutes if zero.
	DrainTimeout time.Duration

	// DrainEvery is the pause between two passes of a drain; 5 seconds if zero.
	DrainEvery time.Duration

	// Watch is how often the cluster is observed while a rewrite runs; a second if zero.
	Watch time.Duration

	// LeaseWait is how long to wait for a keyspace that another process holds, or held when it was killed;
	// a minute if zero, not at all if negative.
	LeaseWait time.Duration

	// Now is what windows are held against; time.Now if nil.
	Now func() time.Time

	// Pulled remembers which images are there from one delivery to the next; nil: each asks for all of them.
	Pulled *Pulled

	// Prometheus is the address that gates with a PromQL expression are asked of, for example http://prometheus:9090;
	// without one such gates do not hold.
	Prometheus string

	// GateEvery is how often the gates of a step are asked while it runs, and a soak looks; 10 seconds if zero.
	GateEvery time.Duration

	// Approval is demanded beside what the policies of the spec demand: of the two the stricter.
	Approval state.Approval

	// Approved returns digests of plans and of what is left of them, which a person has approved, for the plan of all that
	// demands it. Without it nobody can approve.
	Approved func(ctx context.Context, s Situation, waiting plan.Plan) ([]state.Digest, error)

	// Failures are those of earlier deliveries, as their Outcome has them.
	Failures []Failure

	// SkipImages leaves out the check, before a part of a plan that rewrites data is begun, that the images which it may
	// need can be pulled.
	SkipImages bool

	// ProgressEvery is the least time between two progress events of a step; 200 ms if zero.
	ProgressEvery time.Duration
}

func (e Edges) rolloutTimeout() time.Duration { return cmp.Or(e.RolloutTimeout, 10*time.Minute) }
func (e Edges) drainTimeout() time.Duration   { return cmp.Or(e.DrainTimeout, 10*time.Minute) }
func (e Edges) drainEvery() time.Duration     { return cmp.Or(e.DrainEvery, 5*time.Second) }
func (e Edges) watch() time.Duration          { return cmp.Or(e.Watch, time.Second) }
func (e Edges) leaseWait() time.Duration      { return cmp.Or(e.LeaseWait, time.Minute) }
func (e Edges) gateEvery() time.Duration      { return cmp.Or(e.GateEvery, 10*time.Second) }
func (e Edges) progressEvery() time.Duration  { return cmp.Or(e.ProgressEvery, 200*time.Millisecond) }

func (e Edges) now() time.Time {
	if e.Now == nil {
		return time.Now()
	}
	return e.Now()
}

// names returns the stores' names, sorted.
func (e Edges) names() []string {
	names := make([]string, 0, len(e.Stores))
	for name := range e.Stores {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Mirror keeps the ledgers of a system outside the stores that they describe.
type Mirror interface {
	// Load returns what was saved last, nothing if nothing was.
	Load(ctx context.Context, system string) ([]state.Ledger, error)
	// Save replaces it as one: a reader meets the old ledgers or the new ones.
	Save(ctx context.Context, system string, ledgers []state.Ledger) error
}
