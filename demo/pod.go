package demo

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// stats counts what the pods did.
type stats struct {
	reads, writes, refused, removed, created, failed atomic.Int64
}

// job is what one release does to one keyspace.
type job struct {
	model  Model
	reads  []state.Version
	writes state.Version // empty for a pure reader
}

// jobs returns what a release does to the application's keyspaces: it can decode the versions that its
// range allows and no other, and writes the version it says.
func (a *Application) jobs(release state.Release) []job {
	a.gate.RLock()
	models := a.models
	a.gate.RUnlock()
	var out []job
	for _, m := range models {
		use, ok := release.FindUse(m.Keyspace)
		if !ok {
			continue
		}
		j := job{model: m, writes: use.Writes}
		for _, v := range versions {
			if use.Reads.Contains(v) {
				j.reads = append(j.reads, v)
			}
		}
		out = append(out, j)
	}
	return out
}

// RunPod serves as one pod of a release until ctx ends: its workers read and write random keys, a few of
// them hot. Seed makes its choices repeatable. It returns once no worker has a command under way.
func (a *Application) RunPod(ctx context.Context, release state.Release, c redis.Cmdable, seed int64) {
	jobs := a.jobs(release)
	if len(jobs) == 0 || a.count == 0 {
		<-ctx.Done()
		return
	}
	workers, pause := a.Workers, a.Pause
	if workers == 0 {
		workers = 2
	}
	if pause == 0 {
		pause = 4 * time.Millisecond
	}
	var all sync.WaitGroup
	for i := range workers {
		rng := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
		all.Go(func() {
			for ctx.Err() == nil {
				a.gate.RLock()
				a.operate(context.WithoutCancel(ctx), jobs[rng.IntN(len(jobs))], c, rng)
				a.gate.RUnlock()
				sleep(ctx, pause/2+rand.N(pause))
			}
		})
	}
	all.Wait()
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// visit is one operation of a worker on one key.
type visit struct {
	job
	app     *Application
	client  redis.Cmdable
	rng     *rand.Rand
	key     string
	index   int
	history *history
}

// operate reads one key, checks what it got, and usually writes it.
func (a *Application) operate(ctx context.Context, j job, c redis.Cmdable, rng *rand.Rand) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	i := rng.IntN(a.count)
	if rng.IntN(3) == 0 {
		i %= 1 + a.count/100
	}
	key := j.model.key(i)
	v := visit{job: j, app: a, client: c, rng: rng, key: key, index: i, history: a.journal.of(key)}
	floor := v.history.floor()
	got, err := j.model.read(ctx, c, key)
	if err != nil {
		a.stats.failed.Add(1)
		return
	}
	a.stats.reads.Add(1)
	if got.exists {
		v.found(ctx, floor, got)
		return
	}
	a.journal.absent(v.history, key, floor)
	if j.writes != "" {
		v.create(ctx)
	}
}

// found checks a value, and usually writes it.
func (v visit) found(ctx context.Context, floor mark, got raw) {
	if len(v.reads) == 0 {
		return
	}
	value, at, ok := v.model.decode(got, v.reads)
	if !ok {
		v.app.journal.unread.Add(1)
		return
	}
	sound := v.app.journal.present(v.model, v.history, v.key, floor, value, at)
	if v.writes == "" || !sound && v.rng.IntN(2) == 0 {
		return
	}
	switch n := v.rng.IntN(100); {
	case n < 8:
		v.remove(ctx, got, value)
	case n < 60:
		v.update(ctx, got, value, at)
	}
}

// update writes the value it read back, changed, in the version that the release writes.
func (v visit) update(ctx context.Context, got raw, value content, at state.Version) {
	next := v.model.change(v.model.convert(value, at, v.writes), v.writes, v.rng)
	w := v.app.journal.intend(v.history, signature(value[text]).number+1, v.writes, next, false)
	ok, err := v.model.swap(ctx, v.client, v.key, got, v.model.encode(v.writes, w.content))
	v.settle(w, ok, err)
}

// remove deletes the value it read. Its life lock keeps a creation from starting before its outcome is known.
func (v visit) remove(ctx context.Context, got raw, value content) {
	v.history.life.Lock()
	defer v.history.life.Unlock()
	w := v.app.journal.intend(v.history, signature(value[text]).number+1, v.writes, content{}, true)
	ok, err := v.model.swap(ctx, v.client, v.key, got, raw{})
	v.settle(w, ok, err)
	if ok {
		v.app.stats.removed.Add(1)
	}
}

// create makes a new value where the key is gone.
func (v visit) create(ctx context.Context) {
	v.history.life.Lock()
	defer v.history.life.Unlock()
	var expire int64
	if v.rng.IntN(3) == 0 {
		expire = expiry(v.rng)
	}
	w := v.app.journal.intend(v.history, 0, v.writes, v.model.fresh(v.index, v.writes, v.rng), false)
	ok, err := v.model.create(ctx, v.client, v.key, v.model.encode(v.writes, w.content), expire)
	if ok || err != nil {
		v.history.mu.Lock()
		v.history.expire = expire
		v.history.mu.Unlock()
	}
	v.settle(w, ok, err)
	if ok {
		v.app.stats.created.Add(1)
	}
}

// settle records the outcome of a write. After an error it is unknown: the write may show, or not.
func (v visit) settle(w *write, ok bool, err error) {
	switch {
	case err != nil:
		v.app.stats.failed.Add(1)
	case ok:
		v.app.stats.writes.Add(1)
		v.app.journal.acknowledge(v.history, v.key, w)
	default:
		v.app.stats.refused.Add(1)
		v.app.journal.refuse(v.history, w)
	}
}
