package keyspace

import (
	"context"
	"errors"
	"sync"
	"time"

	"keyshift.dev/transform"
)

// laneWorkers is how many lane calls are on their way at once, so that the server has one to do while we look at the
// answer to another.
const laneWorkers = 2

// laneTrial is after how many keys a lane is given up if it converts few of them.
const laneTrial = 2000

// lane returns the first path to the job's version that runs beside the data, nil if there is none: the units of a
// keyspace are mostly of one version, and the newest one before the target is the likeliest.
func (r *rewrite) lane() *lane {
	if r.job.Compare || r.rule != nil || !r.logged.empty() || r.job.Share > 0 && r.job.Share < 1 {
		return nil
	}
	guard := transform.GuardWhole
	if r.job.Sound {
		guard = transform.GuardTouched
	}
	shapes := r.job.Keyspace.Shapes
	for i := len(shapes) - 1; i >= 0; i-- {
		if shapes[i].Version == r.job.To {
			continue
		}
		options := transform.LaneOptions{Guard: guard, MaxText: r.laneText(), FieldTTL: r.store.fading}
		if l, reason := newLane(r.goal.programs, shapes[i].Version, r.job.To, options); reason == "" {
			return l
		}
	}
	return nil
}

// laneText is how long a text may be that a lane makes. A lane makes at most forty, so that no unit grows beyond what can
// be read.
func (r *rewrite) laneText() int { return int(max(min(r.store.options.MaxValue/64, 64<<10), 1)) }

// laneCall is one call of a lane, before and after.
type laneCall struct {
	keys    []target
	looked  int64
	codes   []code
	blocked time.Duration
	err     error
}

// lanePass walks over the store once and lets the server convert what it can. What it cannot, is read, decided and
// written here. It returns early, without an error, where the lane does little: the passes that follow do all.
func (r *rewrite) lanePass(ctx context.Context, l *lane) error {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	todo, done := make(chan laneCall, laneWorkers), make(chan laneCall, laneWorkers)
	scanned := make(chan error, 1)
	go func() {
		defer close(todo)
		scanned <- r.scanKeys(inner, todo)
	}()
	var workers sync.WaitGroup
	for range laneWorkers {
		workers.Go(func() { r.callLane(inner, l, todo, done) })
	}
	go func() {
		workers.Wait()
		close(done)
	}()
	err := r.takeLane(ctx, done, stop)
	stop()
	for going := true; going; { // let the workers end
		_, going = <-done
	}
	scanErr := <-scanned
	if errors.Is(err, errLaneIdle) {
		return nil
	}
	if err == nil && scanErr != nil {
		return classify(ctx, r.store.name, "scanning for keys", scanErr)
	}
	return err
}

// errLaneIdle ends a lane that converts few units.
var errLaneIdle = errors.New("the lane converts few units")

// scanKeys sends the keys of the keyspace in calls of the size that the pace allows.
func (r *rewrite) scanKeys(ctx context.Context, todo chan<- laneCall) error {
	var call laneCall
	for cursor := uint64(0); ; {
		var keys []string
		next := cursor
		err := r.store.retry(ctx, func() (err error) {
			keys, next, err = r.store.client.Scan(ctx, cursor, "", int64(r.pace.page())).Result()
			return err
		})
		if err != nil {
			return err
		}
		for _, key := range keys {
			call.looked++
			if find(r.routes, key) < 0 {
				continue
			}
			if call.keys = append(call.keys, target{key: key, mode: readHash}); len(call.keys) >= r.pace.batch() {
				if err := sendCall(ctx, todo, &call); err != nil {
					return err
				}
				if err := r.pace.rest(ctx, 0); err != nil { // what was called meanwhile has its time
					return err
				}
			}
		}
		if cursor = next; cursor == 0 {
			return sendCall(ctx, todo, &call)
		}
	}
}

func sendCall(ctx context.Context, todo chan<- laneCall, call *laneCall) error {
	select {
	case todo <- *call:
		*call = laneCall{}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// callLane makes the calls.
func (r *rewrite) callLane(ctx context.Context, l *lane, todo <-chan laneCall, done chan<- laneCall) {
	for call := range todo {
		keys := make([]string, len(call.keys))
		for i := range call.keys {
			keys[i] = call.keys[i].key
		}
		if call.err = r.job.hold(ctx, r.store.name); call.err == nil {
			started := time.Now()
			call.codes, call.err = r.store.runLane(ctx, r.lease, l, keys, func(_ int, d time.Duration) { call.blocked = d })
			if call.blocked == 0 {
				call.blocked = time.Since(started) - r.pace.latency
			}
		}
		select {
		case done <- call:
		case <-ctx.Done():
			return
		}
	}
}

// takeLane counts what became of the keys and converts here what the lane left.
func (r *rewrite) takeLane(ctx context.Context, done <-chan laneCall, stop func()) error {
	var seen, looked int64
	defer func() { r.report(r.progress(work{scanned: seen, looked: looked})) }()
	for call := range done {
		left := call.keys
		if !errors.Is(call.err, errUnsettled) {
			left = r.settleLane(&call)
			if call.err != nil {
				return call.err
			}
			r.pace.wrote(len(call.keys), call.blocked)
		}
		seen, looked = seen+int64(len(call.keys)), looked+call.looked
		if err := r.fallBack(ctx, left, call.err != nil); err != nil {
			return err
		}
		r.tell(work{scanned: seen, looked: looked})
		if seen > laneTrial && r.outcome.Rewritten+r.outcome.Already < seen/2 {
			stop()
			return errLaneIdle
		}
	}
	return context.Cause(ctx)
}

// settleLane counts the codes of a call and returns the keys that are to be read.
func (r *rewrite) settleLane(call *laneCall) (left []target) {
	for i, code := range call.codes {
		switch code {
		case codeDone:
			r.outcome.Rewritten++
			r.outcome.Beside++
		case codeAlready:
			r.outcome.Already++
		case codeGone:
			r.outcome.Gone++
		default:
			left = append(left, call.keys[i])
		}
	}
	return left
}

// fallBack reads keys and writes what they need, as every pass does that has no lane.
func (r *rewrite) fallBack(ctx context.Context, keys []target, lost bool) error {
	if len(keys) == 0 {
		return nil
	}
	units, err := r.store.reread(ctx, r.routes, keys)
	if err != nil {
		return err
	}
	var changes []change
	var room transform.Room
	for i := range units {
		u := &units[i]
		if u.gone || u.unfit != "" {
			continue // the next pass counts it as it finds it
		}
		var c change
		switch v := r.goal.decide(u, u.Unit, 0, &c, &room); {
		case v.wanted:
			changes = append(changes, c)
		case lost && v.class.Has(r.job.To):
			r.outcome.Rewritten++ // by the call whose answer was lost, or before: it cannot be told
		case v.class.Has(r.job.To):
			r.outcome.Already++
		}
	}
	return r.write(ctx, changes)
}
