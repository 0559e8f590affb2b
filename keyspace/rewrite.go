package keyspace

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

const (
	maxPasses      = 50 // of one Rewrite; with the pauses between them about twenty seconds and the reading
	conflictRounds = 8  // that a conflict is read again at once, before it is left to the next pass
	reportEvery    = 200 * time.Millisecond
)

// Rewrite brings every unit of a keyspace to a version, under live writers, and returns once a full pass over
// the store found nothing left to do. Units that cannot be brought there stay byte for byte and are counted.
//
// Report, which may be nil, is called from this goroutine. The error is an *Error, or wraps ctx's; what was
// written until then is in the Outcome, and calling again goes on from there.
func (s *Store) Rewrite(ctx context.Context, l *Lease, job Job, report func(Progress)) (Outcome, error) {
	r, cursor, err := s.newRewrite(ctx, l, job, report)
	if err == nil {
		err = r.recoverable()
	}
	if err == nil {
		err = r.recall(ctx)
	}
	if err != nil {
		return Outcome{}, err
	}
	r.pace.beside = true
	if l := r.lane(); l != nil && cursor == 0 {
		if err := r.lanePass(ctx, l); err != nil {
			return r.outcome, err
		}
		r.first = false
	}
	for round := range maxPasses {
		p, err := r.pass(ctx, cursor)
		if err != nil {
			return r.outcome, err
		}
		if p.full && p.wanted == 0 {
			return r.outcome, s.dropCheckpoint(ctx, l)
		}
		cursor = 0
		if err := pause(ctx, time.Duration(round)*10*time.Millisecond); err != nil {
			return r.outcome, classify(ctx, s.name, "between two passes", err)
		}
	}
	return r.outcome, &Error{
		Reason: NotConverging, Wait: true, Store: s.name,
		Err:  fmt.Errorf("keyspace %q: after %d passes there are still units to bring to %s", job.Keyspace.Name, maxPasses, job.To),
		Hint: "find out what still writes another version",
	}
}

// rewrite is a running Rewrite.
type rewrite struct {
	store   *Store
	lease   *Lease
	job     Job
	routes  []route
	goal    goal
	rule    *state.TTL // of the version to rewrite to
	logged  remembered // units of which there is a pre-image
	merges  bool       // units that become the same one may merge: none is lost
	held    *holds
	pace    *pace
	report  func(Progress)
	outcome Outcome

	counting sync.Mutex // guards outcome while writers are at work

	node     node
	keys     int64 // in the store when the pass began
	saved    time.Time
	reported time.Time
	first    bool // the first pass of this call
}

func (s *Store) newRewrite(ctx context.Context, l *Lease, job Job, report func(Progress)) (*rewrite, uint64, error) {
	routes, err := s.prepare(job)
	if err != nil {
		return nil, 0, err
	}
	scratch := []string{Prefix + "rights:hash:" + l.token, Prefix + "rights:string:" + l.token}
	if err := s.fenced(ctx, s.client, "trying what a rewrite needs", rightsScript, l, scratch); err != nil {
		return nil, 0, err
	}
	n, err := s.node(ctx)
	if err != nil {
		return nil, 0, err
	}
	p := paceOf(job.Keyspace.Policy)
	if p.latency, err = l.latency(ctx); err != nil {
		return nil, 0, err
	}
	cursor, err := s.loadCheckpoint(ctx, l, job, n.runID)
	if err != nil {
		return nil, 0, err
	}
	if report == nil {
		report = func(Progress) {}
	}
	r := &rewrite{
		store: s, lease: l, job: job, routes: routes, report: report, node: n, first: true,
		pace: p, saved: time.Now(), goal: routes[0].goal(job.To), held: &holds{},
	}
	target, _ := job.Keyspace.FindShape(job.To)
	r.rule, r.merges = target.TTL, r.goal.alwaysExact()
	if job.Journal != nil {
		r.goal.winner = job.Winner
	}
	return r, cursor, nil
}

// prepare compiles the keyspace of a job and checks that it has the job's version.
func (s *Store) prepare(job Job) ([]route, error) {
	if _, ok := job.Keyspace.FindShape(job.To); !ok {
		return nil, &Error{
			Reason: MigrationMissing, Store: s.name,
			Err:  fmt.Errorf("keyspace %q has no version %s", job.Keyspace.Name, job.To),
			Hint: "declare the version",
		}
	}
	return s.newRoutes([]state.Keyspace{job.Keyspace})
}

// routesOf is prepare for a job that may be to no version.
func (s *Store) routesOf(job Job) ([]route, error) {
	if job.To == "" {
		return s.newRoutes([]state.Keyspace{job.Keyspace})
	}
	return s.prepare(job)
}

// passed is what one pass came to.
type passed struct {
	full   bool  // it began at the beginning and one server process answered all of it
	wanted int64 // units that were at another version, and could be converted
}

// work is one page on its way from the reader to the writer, with the reader's counts so far.
type work struct {
	changes []change
	read    []transform.Field // what the changes hold of what was read
	made    *transform.Room   // and of what was made of it
	resume  uint64
	scanned, unfit, already, looked,
	wanted, spared int64
}

// pass walks over the store once. A reader converts, writers write; the queue between them is short.
func (r *rewrite) pass(ctx context.Context, cursor uint64) (passed, error) {
	keys, err := r.store.client.DBSize(ctx).Result()
	if err != nil {
		return passed{}, classify(ctx, r.store.name, "asking for the number of keys", err)
	}
	r.keys = keys
	inner, stop := context.WithCancel(ctx)
	queue := make(chan work, 2)
	reading := &reading{rewrite: r, tally: newTallies(1)[0]}
	failed := make(chan error, 1)
	go func() {
		defer close(queue)
		failed <- reading.run(inner, cursor, queue)
	}()
	err = r.drain(ctx, queue, stop)
	stop()
	if readErr := <-failed; err == nil && readErr != nil {
		err = classify(ctx, r.store.name, "reading the keyspace", readErr)
	}
	if err != nil {
		return passed{}, err
	}
	return r.finish(ctx, cursor, reading)
}

// writers is how many pages are written at once: while the server works on one, we make the calls of the next.
const writers = 4

// writing is a page that is being written.
type writing struct {
	work
	done chan error
}

// drain writes what the reader sends, some pages at once, and reports and saves how far that is, in their order. After a
// page that failed no other is begun, and the reader is stopped; those under way are waited for.
func (r *rewrite) drain(ctx context.Context, queue <-chan work, stop func()) (err error) {
	pages := make(chan *writing, writers-1) // one more is waited for below
	var failed atomic.Bool
	go func() {
		defer close(pages)
		for w := range queue {
			p := &writing{work: w, done: make(chan error, 1)}
			pages <- p
			if failed.Load() {
				p.done <- nil
				continue
			}
			go func() {
				err := r.write(ctx, p.changes)
				r.store.shelf.fields.give(p.read)
				r.store.shelf.giveRoom(p.made)
				r.store.shelf.changes.give(p.changes)
				p.done <- err
			}()
		}
	}()
	for p := range pages {
		ended := <-p.done
		if err == nil && ended == nil {
			ended = r.wrote(ctx, p.work)
		}
		if err == nil && ended != nil {
			err = ended
			failed.Store(true)
			stop()
		}
	}
	return err
}

// wrote reports and saves that every page up to this one is written.
func (r *rewrite) wrote(ctx context.Context, w work) error {
	if r.first {
		r.note(func(o *Outcome) { o.Already += w.already })
	}
	r.tell(w)
	if r.node.runID == "" || time.Since(r.saved) < checkpointEvery {
		return nil
	}
	r.saved = time.Now()
	return r.store.saveCheckpoint(ctx, r.lease, checkpoint{Job: r.job.ID, To: r.job.To, RunID: r.node.runID, Cursor: w.resume})
}

// note changes the outcome.
func (r *rewrite) note(change func(*Outcome)) {
	r.counting.Lock()
	defer r.counting.Unlock()
	change(&r.outcome)
}

// tell reports how far the pass is, now and then.
func (r *rewrite) tell(w work) {
	if time.Since(r.reported) >= reportEvery {
		r.reported = time.Now()
		r.report(r.progress(w))
	}
}

func (r *rewrite) progress(w work) Progress {
	r.counting.Lock()
	defer r.counting.Unlock()
	return Progress{
		Scanned: w.scanned, Rewritten: r.outcome.Rewritten, Conflicts: r.outcome.Conflicts, Unfit: w.unfit,
		Estimate: estimate(r.keys, w.looked, w.scanned),
	}
}

// finish closes a pass: it was one only if the process that gave its cursors is still the one that answers.
func (r *rewrite) finish(ctx context.Context, cursor uint64, read *reading) (passed, error) {
	n, err := r.store.node(ctx)
	if err != nil {
		return passed{}, err
	}
	p := passed{full: cursor == 0 && n.runID == r.node.runID, wanted: read.now.wanted}
	r.node, r.first = n, false
	r.outcome.Scanned, r.outcome.Unfit, r.outcome.Spared = read.tally.total, read.now.unfit, read.now.spared
	r.outcome.Counts, r.outcome.Samples = read.tally.result(), read.tally.samples
	last := r.progress(read.now)
	last.Estimate = last.Scanned
	r.report(last)
	return p, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// reading is the reader's side of a pass.
type reading struct {
	*rewrite
	tally *tally
	now   work // counts so far
}

// run reads page by page, decides, and sends what there is to write. The next page is read while one is decided.
func (r *reading) run(ctx context.Context, cursor uint64, queue chan<- work) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	pages, failed := make(chan *page, 1), make(chan error, 1)
	go func() {
		defer close(pages)
		failed <- r.fetch(ctx, cursor, pages)
	}()
	for p := range pages {
		select {
		case queue <- r.decide(p):
		case <-r.lease.Lost():
			return r.lease.lose()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return <-failed
}

// fetch reads page by page.
func (r *reading) fetch(ctx context.Context, cursor uint64, pages chan<- *page) error {
	sweep := r.store.newSweep(r.routes, cursor, r.pace)
	for {
		p, err := sweep.next(ctx)
		if err != nil || p == nil {
			return err
		}
		select {
		case pages <- p:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// decide counts the units of a page and collects what there is to write.
func (r *reading) decide(p *page) work {
	r.now.changes, r.now.read, r.now.made = r.store.shelf.changes.take(len(p.units)), p.room, r.store.shelf.room()
	r.now.already = 0
	r.now.resume = p.resume
	r.now.looked += p.looked
	for i := range p.units {
		u := &p.units[i]
		if u.gone {
			continue
		}
		counted := r.tally.key(u)
		if u.unfit != "" {
			r.count(u, counted, verdict{class: state.Unfit, reason: u.unfit}, false)
			continue
		}
		spared := r.job.spares(u.key)
		u.units(func(part transform.Unit, index int, repeated bool) {
			r.now.changes = append(r.now.changes, change{})
			next := len(r.now.changes) - 1
			v := r.goal.decide(u, part, index, &r.now.changes[next], r.now.made)
			if v.wanted && r.held.has(part) {
				v.wanted, v.reason = false, "another unit stands where it goes"
			}
			if v.wanted && spared {
				v.wanted = false
				r.now.spared++
			}
			if !v.wanted {
				r.now.changes = r.now.changes[:next]
			}
			r.count(u, counted, v, repeated)
		})
	}
	r.now.scanned = r.tally.total
	r.store.release(p)
	return r.now
}

// count notes one unit.
func (r *reading) count(u *unit, counted *keyTally, v verdict, repeated bool) {
	isNew := !repeated && counted.add(v.class)
	switch {
	case v.wanted:
		r.now.wanted++
	case v.reason != "" && isNew:
		r.now.unfit++
		r.tally.sample(u.key, v.reason)
	case v.reason == "" && isNew:
		r.now.already++
	}
}
