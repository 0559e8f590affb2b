// Package transform turns the units of one version into those of another, by pure compiled programs.
//
//	{user_id 7, name "Ada", created_ms 1700000000123}                a hash that fits 1.0.0 alone
//	  Classify        → 1.0.0
//	  Convert to 2.0.0 → {user_id 7, full_name "Ada", created 1700000000, plan "free"}
//	  Diff            → set created, full_name, plan; delete created_ms, name; compare all of them as they were read
//
// A keyspace is compiled once. Classify checks a unit against every shape, structure before values, and returns the
// set of versions that it fits. Convert walks the migrations between two versions, runs their programs and checks the
// result against the target's shape, so that nothing is written that would not be read back as the target. What a
// program does not touch keeps its bytes: a hash field its text, a JSON member its spelling, its place and the white
// space around it. Errors and reasons name fields that the spec declares, never a stored value.
//
// The package does no I/O, and a *Programs may be used by several goroutines at once.
package transform
