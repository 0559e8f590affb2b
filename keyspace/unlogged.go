package keyspace

import (
	"fmt"
	"slices"

	"keyshift.dev/state"
)

// logless tells that a job has no undo log and must not lose anything.
func (j *Job) logless() bool { return j.Journal == nil && !j.Unlogged }

// recoverable makes sure, before the first write, that what a rewrite may not bring back can be logged: every way that it
// is to take is proved exact, or there is an undo log. A way to another Redis type is not, because its values may come
// back spelled otherwise.
func (r *rewrite) recoverable() error {
	if !r.job.logless() {
		return nil
	}
	expected := r.job.From
	if expected == nil {
		for _, s := range r.job.Keyspace.Shapes {
			expected = append(expected, state.Class(s.Version))
		}
	}
	target, _ := r.job.Keyspace.FindShape(r.job.To)
	for _, class := range expected {
		from, ok := r.goal.programs.Source(class, r.job.To)
		shape, _ := r.job.Keyspace.FindShape(from)
		if ok && !class.Has(r.job.To) && (!r.goal.ways[from].exact || shape.Type != target.Type) {
			return r.missing(fmt.Sprintf("units of %s may not come back from %s as they were", from, r.job.To))
		}
	}
	return nil
}

// withhold refuses a batch of which something may not come back, where there is no undo log to keep it: units of a
// version that was not expected, and those that give way to what the application wrote under their new name.
func (r *rewrite) withhold(batch []change) error {
	at := slices.IndexFunc(batch, func(c change) bool { return c.logged })
	if at < 0 || !r.job.logless() {
		return nil
	}
	return r.missing(fmt.Sprintf("a unit of %s may not come back from %s as it was", batch[at].from, r.job.To))
}

func (r *rewrite) missing(what string) error { return stateMissing(r.store.name, r.job, what) }

func stateMissing(store string, job Job, what string) *Error {
	return &Error{
		Reason: StateMissing, Store: store, Err: fmt.Errorf("keyspace %q: %s, and there is no undo log", job.Keyspace.Name, what),
		Hint: "name a durable place for undo logs; nothing that was to be logged has been written",
	}
}
