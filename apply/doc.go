// Package apply is the edge where a plan meets the world: it gathers what is there, runs the plan's steps,
// and keeps the ledger.
//
//	outcome, err := apply.Deliver(ctx, apply.Edges{Cluster: cluster, Stores: stores, Mirror: mirror}, commit, report)
//
//	planned   rollout checkout 1.4.0 → 1.5.0, rollout checkout 1.5.0 → 2.0.0, rewrite session, verify session
//	started   rollout checkout 1.5.0
//	progress  3 old, 1 updated
//	ended     rollout checkout 1.5.0
//	…
//
// It decides nothing about order. Before each step it observes again what the step depends on and asks the
// pure core (diff, plan) whether the step is still the one to take; if not, the run stops at once and Deliver
// plans anew. What a step may do to a keyspace is durable in the ledger before the step starts, and what was
// verified only after it ended, so a process that is killed anywhere leaves a state from which planning again
// goes on. There is one executor file for each kind of step: rollout.go, backup.go, rewrite.go (and drain.go), verify.go.
package apply
