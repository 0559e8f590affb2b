package keyspace

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

//go:embed discard.lua
var discardText string

var (
	discardScript = newScript(discardText)

	// unlinkScript does on a key of ours what a discard will do on the application's: KEYS lease, string; ARGV token.
	unlinkScript = newScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], '1', 'PX', 1000)
redis.call('UNLINK', KEYS[2])
return 1`)
)

// Discard unlinks every unit of a keyspace that a version does not take, under live writers, and returns once a full
// pass found none. Each is unlinked only while it is still what was read of it. Units that fit no version stay byte for
// byte and are counted. Outcome.Rewritten is how many were unlinked. Keep, which may be nil, has each before it goes.
//
// Report and the errors are those of Rewrite.
func (s *Store) Discard(ctx context.Context, l *Lease, job Job, keep Journal, report func(Progress)) (Outcome, error) {
	d, err := s.newDiscard(ctx, l, job, keep, report)
	if err != nil {
		return Outcome{}, err
	}
	for round := range maxPasses {
		left, err := d.pass(ctx)
		if err != nil {
			return d.outcome, err
		}
		if left == 0 {
			return d.outcome, nil
		}
		if err := pause(ctx, time.Duration(round)*10*time.Millisecond); err != nil {
			return d.outcome, classify(ctx, s.name, "between two passes", err)
		}
	}
	return d.outcome, &Error{
		Reason: NotConverging, Wait: true, Store: s.name,
		Err:  fmt.Errorf("keyspace %q: after %d passes there are still units that %s does not take", job.Keyspace.Name, maxPasses, job.To),
		Hint: "find out what still writes another version",
	}
}

// discard is a running Discard.
type discard struct {
	store   *Store
	lease   *Lease
	job     Job
	keep    Journal
	routes  []route
	pace    *pace
	report  func(Progress)
	outcome Outcome

	keys     int64 // in the store when the pass began
	reported time.Time
}

func (s *Store) newDiscard(ctx context.Context, l *Lease, job Job, keep Journal, report func(Progress)) (*discard, error) {
	routes, err := s.prepare(job)
	if err != nil {
		return nil, err
	}
	if err := s.fenced(ctx, s.client, "trying what a discard needs", unlinkScript, l, []string{Prefix + "rights:unlink:" + l.token}); err != nil {
		return nil, err
	}
	p := paceOf(job.Keyspace.Policy)
	if p.latency, err = l.latency(ctx); err != nil {
		return nil, err
	}
	if report == nil {
		report = func(Progress) {}
	}
	return &discard{store: s, lease: l, job: job, keep: keep, routes: routes, pace: p, report: report}, nil
}

// pass walks over the store once and returns how many units it wanted gone; at least one if it was not a whole pass
// that one server process answered.
func (d *discard) pass(ctx context.Context) (wanted int64, err error) {
	before, err := d.store.node(ctx)
	if err != nil {
		return 0, err
	}
	if d.keys, err = d.store.client.DBSize(ctx).Result(); err != nil {
		return 0, classify(ctx, d.store.name, "asking for the number of keys", err)
	}
	t, looked := newTallies(1)[0], int64(0)
	sweep := d.store.newSweep(d.routes, 0, d.pace)
	for {
		p, err := sweep.next(ctx)
		if err != nil {
			return 0, classify(ctx, d.store.name, "reading the keyspace", err)
		}
		if p == nil {
			break
		}
		old := d.choose(p, t)
		d.pace.carried(sizeOf(p.units))
		wanted, looked = wanted+int64(len(old)), looked+p.looked
		if err := d.unlink(ctx, old); err != nil {
			return 0, err
		}
		d.tell(t, looked, time.Since(d.reported) >= reportEvery)
	}
	after, err := d.store.node(ctx)
	if err != nil {
		return 0, err
	}
	if after.runID != before.runID {
		wanted = max(wanted, 1)
	}
	d.outcome.Scanned, d.outcome.Unfit = t.total, t.counts[state.Unfit]
	d.outcome.Counts, d.outcome.Samples = t.result(), t.samples
	d.tell(t, d.keys, true)
	return wanted, nil
}

func (d *discard) tell(t *tally, looked int64, due bool) {
	if due {
		d.reported = time.Now()
		d.report(Progress{
			Scanned: t.total, Rewritten: d.outcome.Rewritten, Conflicts: d.outcome.Conflicts, Unfit: t.counts[state.Unfit],
			Estimate: estimate(d.keys, looked, t.total),
		})
	}
}

// choose counts the units of a page and returns those to unlink.
func (d *discard) choose(p *page, t *tally) (old []unit) {
	for _, u := range p.units {
		if u.gone {
			continue
		}
		class, reason := d.routes[0].classify(u)
		if t.add(u.target.key, class) && class == state.Unfit {
			t.sample(u.target.key, reason)
		}
		if d.wants(class) {
			old = append(old, u)
		}
	}
	return old
}

func (d *discard) wants(class state.Class) bool { return class != state.Unfit && !class.Has(d.job.To) }

// unlink keeps units and unlinks them. A conflict is read again, kept again and tried again; so is a batch whose answer
// was lost. What is left after some rounds is hot: the next pass sees it.
func (d *discard) unlink(ctx context.Context, units []unit) error {
	for round := 0; len(units) > 0; round++ {
		if err := d.journal(ctx, units); err != nil {
			return err
		}
		var again []unit
		for batch := range unitBatches(units, d.pace.batch()) {
			left, err := d.send(ctx, batch)
			if err != nil {
				return err
			}
			again = append(again, left...)
		}
		if len(again) == 0 || round == conflictRounds {
			return nil
		}
		targets := make([]target, len(again))
		for i := range again {
			targets[i] = again[i].target
		}
		fresh, err := d.store.reread(ctx, d.routes, targets)
		if err != nil {
			return err
		}
		units = slices.DeleteFunc(fresh, func(u unit) bool {
			class, _ := d.routes[0].classify(u)
			if u.gone {
				d.outcome.Gone++
			}
			return u.gone || !d.wants(class)
		})
	}
	return nil
}

// unitBatches cuts units into script calls of at most n and about callBytes.
func unitBatches(units []unit, n int) func(yield func([]unit) bool) {
	return func(yield func([]unit) bool) {
		start, bytes := 0, 0
		for i := range units {
			bytes += units[i].bytes()
			if i+1-start >= n || bytes >= callBytes || i == len(units)-1 {
				if !yield(units[start : i+1]) {
					return
				}
				start, bytes = i+1, 0
			}
		}
	}
}

// send does one script call and returns the units that are to be read again.
func (d *discard) send(ctx context.Context, batch []unit) (again []unit, err error) {
	if err := d.lease.check(); err != nil {
		return nil, err
	}
	s := d.store
	keys, args := encodeUnits(batch)
	started := time.Now()
	answer, err := s.run(ctx, s.client, discardScript, append([]string{d.lease.key}, keys...), append([]any{d.lease.token}, args...)...).Slice()
	if unknown(err) && ctx.Err() == nil {
		return batch, nil
	}
	if err != nil {
		return nil, classify(ctx, s.name, "unlinking", err)
	}
	res, err := decode(answer, len(batch))
	if errors.Is(err, errFence) {
		return nil, d.lease.lose()
	}
	if err != nil {
		return nil, &Error{Reason: StoreUnsupported, Store: s.name, Err: err, Hint: "report this with the server's version"}
	}
	if res.blocked == 0 {
		res.blocked = time.Since(started) - d.pace.latency
	}
	d.pace.wrote(len(batch), res.blocked)
	for i, c := range res.codes {
		switch c {
		case codeDone:
			d.outcome.Rewritten++
		case codeConflict:
			d.outcome.Conflicts++
			again = append(again, batch[i])
		case codeGone:
			d.outcome.Gone++
		case codeType, codeError:
		}
	}
	if len(res.words) > 0 {
		return nil, classifyAnswer(s.name, "unlinking a unit", res.words[0])
	}
	return again, nil
}

func sizeOf(units []unit) (n int64) {
	for i := range units {
		n += int64(units[i].bytes())
	}
	return n
}

// encodeUnits writes units as the arguments of discard.lua, without the lease.
func encodeUnits(units []unit) (keys []string, args []any) {
	for i := range units {
		u := &units[i]
		keys = append(keys, u.target.key)
		if !u.IsHash() {
			args = append(args, "string", u.Text)
			continue
		}
		args = append(args, "hash", strconv.Itoa(len(u.Fields)))
		for _, f := range u.Fields {
			args = append(args, f.Name, f.Value)
		}
	}
	return keys, args
}

// journal appends units to the undo log. When they expire is asked for after they were read; a unit that got another
// time to live since, and nothing else, is kept with the newer one.
func (d *discard) journal(ctx context.Context, units []unit) error {
	if d.keep == nil {
		return nil
	}
	expire, err := d.store.expiries(ctx, units)
	if err != nil {
		return err
	}
	images := make([]Preimage, len(units))
	for i, u := range units {
		class, _ := d.routes[0].classify(u)
		versions := class.Versions()
		images[i] = Preimage{
			Keyspace: d.job.Keyspace.Name, Job: d.job.ID, From: versions[len(versions)-1], To: d.job.To,
			Before: u.Unit, After: transform.Unit{}, ExpireAt: expire[i],
		}
	}
	if err := d.keep.Append(ctx, images); err != nil {
		return fmt.Errorf("keeping what is discarded: %w", err)
	}
	return nil
}

// expiries returns when keys expire, in Unix milliseconds, 0 for those that do not. A server that does not tell (Redis
// before 7.0) is asked how long they have left.
func (s *Store) expiries(ctx context.Context, units []unit) ([]int64, error) {
	at, err := s.askExpiries(ctx, units, redis.Pipeliner.PExpireTime, 0)
	if err != nil && !unknown(err) && strings.Contains(err.Error(), "unknown command") {
		at, err = s.askExpiries(ctx, units, redis.Pipeliner.PTTL, time.Now().UnixMilli())
	}
	return at, classify(ctx, s.name, "asking when keys expire", err)
}

func (s *Store) askExpiries(ctx context.Context, units []unit, ask func(redis.Pipeliner, context.Context, string) *redis.DurationCmd, from int64) ([]int64, error) {
	out := make([]int64, len(units))
	return out, s.retry(ctx, func() error {
		pipe := s.client.Pipeline()
		answers := make([]*redis.DurationCmd, len(units))
		for i, u := range units {
			answers[i] = ask(pipe, ctx, u.target.key)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		for i, a := range answers {
			if a.Val() > 0 {
				out[i] = from + a.Val().Milliseconds()
			}
		}
		return nil
	})
}
