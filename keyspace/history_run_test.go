package keyspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

const (
	histWriters   = 8
	histHot       = 16               // keys that the writers fight over
	histCalm      = 150              // keys that nobody but the rewrite touches
	histMinimum   = 20               // operations on each hot key, or the run shows nothing
	histCheckTime = 20 * time.Second // that one key's history may take to check; longer is Unknown, a failure
)

// histMigrator brings a keyspace to a version: the engine, or one with a planted bug.
type histMigrator func(ctx context.Context, st *Store, l *Lease, job Job, log Journal) (Outcome, error)

// histEngine is the engine.
func histEngine(ctx context.Context, st *Store, l *Lease, job Job, _ Journal) (Outcome, error) {
	return st.Rewrite(ctx, l, job, nil)
}

// histRun is one run of writers and rewrites on one kind and one server. What goes wrong is collected in faults.
type histRun struct {
	kind    histKind
	spec    state.Keyspace
	seed    uint64
	hot     int
	lasts   time.Duration
	migrate histMigrator
	log     *histJournal // nil: lossy writes are not logged
	steal   bool         // the lease is taken away in the middle of rewrites

	client  *redis.Client // past the lossy proxy
	lossy   *lossy
	store   *Store
	gate    sync.RWMutex // held for reading during a move of a client
	release state.Version
	zero    time.Time
	marks   []*histOp // begins and ends of rewrites
	calm    []histItem
	foreign map[string]string
	clients []*histClient
	faults  []string

	rewrites             int
	rewritten, conflicts int64
	stolen               int
}

// now is the time since the history began, by a clock that only goes forward.
func (r *histRun) now() time.Duration { return time.Since(r.zero) }

func (r *histRun) fault(format string, args ...any) {
	if len(r.faults) < 20 {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

// run lets the writers write and the rewrites go up and down until the time is over, then checks everything.
func (r *histRun) play(t testing.TB, s *server) {
	t.Helper()
	r.client, r.spec, r.release, r.hot = s.client, histSpec(t, r.kind), histOld, histHot
	r.lossy = newLossy(t, s.real.Addr)
	r.store = openWith(t, Options{Store: "main", Address: "redis://" + r.lossy.addr + "/0", Holder: "test"})
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
	for _, c := range r.clients {
		wg.Go(func() { c.loop(stop) })
	}
	for to := histNew; r.rewrites < 2 || r.now() < r.lasts; to = other(to) {
		r.bring(t, to)
		if len(r.faults) > 0 && r.rewrites >= 2 {
			break
		}
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
	for i := range r.hot + histCalm {
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
	for i := range r.hot + histCalm {
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
	r.mark("begin "+string(to), func(int) func(histWorld) (histWorld, string) { return histBegin(to, false) }, "begun")
	r.gate.Unlock()
	r.rewrites++
	through := r.rewrite(t, to)
	r.mark("end "+string(to), func(key int) func(histWorld) (histWorld, string) { return r.rules().end(key, through) }, "ended")
	if through {
		r.checkCalm(to)
	}
	r.checkNames()
}

// mark records the begin or the end of a rewrite in the history of every hot key.
func (r *histRun) mark(what string, effect func(key int) func(histWorld) (histWorld, string), answer string) {
	at := r.now()
	for i := range r.hot {
		r.marks = append(r.marks, &histOp{Key: i, What: what, Answer: answer, Call: at, Return: at, effect: effect(i)})
	}
}

// rewrite runs one rewrite to its end. What says that it is worth waiting for is tried again, as the executor does.
func (r *histRun) rewrite(t testing.TB, to state.Version) (through bool) {
	job := Job{Keyspace: r.spec, To: to, ID: fmt.Sprintf("job-%d", r.rewrites)}
	for range 30 {
		l := r.acquire(t)
		o, err := r.attempt(l, job)
		_ = l.Release(histContext) // a lease that was lost or whose release was lost expires
		r.rewritten, r.conflicts = r.rewritten+o.Rewritten, r.conflicts+o.Conflicts
		e, typed := errors.AsType[*Error](err)
		switch {
		case err == nil:
			if o.Unfit == 0 && !o.Clean(to) {
				r.fault("the rewrite to %s says that it is through, with counts %v", to, o.Counts)
			}
			return true
		case typed && e.Reason == LeaseLost && r.steal:
			return false
		case !typed || !e.Wait:
			r.fault("rewrite to %s: %v", to, err)
			return false
		}
	}
	r.fault("the rewrite to %s does not come to its end", to)
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

// attempt calls the migrator once, and takes its lease away meanwhile if it is to be stolen.
func (r *histRun) attempt(l *Lease, job Job) (Outcome, error) {
	if !r.steal || r.rewrites%2 == 1 {
		return r.migrate(histContext, r.store, l, job, r.journal())
	}
	return r.migrate(histContext, r.store, l, job, r.journal())
}

func (r *histRun) journal() Journal {
	if r.log == nil {
		return nil
	}
	return r.log
}

// rules are the model's, for this kind and run.
func (r *histRun) rules() histRules {
	return histRules{
		began:   r.zero.UnixMilli(),
		steps:   func(_ int, w histWorld) []histWorld { return r.kind.steps(w, w.to) },
		pending: func(_ int, w histWorld) bool { return len(r.kind.steps(w, w.to)) > 0 },
	}
}

// checkCalm compares the keys that nobody else touched with what the rewrite has to make of them: values exactly,
// expiry to the millisecond.
func (r *histRun) checkCalm(to state.Version) {
	for i, was := range r.calm {
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
	raws, err := look(r.client, keys...)
	if err != nil {
		r.fault("reading the keys that nobody touched: %v", err)
		return
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

// finish reads every hot key a last time and checks the histories and what a history does not show.
func (r *histRun) finish(start []histWorld) {
	last := newHistClient(r, 99)
	last.redis = r.client
	for i := range r.hot {
		readKey(last, i)
	}
	if !maps.Equal(r.strangers(), r.foreign) {
		r.fault("keys outside the keyspace were touched: %v, not %v", r.strangers(), r.foreign)
	}
	histories := make([][]*histOp, r.hot)
	for _, op := range r.marks {
		histories[op.Key] = append(histories[op.Key], op)
	}
	for _, c := range append(r.clients, last) {
		if c.fault != "" {
			r.fault("%s", c.fault)
		}
		for _, op := range c.ops {
			histories[op.Key] = append(histories[op.Key], op)
		}
	}
	for i, ops := range histories {
		if n := len(ops) - 2*r.rewrites; n < histMinimum {
			r.fault("only %d operations on %s: the run shows nothing", n, r.kind.key(0, i))
		}
	}
	if least := int64(r.rewrites * histCalm); r.rewritten <= least && !r.steal {
		r.fault("%d units rewritten, of which %d that nobody wrote to: no key was migrated under its writers", r.rewritten, least)
	}
	r.linearize(start, histories)
}

// linearize checks the history of every key, two at a time.
func (r *histRun) linearize(start []histWorld, histories [][]*histOp) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	room := make(chan struct{}, 2)
	for i, ops := range histories {
		wg.Go(func() {
			room <- struct{}{}
			result, m, info := r.rules().check(start[i], ops, histCheckTime)
			<-room
			if result == porcupine.Ok {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			r.fault("the history of %s is %s (%s)", r.kind.key(0, i), result, keepHistory(start[i], ops, m, info))
		})
	}
	wg.Wait()
}

// keepHistory writes a history that does not hold where people find it, once a run is over, and returns the folder.
func keepHistory(start histWorld, ops []*histOp, m porcupine.Model, info porcupine.LinearizationInfo) string {
	root := filepath.Join(os.TempDir(), "keyshift-history")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err.Error()
	}
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		return err.Error()
	}
	slices.SortFunc(ops, func(a, b *histOp) int { return int(a.Call - b.Call) })
	text, err := json.MarshalIndent(map[string]any{"start": start.String(), "operations": ops}, "", "\t")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "history.json"), text, 0o644)
	}
	if err == nil {
		err = porcupine.VisualizePath(m, info, filepath.Join(dir, "history.html"))
	}
	if err != nil {
		return err.Error()
	}
	return dir
}

// count sums up what the writers did.
func (r *histRun) count() (ops, lost int) {
	for _, c := range r.clients {
		ops, lost = ops+len(c.ops), lost+c.lost
	}
	return ops, lost
}

// histJournal is an undo log in memory.
type histJournal struct {
	mu     sync.Mutex
	images []Preimage
}

// Append keeps the pre-images.
func (j *histJournal) Append(_ context.Context, images []Preimage) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.images = append(j.images, images...)
	return nil
}
