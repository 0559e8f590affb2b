package keyspace

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"keyshift.dev/testbed"
)

var (
	historySeconds = flag.Float64("history.seconds", 1, "how long the writers and rewrites of each kind go on, on each server")
	historySeed    = flag.Uint64("history.seed", 0, "seed of the writers' choices; 0 draws one")
)

// Under eight writers, the history of every key must be one that a single machine could have had on which a rewrite
// converts a unit at once and once, or not at all; TTLs, names and foreign keys stay. On every server.
func TestHistory(t *testing.T) {
	ran := map[string]bool{}
	for _, kind := range testbed.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			r := testbed.RedisOf(t, kind)
			s := (&server{name: string(kind), url: r.URL, real: r}).connect(t)
			for _, k := range histKinds() {
				if why := Unsupported(histSpec(t, k)); why != "" {
					t.Logf("%s is left out: %s", k.name, why)
					continue
				}
				t.Run(k.name, func(t *testing.T) {
					run := newHistRun(t, k)
					run.undoes = true
					run.play(t, s)
					run.report(t)
				})
				ran[k.name] = true
			}
		})
	}
	for _, name := range []string{"hash", "json string"} {
		if !ran[name] {
			t.Errorf("%s was not checked", name)
		}
	}
}

func newHistRun(t testing.TB, k histKind) *histRun {
	t.Helper()
	seed := *historySeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	r := &histRun{kind: k, seed: seed, hot: histHot, quiet: histCalm, lasts: time.Duration(*historySeconds * float64(time.Second)), migrate: histEngine, loses: 400}
	r.log = newHistJournal(&r.kind, r.now)
	return r
}

// report says what a run came to.
func (r *histRun) report(t *testing.T) {
	t.Helper()
	ops, lost := r.count()
	t.Logf("seed %d: %d operations (%d answers lost) on %d keys, %d rewrites (%d disturbed) of %d units, %d conflicts; %d of the writers' keys were to be converted; %d units restored, %d merged",
		r.seed, ops, lost, r.hot, r.rewrites, r.stolen, r.rewritten, r.conflicts, r.met, r.restored, r.merged)
	for _, f := range append(r.faults, r.hollow...) {
		t.Error(f)
	}
}
