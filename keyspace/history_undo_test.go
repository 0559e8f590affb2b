package keyspace

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// rollBack brings the keyspace to the newer version, lets the writers write it, and takes it back from the undo log under
// writers of the older release, as the executor does: an Undo, then a rewrite for what was never logged. What nobody
// touched meanwhile must be byte for byte what it was.
func (r *histRun) rollBack(t testing.TB) {
	t.Helper()
	before, calm := r.lookCalm(), slices.Clone(r.calm)
	r.bring(t, histNew)
	time.Sleep(10 * time.Millisecond)
	r.gate.Lock()
	r.release = histOld
	r.markBegin(histOld, true)
	r.gate.Unlock()
	r.rewrites++
	r.undo(t)
	r.older, r.log = r.log, newHistJournal(&r.kind, r.now)
	if len(r.hollow) == 0 && !r.rewrite(t, histOld) {
		r.shows("the rewrite behind the rollback was disturbed")
	}
	r.readAll()
	for i, is := range r.lookCalm() {
		if was := before[i]; is.String() != was.String() || is.expire != was.expire {
			r.fault("%s, which nobody touched, is %s until %d after the rollback, not %s until %d", r.kind.key(0, r.hot+i), is, is.expire, was, was.expire)
		}
	}
	r.calm = calm
	r.checkNames()
	if !r.kind.exact && r.restored == 0 {
		r.shows("the rollback restored nothing")
	}
}

// undo runs Undo to its end.
func (r *histRun) undo(t testing.TB) {
	t.Helper()
	for range 30 {
		l := r.acquire(t)
		o, err := r.store.Undo(histContext, l, Job{Keyspace: r.spec, To: histOld, ID: "undo", Unlogged: true}, r.log, nil)
		_ = l.Release(histContext) // one that could not be released expires
		r.restored, r.merged = r.restored+o.Restored, r.merged+o.Merged
		e, typed := errors.AsType[*Error](err)
		switch {
		case err == nil:
			return
		case !typed || !e.Wait:
			r.shows("undo: %v", err)
			return
		}
	}
	r.shows("the undo does not come to its end")
}

// lookCalm reads the keys that nobody touches, byte for byte, under their older names.
func (r *histRun) lookCalm() []histRaw {
	var keys []string
	for i := range r.calm {
		keys = append(keys, r.kind.key(r.kind.slot(histOld), r.hot+i))
	}
	raws, err := glance(r.client, keys...)
	if err != nil {
		r.shows("reading the keys that nobody touched: %v", err)
	}
	for i := range raws {
		switch kind := raws[i].kind; {
		case kind == "hash" || kind == "set" || r.kind.retyped: // in whatever order they lie; spelt anew where it was another type
			raws[i].parts = []string{r.kind.canon(raws[i])}
		}
	}
	return raws
}

// logged tells whether a value was in an undo log by a moment.
func (r *histRun) logged(value string, by time.Duration) bool {
	return r.log.has(value, by) || r.older != nil && r.older.has(value, by)
}

// undone returns what a rollback may make of a world beside the way back of the programs: the pre-image of what is as it
// was written, and else the pre-image's parts wherever the way back of the two is the same.
func (r *histRun) undone(key int, w histWorld, was histItem) (next []histWorld) {
	put := func(value string) {
		now := was
		now.value = value
		next = append(next, w.with(r.kind.slot(w.to), now))
	}
	for _, image := range r.older.of(r.kind.key(r.kind.slot(w.to), key)) {
		if image.after == was.value {
			put(image.before)
			continue
		}
		current, post := r.kind.convert(was.value, other(w.to), w.to), r.kind.convert(image.after, other(w.to), w.to)
		if len(current) == 1 && len(post) == 1 {
			put(mergeDocs(histParse(current[0]), histParse(post[0]), histParse(image.before)).String())
		}
	}
	return next
}

// mergeDocs takes each part of the pre-image whose way back was not changed by the application.
func mergeDocs(current, post, before histDoc) histDoc {
	out := histDoc{}
	for name, value := range current {
		out[name] = value
		if was, ok := before[name]; ok && post[name] == value {
			out[name] = was
		}
	}
	return out
}
