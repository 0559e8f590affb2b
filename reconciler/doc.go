// Package reconciler is the controller of Deliveries. It wires the line and says on the object how far it is:
//
//	gitsource.Fetch ─► sandbox.Evaluate ─► apply.Gather ─► plan ─► apply.Run ─► gather again ─► Ready
//
//	NAME   READY     STATUS                                                                   REVISION
//	shop   Unknown   step 3 of 4: rewrite session 1.0.0 → 2.0.0: 12000 of about 20000 scanned   main@sha1:3f78…
//	shop   True      applied revision main@sha1:5a0e…                                           main@sha1:5a0e…
//	shop   False     system.cue:12:3: system.keyspaces.sesion: field not allowed …              main@sha1:5a0e…
//
// Ready is true only after the live cluster and keys were observed to need no change for the revision. A revision
// that cannot be used changes nothing: what was applied stays in force, nothing is deleted. One table (outcomes)
// says what follows each reason: again after an interval, or only when the Delivery changes.
//
// The conventions are those of Flux (github.com/fluxcd/pkg/runtime) and kstatus.
package reconciler
