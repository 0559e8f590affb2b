package keyspace

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

//go:embed lua/discard.lua
var discardLua string

var (
	discardScript = newScript(fence + prelude + discardLua)

	// unlinkScript does on a key of ours what a discard will do on the application's: KEYS lease, string; ARGV token.
	unlinkScript = newScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], '1', 'PX', 1000)
redis.call('UNLINK', KEYS[2])
return 1`)
)

// Discard deletes every unit of a keyspace that a version does not take, under live writers, and returns once a full
// pass found none. Each goes only while it is still what was read of it, and after Job.Journal has it. Units that fit no
// version stay byte for byte and are counted. Without a version (Job.To is empty: the keyspace was taken out of the spec)
// every unit goes that fits one. Outcome.Rewritten is how many went. Entries of streams are not discarded.
//
// Report and the errors are those of Rewrite.
func (s *Store) Discard(ctx context.Context, l *Lease, job Job, report func(Progress)) (Outcome, error) {
	d, err := s.newDiscard(ctx, l, job, report)
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
	left := "units that " + string(job.To) + " does not take"
	if job.To == "" {
		left = "units"
	}
	return d.outcome, &Error{
		Reason: NotConverging, Wait: true, Store: s.name,
		Err:  fmt.Errorf("keyspace %q: after %d passes there are still %s", job.Keyspace.Name, maxPasses, left),
		Hint: "find out what still writes them",
	}
}

// discard is a running Discard.
type discard struct {
	store   *Store
	lease   *Lease
	job     Job
	routes  []route
	pace    *pace
	report  func(Progress)
	outcome Outcome

	keys     int64 // in the store when the pass began
	reported time.Time
}

func (s *Store) newDiscard(ctx context.Context, l *Lease, job Job, report func(Progress)) (*discard, error) {
	routes, err := s.routesOf(job)
	if err != nil {
		return nil, err
	}
	if job.logless() {
		return nil, stateMissing(s.name, job, "what is deleted does not come back")
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
	return &discard{store: s, lease: l, job: job, routes: routes, pace: p, report: report}, nil
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

// leaving is a unit that is to go.
type leaving struct {
	target
	transform.Unit
	from state.Version
}

// choose counts the units of a page and returns those that are to go.
func (d *discard) choose(p *page, t *tally) (old []leaving) {
	for i := range p.units {
		u := &p.units[i]
		countUnits(d.routes, []*tally{t}, u)
		old = d.chosen(old, u)
	}
	return old
}

// chosen adds the units of a key that are to go.
func (d *discard) chosen(old []leaving, u *unit) []leaving {
	if u.gone || u.unfit != "" {
		return old
	}
	u.units(func(part transform.Unit, _ int, repeated bool) {
		class, _ := d.routes[0].classify(part)
		if class == state.Unfit || class.Has(d.job.To) || repeated || kindIn(part) == state.Stream {
			return
		}
		versions := class.Versions()
		old = append(old, leaving{target: u.target, Unit: part, from: versions[len(versions)-1]})
	})
	return old
}

// unlink logs units and deletes them. A whole key in conflict is read again, logged again and tried again; so is one
// whose answer was lost. What is left after some rounds is hot, and what is left of parts has changed: the next pass
// sees it.
func (d *discard) unlink(ctx context.Context, units []leaving) error {
	for round := 0; len(units) > 0; round++ {
		if err := d.job.hold(ctx, d.store.name); err != nil {
			return err
		}
		if err := d.log(ctx, units); err != nil {
			return err
		}
		var again []target
		for batch := range leavingBatches(units, d.pace.batch) {
			left, err := d.send(ctx, batch)
			if err != nil {
				return err
			}
			again = append(again, left...)
		}
		if len(again) == 0 || round == conflictRounds {
			return nil
		}
		fresh, err := d.store.reread(ctx, d.routes, again)
		if err != nil {
			return err
		}
		units = units[:0]
		for i := range fresh {
			if fresh[i].gone {
				d.outcome.Gone++
			}
			units = d.chosen(units, &fresh[i])
		}
	}
	return nil
}

// leavingBatches cuts units into script calls of at most so many as size says then, and of about callBytes.
func leavingBatches(units []leaving, size func() int) func(yield func([]leaving) bool) {
	return func(yield func([]leaving) bool) {
		start, bytes, n := 0, 0, size()
		for i := range units {
			bytes += textBytes(units[i].Unit)
			if i+1-start >= n || bytes >= callBytes || i == len(units)-1 {
				if !yield(units[start : i+1]) {
					return
				}
				start, bytes, n = i+1, 0, size()
			}
		}
	}
}

// send does one script call and returns the keys that are to be read again.
func (d *discard) send(ctx context.Context, batch []leaving) (again []target, err error) {
	if err := d.lease.check(); err != nil {
		return nil, err
	}
	s := d.store
	keys, args := encodeLeaving(batch)
	head := []any{d.lease.token, "", "0", "0"}
	if s.fading {
		head[1] = "F"
	}
	started := time.Now()
	answer, err := s.run(ctx, s.client, discardScript, append([]string{d.lease.key}, keys...), append(head, args...)...).Slice()
	if unknown(err) && ctx.Err() == nil {
		return wholeKeys(batch), nil
	}
	if err != nil {
		return nil, classify(ctx, s.name, "discarding", err)
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
	for i := range batch {
		d.pace.carried(int64(textBytes(batch[i].Unit)))
	}
	if len(res.words) > 0 {
		err = classifyAnswer(s.name, "discarding a unit", res.words[0])
	}
	return d.settle(batch, res), err
}

// settle counts what became of a batch and returns the keys that are to be read again.
func (d *discard) settle(batch []leaving, res result) (again []target) {
	for i, c := range res.codes {
		switch c {
		case codeDone:
			d.outcome.Rewritten++
		case codeConflict:
			d.outcome.Conflicts++
			again = append(again, wholeKeys(batch[i:i+1])...)
		case codeGone:
			d.outcome.Gone++
		case codeType, codeTaken, codeError:
		}
	}
	return again
}

// wholeKeys returns the targets of the units that are whole keys.
func wholeKeys(units []leaving) (out []target) {
	for i := range units {
		if kindIn(units[i].Unit).Whole() {
			out = append(out, units[i].target)
		}
	}
	return out
}

// encodeLeaving writes units as the arguments of lua/discard.lua.
func encodeLeaving(units []leaving) (keys []string, args []any) {
	for i := range units {
		u := &units[i]
		keys = append(keys, u.key)
		switch kind := kindIn(u.Unit); kind {
		case state.String, state.Hash:
			args = append(args, wholeArgs(u.Unit)...)
		case state.Map, state.SortedSet:
			args = append(args, string(kind), u.Fields[0].Value, u.Fields[1].Value)
		default:
			args = append(args, string(kind), u.Text)
		}
	}
	return keys, args
}

// log appends units to the undo log. When their keys expire is asked for after they were read: one that got another time
// to live since, and nothing else, is logged with the newer one.
func (d *discard) log(ctx context.Context, units []leaving) error {
	if d.job.Journal == nil {
		return nil // allowed at the beginning
	}
	expire, err := d.store.expiries(ctx, units)
	if err != nil {
		return err
	}
	images := make([]Preimage, len(units))
	for i := range units {
		images[i] = Preimage{
			Keyspace: d.job.Keyspace.Name, Job: d.job.ID, From: units[i].from, To: d.job.To, Before: units[i].Unit, ExpireAt: expire[i],
		}
	}
	if err := d.job.Journal.Append(ctx, images); err != nil {
		return &Error{
			Reason: JournalFailed, Wait: true, Store: d.store.name, Err: err,
			Hint: "make room where the undo log is kept; nothing that was not logged has been deleted",
		}
	}
	d.outcome.Logged += int64(len(images))
	return nil
}

// expiries returns when the keys of units expire, in Unix milliseconds, 0 for those that do not. A server that does not
// tell is asked how long they have left.
func (s *Store) expiries(ctx context.Context, units []leaving) ([]int64, error) {
	out := make([]int64, len(units))
	err := s.retry(ctx, func() error {
		pipe, from := s.client.Pipeline(), int64(0)
		ask := pipe.PExpireTime
		if !s.tellsExpiry {
			ask, from = pipe.PTTL, time.Now().UnixMilli()
		}
		answers := make([]*redis.DurationCmd, len(units))
		for i := range units {
			answers[i] = ask(ctx, units[i].key)
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
	return out, classify(ctx, s.name, "asking when keys expire", err)
}
