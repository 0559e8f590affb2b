package schema_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	migrations   = flag.Int("migrations", 300, "how many random migrations are compared with CUE")
	firstSeed    = flag.Uint64("seed", 1, "the seed of the first of them")
	stopAfter    = flag.Int("stop", 20, "after how many disagreements to stop")
	printRefused = flag.Bool("refused", false, "print migrations that are not compiled")
)

// Compiled programs agree with CUE's own evaluation on every random migration and value, both ways: the same value, or
// both refuse. KEYSHIFT_FUZZ=60s goes on with new seeds for that long.
func TestProgramsAgreeWithCUE(t *testing.T) {
	start := time.Now()
	seeds, more := *migrations, time.Duration(0)
	first := *firstSeed
	if text := os.Getenv("KEYSHIFT_FUZZ"); text != "" {
		var err error
		if more, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		first = uint64(start.UnixNano() / 1000)
	}
	sum := newTally()
	var lock sync.Mutex
	var group sync.WaitGroup
	const batch, workers, values = 10, 2, 6
	next := func() (uint64, bool) {
		lock.Lock()
		defer lock.Unlock()
		seed := first
		first += batch
		done := int(seed-*firstSeed) >= seeds
		if more > 0 {
			done = time.Since(start) > more
		}
		return seed, !done && len(sum.disagreements) < *stopAfter
	}
	for range workers {
		group.Go(func() {
			for seed, ok := next(); ok; seed, ok = next() {
				var some []uint64
				for i := range uint64(batch) {
					some = append(some, seed+i)
				}
				result := check(some, values)
				lock.Lock()
				sum.add(result)
				lock.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("%s%.0f migrations/s", sum, float64(sum.migrations)/time.Since(start).Seconds())
	if len(sum.disagreements) > 0 {
		t.Errorf("%s", strings.Join(sum.disagreements, "\n\n"))
	}
}

// FuzzMigration compares the migration of a seed with CUE.
func FuzzMigration(f *testing.F) {
	for seed := range uint64(5) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		for _, d := range check([]uint64{seed}, 4).disagreements {
			t.Error(d)
		}
	})
}

// signedZero is what CUE prints of -3*0: it keeps the sign of a decimal zero, also of an integer.
var signedZero = regexp.MustCompile(`-(0(?:[.]0+)?)([^0-9.]|$)`)

// equal compares two JSON texts by value, numbers as decimals.
func equal(rt *rapid.T, a, b string) bool {
	x, errX := fromJSON(a)
	y, errY := fromJSON(b)
	if errX != nil || errY != nil {
		rt.Fatalf("%v %v", errX, errY)
	}
	return same(x, y)
}
