package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// Application is a service that keeps values in Redis while it is rolled out: any number of pods, each in
// the release it was started with. Seed it, run a pod for as long as its pod object exists, call Turn when
// the desired versions change direction, and Check at the end.
//
//	app := demo.NewApplication(demo.Sessions(), demo.Carts())
//	err := app.Seed(ctx, client, "1.0.0", 20_000)
//	go app.RunPod(ctx, release, client, 1)
//	report, err := app.Check(ctx, client)
//
// All pods must run in one process, because the journal that decides what was lost lives in its memory.
// Clients must not retry commands (see Dial).
type Application struct {
	Workers   int           // of each pod; 2 if zero
	Pause     time.Duration // of a worker between two operations; 4 ms if zero
	Tolerance time.Duration // of expiry times; zero for a real server, which keeps them to the millisecond

	models  []Model
	retired []Model
	journal *journal
	count   int // units seeded of each model
	gate    sync.RWMutex
	stats   stats
}

// NewApplication returns an application that keeps values of these models.
func NewApplication(models ...Model) *Application {
	return &Application{models: slices.Clone(models), journal: newJournal()}
}

// Turn tells that data may now be migrated the other way, so that a value written before may have been
// through both #up and #down when it is read.
func (a *Application) Turn() { a.journal.turns.Add(1) }

// Retire tells that the values of a keyspace are gone for good: Check finds fault with every key of it that is left. No
// release that uses it may run.
func (a *Application) Retire(keyspace string) {
	a.gate.Lock()
	defer a.gate.Unlock()
	of := func(m Model) bool { return m.Keyspace == keyspace }
	if i := slices.IndexFunc(a.models, of); i >= 0 {
		a.retired = append(a.retired, a.models[i])
		a.models = slices.DeleteFunc(slices.Clone(a.models), of)
	}
}

// seedBatch is how many keys one pipeline seeds or checks.
const seedBatch = 500

// Seed writes n units of each model at a version: a third of them expire in some hours, a quarter of those
// at V1 have the old field. No pod may run yet.
func (a *Application) Seed(ctx context.Context, c redis.Cmdable, v state.Version, n int) error {
	a.count = n
	rng := rand.New(rand.NewPCG(1, 2))
	for _, m := range a.models {
		for from := 0; from < n; from += seedBatch {
			if err := a.seed(ctx, c, m, v, from, min(from+seedBatch, n), rng); err != nil {
				return fmt.Errorf("seed %s: %w", m.Keyspace, err)
			}
		}
	}
	return nil
}

func (a *Application) seed(ctx context.Context, c redis.Cmdable, m Model, v state.Version, from, to int, rng *rand.Rand) error {
	pipe := c.Pipeline()
	for i := from; i < to; i++ {
		key := m.key(i)
		h := a.journal.of(key)
		w := a.journal.intend(h, 0, v, m.fresh(i, v, rng), false)
		value := m.encode(v, w.content)
		if m.Type == state.Hash {
			pipe.HSet(ctx, key, pairs(value.hash)...)
		} else {
			pipe.Set(ctx, key, value.text, 0)
		}
		if i%3 == 0 {
			h.expire = expiry(rng)
			pipe.PExpireAt(ctx, key, time.UnixMilli(h.expire))
		}
		a.journal.acknowledge(h, key, w)
	}
	_, err := pipe.Exec(ctx)
	return err
}

// expiry returns a time some hours from now: nothing expires while the application runs.
func expiry(rng *rand.Rand) int64 {
	return time.Now().Add(2*time.Hour).UnixMilli() + rng.Int64N(100_000_000)
}

// names are what people are called; the mark of a write follows.
var names = []string{"Ada", "Grace", "Edsger", "Barbara", "Donald", "Frances", "Tony", "Radia", "Müller", "李"}

// fresh returns the content of a new unit at a version.
func (m Model) fresh(i int, v state.Version, rng *rand.Rand) content {
	c := content{user: strconv.Itoa(i), text: names[i%len(names)], clock: moment(rng)}
	if rng.IntN(4) == 0 {
		c[old] = "x" + strconv.Itoa(rng.IntN(1000))
	}
	if m.Type == state.String {
		c[lines] = items(rng)
	}
	if v != V1 {
		c = m.convert(c, V1, v)
	}
	return c
}

func moment(rng *rand.Rand) string {
	return strconv.FormatInt(1_700_000_000_000+rng.Int64N(50_000_000_000), 10)
}

func items(rng *rand.Rand) string {
	return fmt.Sprintf(`[{"sku":"A-%d","qty":%d},{"sku":"B","qty":1}]`, rng.IntN(100), 1+rng.IntN(5))
}

// change returns what a pod writes where it read c: every write changes the text (see signed), many the
// converted field, some the dropped and the added one.
func (m Model) change(c content, v state.Version, rng *rand.Rand) content {
	if rng.IntN(2) == 0 {
		c[clock] = moment(rng)
		if v != V1 {
			c[clock] = strconv.FormatInt(number(c[clock])/1000, 10)
		}
	}
	if v == V1 && rng.IntN(3) == 0 {
		c[old] = []string{"", "y" + strconv.Itoa(rng.IntN(1000))}[rng.IntN(2)]
	}
	if v != V1 && rng.IntN(4) == 0 {
		c[added] = []string{m.fill, m.other}[rng.IntN(2)]
	}
	if m.Type == state.String && rng.IntN(3) == 0 {
		c[lines] = items(rng)
	}
	return c
}
