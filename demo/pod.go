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
	var out []job
	for _, m := range a.models {
		use, ok := release.FindUse(m.Keyspace)
		if !ok {
			continue
		}
		j := job{model: m, writes: use.Writes}
		for _, v := range []state.Version{V1, V2} {
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

// operate reads one key, checks what it got, and usually writes it.
func (a *Application) operate(ctx context.Context, j job, c redis.Cmdable, rng *rand.Rand) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	i := rng.IntN(a.count)
	if rng.IntN(3) == 0 {
		i %= 1 + a.count/100
	}
	key := j.model.key(i)
	h := a.journal.of(key)
	floor := h.floor()
	got, err := j.model.read(ctx, c, key)
	if err != nil {
		a.stats.failed.Add(1)
		return
	}
	a.stats.reads.Add(1)
	if !got.exists {
		a.journal.absent(h, key, floor)
		if j.writes != "" {
			a.create(ctx, j, c, h, key, i, rng)
		}
		return
	}
	if len(j.reads) == 0 {
		return
	}
	value, v, ok := j.model.decode(got, j.reads)
	if !ok {
		a.journal.unread.Add(1)
		return
	}
	sound := a.journal.present(j.model, h, key, floor, value, v)
	if j.writes == "" || !sound && rng.IntN(2) == 0 {
		return
	}
	switch n := rng.IntN(100); {
	case n < 8:
		a.remove(ctx, j, c, h, key, got, value)
	case n < 60:
		a.update(ctx, j, c, h, key, got, value, v, rng)
	}
}

// update writes the value it read back, changed, in the version that the release writes.
func (a *Application) update(ctx context.Context, j job, c redis.Cmdable, h *history, key string, got raw, value content, v state.Version, rng *rand.Rand) {
	next := j.model.change(j.model.convert(value, v, j.writes), j.writes, rng)
	w := a.journal.intend(h, signature(value[text]).number+1, j.writes, next, false)
	ok, err := j.model.swap(ctx, c, key, got, j.model.encode(j.writes, w.content))
	a.settle(h, key, w, ok, err)
}

// remove deletes the value it read. Its life lock keeps a creation from starting before its outcome is known.
func (a *Application) remove(ctx context.Context, j job, c redis.Cmdable, h *history, key string, got raw, value content) {
	h.life.Lock()
	defer h.life.Unlock()
	w := a.journal.intend(h, signature(value[text]).number+1, j.writes, content{}, true)
	ok, err := j.model.swap(ctx, c, key, got, raw{})
	a.settle(h, key, w, ok, err)
	if ok {
		a.stats.removed.Add(1)
	}
}

// create makes a new value where the key is gone.
func (a *Application) create(ctx context.Context, j job, c redis.Cmdable, h *history, key string, i int, rng *rand.Rand) {
	h.life.Lock()
	defer h.life.Unlock()
	var expire int64
	if rng.IntN(3) == 0 {
		expire = expiry(rng)
	}
	w := a.journal.intend(h, 0, j.writes, j.model.fresh(i, j.writes, rng), false)
	ok, err := j.model.create(ctx, c, key, j.model.encode(j.writes, w.content), expire)
	if ok || err != nil {
		h.mu.Lock()
		h.expire = expire
		h.mu.Unlock()
	}
	a.settle(h, key, w, ok, err)
	if ok {
		a.stats.created.Add(1)
	}
}

// settle records the outcome of a write. After an error it is unknown: the write may show, or not.
func (a *Application) settle(h *history, key string, w *write, ok bool, err error) {
	switch {
	case err != nil:
		a.stats.failed.Add(1)
	case ok:
		a.stats.writes.Add(1)
		a.journal.acknowledge(h, key, w)
	default:
		a.stats.refused.Add(1)
		a.journal.refuse(h, w)
	}
}
