package keyspace

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

const (
	histWriters   = 8
	histHot       = 32               // keys that the writers fight over
	histCalm      = 150              // keys that nobody but the rewrite touches
	histMinimum   = 20               // operations on each hot key, or the run shows nothing
	histCheckTime = 20 * time.Second // that one key's history may take to check; longer is Unknown, a failure
)

// histMigrator brings a keyspace to a version: the engine, or one with a planted bug.
type histMigrator func(ctx context.Context, st *Store, l *Lease, job Job, log Journal) (Outcome, error)

// histEngine is the engine.
func histEngine(ctx context.Context, st *Store, l *Lease, job Job, log Journal) (Outcome, error) {
	job.Journal = log
	return st.Rewrite(ctx, l, job, nil)
}

// histRun is one run of writers and rewrites on one kind and one server. What goes wrong is collected in faults.
type histRun struct {
	kind    histKind
	spec    state.Keyspace
	seed    uint64
	hot     int // keys that the writers fight over
	quiet   int // keys that nobody but the rewrite touches
	lasts   time.Duration
	migrate histMigrator
	log     *histJournal // nil: lossy writes are not logged
	older   *histJournal // of the rewrite that was rolled back
	steal   bool         // the lease is taken away in the middle of some rewrites
	undoes  bool         // the first rewrite is rolled back from its undo log
	forget  bool         // histories that do not hold are not kept: they are looked for
	loses   int64        // one of so many answers to the migrator is lost

	client  *redis.Client // past the lossy proxy
	lossy   *proxy        // between the writers and the server
	store   *Store
	gate    sync.RWMutex // held for reading during a move of a client
	release state.Version
	zero    time.Time
	marks   []*histOp // begins and ends of rewrites
	calm    []histItem
	foreign map[string]string
	clients []*histClient
	driver  *histClient // reads between two rewrites
	faults  []string    // what may not be
	hollow  []string    // why the run shows nothing

	took                 time.Duration // by the last rewrite that nobody disturbed
	rewrites             int
	rewritten, conflicts int64
	stolen               int
	restored, merged     int64 // by the rollback
	met                  int   // hot keys in the version that a rewrite leads away from, when it begins
}

// now is the time since the history began, by a clock that only goes forward.
func (r *histRun) now() time.Duration { return time.Since(r.zero) }

func (r *histRun) fault(format string, args ...any) {
	if len(r.faults) < 20 {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

// shows notes why the run shows nothing.
func (r *histRun) shows(format string, args ...any) {
	r.hollow = append(r.hollow, fmt.Sprintf("the run shows nothing: "+format, args...))
}

// play lets the writers write and the rewrites go up and down until the time is over, then checks everything.
func (r *histRun) play(t testing.TB, s *server) {
	t.Helper()
	r.client, r.spec, r.release = s.client, histSpec(t, r.kind), histOld
	r.lossy = newProxy(t, s.real.Addr, "")
	between := newProxy(t, s.real.Addr, "")
	r.store = openWith(t, Options{Store: "main", Address: "redis://" + between.addr + "/0", Holder: "test"})
	r.zero = time.Now()
	start := r.fill(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for id := range histWriters {
		c := newHistClient(r, id+1)
		t.Cleanup(func() { _ = c.redis.Close() })
		r.clients = append(r.clients, c)
	}
	r.lossy.of.Store(400)
	between.of.Store(r.loses)
	r.driver = newHistClient(r, 98)
	r.driver.redis = r.client
	for _, c := range r.clients {
		wg.Go(func() { c.loop(stop) })
	}
	sound := func() bool { return len(r.faults)+len(r.hollow) == 0 }
	if r.undoes {
		r.rollBack(t)
	}
	for to := histNew; sound() && (r.rewrites < 2 || r.rewrites%2 == 1 || r.now() < r.lasts); to = other(to) {
		r.bring(t, to)
		time.Sleep(2 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	r.finish(start)
}

// fill writes old units and keys that belong to nobody, and returns what the hot keys hold.
func (r *histRun) fill(t testing.TB) []histWorld {
	t.Helper()
	m := &histMint{rng: rand.New(rand.NewPCG(r.seed, 0))}
	p := r.client.Pipeline()
	p.FlushAll(histContext)
	start := make([]histWorld, r.hot)
	for i := range r.hot + r.quiet {
		now := histItem{exists: true, value: r.kind.fresh(m, histOld), expire: -1}
		if i%3 != 0 {
			now.expire = farAhead(i).UnixMilli()
		}
		r.kind.place(p, r.kind.key(0, i), now)
		if i < r.hot {
			start[i] = histWorld{items: [2]histItem{now}}
		} else {
			r.calm = append(r.calm, now)
		}
	}
	prefix, _, _ := strings.Cut(r.kind.key(0, 0), ":")
	for i, key := range []string{prefix, "x" + prefix + ":1", prefix + "x:1", prefix + ":1:2:3", "other:1", "keyshift", "{" + prefix + "}"} {
		p.Set(histContext, key, "untouched", 0)
		p.PExpireAt(histContext, key, farAhead(i))
	}
	if _, err := p.Exec(histContext); err != nil {
		t.Fatal(err)
	}
	r.foreign = r.strangers()
	return start
}

// strangers reads every key that is neither of the keyspace nor Keyshift's own, as the server dumps it.
func (r *histRun) strangers() map[string]string {
	out := map[string]string{}
	ours := r.names()
	for _, key := range r.scan() {
		if !ours[key] {
			out[key] = fmt.Sprintf("%q %d", r.client.Dump(histContext, key).Val(), r.client.PExpireTime(histContext, key).Val())
		}
	}
	return out
}

// names returns every name that a key of this run may have.
func (r *histRun) names() map[string]bool {
	ours := map[string]bool{}
	for i := range r.hot + r.quiet {
		for slot := range r.kind.slots() {
			ours[r.kind.key(slot, i)] = true
		}
	}
	return ours
}

// scan lists the store's keys but for Keyshift's own.
func (r *histRun) scan() (keys []string) {
	it := r.client.Scan(histContext, 0, "", 1000).Iterator()
	for it.Next(histContext) {
		if !strings.HasPrefix(it.Val(), Prefix) {
			keys = append(keys, it.Val())
		}
	}
	if it.Err() != nil {
		r.fault("listing the keys: %v", it.Err())
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// bring takes the keyspace to a version: first every writer writes it, then the rewrite begins.
func (r *histRun) bring(t testing.TB, to state.Version) {
	r.gate.Lock()
	r.release = to
	r.met += r.meet(to)
	r.markBegin(to, false)
	r.gate.Unlock()
	r.rewrites++
	for !r.rewrite(t, to) {
		if len(r.hollow) > 0 {
			return
		}
		r.readAll() // what is written now, nobody may write
		r.markBegin(to, false)
	}
	r.readAll()
	r.checkCalm(to)
	r.checkNames()
}

// meet counts the hot keys that a rewrite is to convert.
func (r *histRun) meet(to state.Version) (n int) {
	var keys []string
	for i := range r.hot {
		keys = append(keys, r.kind.key(r.kind.slot(other(to)), i))
	}
	raws, err := glance(r.client, keys...)
	if err != nil {
		r.shows("reading the writers' keys: %v", err)
	}
	for _, raw := range raws {
		if len(r.kind.steps(histWorld{}.with(r.kind.slot(other(to)), r.kind.item(raw)), to)) > 0 {
			n++
		}
	}
	return n
}

// readAll reads every hot key.
func (r *histRun) readAll() {
	for i := range r.hot {
		readKey(r.driver, i)
	}
}

func (r *histRun) markBegin(to state.Version, undo bool) {
	r.mark("begin "+string(to), func(int) func(histWorld) (histWorld, string) { return histBegin(to, undo) }, "begun")
}

func (r *histRun) markEnd(to state.Version, through bool) {
	r.mark("end "+string(to), func(int) func(histWorld) (histWorld, string) { return r.rules().end(through) }, "ended")
}

// mark records the begin or the end of a rewrite in the history of every hot key.
func (r *histRun) mark(what string, effect func(key int) func(histWorld) (histWorld, string), answer string) {
	at := r.now()
	for i := range r.hot {
		r.marks = append(r.marks, &histOp{Key: i, What: what, Answer: answer, Call: at, Return: at, effect: effect(i)})
	}
}

// rewrite runs one rewrite to its end, or until its lease is stolen. What says that it is worth waiting for is tried
// again, as the executor does.
func (r *histRun) rewrite(t testing.TB, to state.Version) (through bool) {
	job := Job{Keyspace: r.spec, To: to, ID: fmt.Sprintf("job-%d", r.rewrites), Unlogged: true}
	for range 30 {
		l := r.acquire(t)
		o, stolen, err := r.attempt(l, job)
		_ = l.Release(histContext) // a lease that was lost or whose release was lost expires
		r.rewritten, r.conflicts = r.rewritten+o.Rewritten, r.conflicts+o.Conflicts
		if stolen {
			r.stolen++
			return false
		}
		e, typed := errors.AsType[*Error](err)
		switch {
		case err == nil:
			r.markEnd(to, true)
			return true
		case !typed || !e.Wait:
			r.shows("rewrite to %s: %v", to, err)
			return false
		}
	}
	r.shows("the rewrite to %s does not come to its end", to)
	return false
}

// acquire takes the lease; one that could not be released expires too late for us.
func (r *histRun) acquire(t testing.TB) *Lease {
	t.Helper()
	var err error
	for range 20 {
		r.client.Del(histContext, leaseKey("shop", r.spec.Name))
		var l *Lease
		if l, err = r.store.Acquire(histContext, "shop", r.spec.Name); err == nil {
			return l
		}
	}
	t.Fatal(err)
	return nil
}

// attempt calls the migrator once, and now and then takes its lease away meanwhile, as if it had expired. What it writes
// from then on is nobody's write.
func (r *histRun) attempt(l *Lease, job Job) (o Outcome, stolen bool, err error) {
	if !r.steal || r.took == 0 || r.stolen >= r.rewrites {
		began := r.now()
		o, err = r.migrate(histContext, r.store, l, job, r.journal())
		r.took = r.now() - began
		return o, false, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o, err = r.migrate(histContext, r.store, l, job, r.journal())
	}()
	select {
	case <-ended:
		return o, false, err
	case <-time.After(time.Duration(r.driver.rng.Int64N(int64(r.took)))):
	}
	r.client.Set(histContext, l.key, "a thief", 0)
	r.markEnd(job.To, false)
	<-ended
	return o, true, nil
}

func (r *histRun) journal() Journal {
	if r.log == nil {
		return nil
	}
	return r.log
}

// rules are the model's, for this kind and run. What may not come back must be in the undo log when it is written.
func (r *histRun) rules() histRules {
	steps := func(op *histOp, w histWorld) []histWorld {
		next := r.kind.steps(w, w.to)
		if r.log == nil {
			return next
		}
		was := w.items[r.kind.slot(other(w.to))]
		if w.undo && was.exists {
			return append(next, r.undone(op.Key, w, was)...)
		}
		return slices.DeleteFunc(next, func(histWorld) bool { return !r.kind.returns(was.value, w.to) && !r.logged(was.value, op.Return) })
	}
	return histRules{
		began: r.zero.UnixMilli(), steps: steps,
		pending: func(w histWorld) bool { return len(r.kind.steps(w, w.to)) > 0 },
	}
}

// checkCalm compares the keys that nobody else touched with what the rewrite has to make of them: values exactly,
// expiry to the millisecond.
func (r *histRun) checkCalm(to state.Version) {
	for i, was := range r.calm {
		if r.log != nil && len(r.kind.steps(histWorld{}.with(r.kind.slot(other(to)), was), to)) > 0 && !r.kind.returns(was.value, to) && !r.logged(was.value, r.now()) {
			r.fault("%s was written, and what it was, %s, is not in the undo log", r.kind.key(0, r.hot+i), was)
		}
		w := histWorld{}.with(r.kind.slot(other(to)), was)
		for next := r.kind.steps(w, to); len(next) > 0; next = r.kind.steps(w, to) {
			w = next[0]
		}
		r.calm[i] = w.items[r.kind.slot(to)]
	}
	var keys []string
	for i := range r.calm {
		keys = append(keys, r.kind.key(r.kind.slot(to), r.hot+i))
	}
	raws, err := glance(r.client, keys...)
	if err != nil {
		r.fault("reading the keys that nobody touched: %v", err)
		return
	}
	if r.kind.rekeyed {
		var old []string
		for i := range r.calm {
			old = append(old, r.kind.key(r.kind.slot(other(to)), r.hot+i))
		}
		if n, err := r.client.Exists(histContext, old...).Result(); n > 0 || err != nil {
			r.fault("%d keys that nobody touched are still there under their old names after the rewrite to %s (%v)", n, to, err)
		}
	}
	for i, raw := range raws {
		if is := r.kind.item(raw); is != r.calm[i] {
			r.fault("%s, which nobody touched, is %s after the rewrite to %s, not %s", keys[i], is, to, r.calm[i])
			r.calm[i] = is
		}
	}
}

// checkNames looks for keys that appeared from nowhere.
func (r *histRun) checkNames() {
	ours := r.names()
	for _, key := range r.scan() {
		if _, stranger := r.foreign[key]; !stranger && !ours[key] {
			r.fault("the key %q appeared from nowhere", key)
		}
	}
}
