package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"keyshift.dev/keyspace"
)

// Run measures and returns the table. Tell, which may be nil, is called with a line for people after each lane. The
// error says what could not be measured, and what to do.
func Run(ctx context.Context, o Options, tell func(line string)) (Result, error) {
	if err := o.validate(); err != nil {
		return Result{}, err
	}
	o = o.withDefaults()
	if tell == nil {
		tell = func(string) {}
	}
	s, err := findServer(ctx, o.Redis)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	alone := false
	if s.own {
		restore, ok := apart(s.pid)
		if alone = ok; ok {
			defer restore()
		}
	}
	store, err := keyspace.Open(ctx, keyspace.Options{Store: "bench", Address: s.address, Holder: system, Timeout: time.Minute})
	if err != nil {
		return Result{}, err
	}
	defer store.Close()
	r := &rig{server: s, options: o, store: store}
	if o.Memory {
		return r.compareMemory(ctx, tell)
	}
	runs, err := r.rounds(ctx, chosen(o.Only), tell)
	if err != nil {
		return Result{}, err
	}
	result := r.table(chosen(o.Only), runs)
	result.Alone = alone
	result.Redis, err = r.version(ctx)
	return result, err
}

// measured is what one lane came to in one round.
type measured struct {
	pass  *Figures // nil if it has no pass of its own
	whole Figures
}

// first is what is compared with the baseline: the pass that writes, where there is another behind it.
func (m measured) first() Figures {
	if m.pass != nil {
		return *m.pass
	}
	return m.whole
}

// rounds measures every lane once a round, every other round from the last to the first, so that a machine that
// becomes slower or faster does it to all of them. The runs are by name, in the order of the rounds.
func (r *rig) rounds(ctx context.Context, all []lane, tell func(string)) (map[string][]measured, error) {
	runs := map[string][]measured{}
	for round := range r.options.Rounds {
		order := slices.Clone(all)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, l := range order {
			m, err := r.measure(ctx, l)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.name, err)
			}
			runs[l.name] = append(runs[l.name], m)
			tell(fmt.Sprintf("round %d of %d: %-12s %9s keys/s", round+1, r.options.Rounds, l.name, thousands(m.first().Rate)))
		}
	}
	return runs, nil
}

// measure writes the data, runs a lane, looks at what it left, and removes it.
func (r *rig) measure(ctx context.Context, l lane) (m measured, err error) {
	n := r.options.Keys
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if failed := r.clear(clean, l.data, n); err == nil {
			err = failed
		}
	}()
	if err := r.fill(ctx, l.data, n); err != nil {
		return m, err
	}
	meter, err := r.begin(ctx, n)
	if err != nil {
		return m, err
	}
	if err := l.run(ctx, r, meter); err != nil {
		return m, err
	}
	m.pass = meter.passed
	if m.whole, err = meter.now(ctx); err != nil || l.result == nil {
		return m, err
	}
	return m, r.check(ctx, l.result(), l.data, n)
}
