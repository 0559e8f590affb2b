package keyspace

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Lease is the right to rewrite one keyspace. It is renewed in the background until Release. Every write made
// under it compares its token on the server, so that a holder that was paused past its lease can write nothing.
type Lease struct {
	store            *Store
	system, keyspace string
	key, token       string

	cancel  context.CancelFunc // ends the renewal
	stopped chan struct{}      // closed once it ended
	lost    chan struct{}      // closed once the lease is known to be lost
	once    sync.Once
}

func leaseKey(system, keyspace string) string { return Prefix + "lease:" + system + ":" + keyspace }

// Acquire takes the lease of a keyspace, or fails with *HeldError if somebody holds it.
func (s *Store) Acquire(ctx context.Context, system, keyspace string) (*Lease, error) {
	l := &Lease{
		store: s, system: system, keyspace: keyspace, key: leaseKey(system, keyspace),
		token: rand.Text() + " " + s.options.Holder, stopped: make(chan struct{}), lost: make(chan struct{}),
	}
	doing := fmt.Sprintf("taking the lease of keyspace %q", keyspace)
	taken, err := s.client.SetNX(ctx, l.key, l.token, s.options.LeaseTTL).Result()
	if unknown(err) {
		// It may have been taken by the very command whose answer was lost: the token tells.
		var now string
		now, err = s.client.Get(ctx, l.key).Result()
		taken = now == l.token
		if errors.Is(err, redis.Nil) {
			err = nil
		}
	}
	if err != nil {
		return nil, classify(ctx, s.name, doing, err)
	}
	if !taken {
		return nil, s.held(ctx, l)
	}
	renewal, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	go l.renew(renewal)
	return l, nil
}

// AcquireWait takes the lease as soon as nobody holds it. It ends with ctx, and then tells who held it last.
func (s *Store) AcquireWait(ctx context.Context, system, keyspace string) (*Lease, error) {
	for {
		l, err := s.Acquire(ctx, system, keyspace)
		held, isHeld := errors.AsType[*HeldError](err)
		if !isHeld {
			return l, err
		}
		select {
		case <-time.After(min(max(held.Expires/4, 20*time.Millisecond), time.Second)):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", held, context.Cause(ctx))
		}
	}
}

// held tells who holds a lease.
func (s *Store) held(ctx context.Context, l *Lease) error {
	pipe := s.client.Pipeline()
	token, left := pipe.Get(ctx, l.key), pipe.PTTL(ctx, l.key)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return classify(ctx, s.name, fmt.Sprintf("reading who holds keyspace %q", l.keyspace), err)
	}
	_, holder, _ := strings.Cut(token.Val(), " ")
	return &HeldError{Keyspace: l.keyspace, Holder: holder, Expires: max(left.Val(), 0)}
}

// renew keeps the lease until it is released or lost. An unreachable store is asked again until the lease
// must have expired there.
func (l *Lease) renew(ctx context.Context) {
	defer close(l.stopped)
	ttl := l.store.options.LeaseTTL
	tick := time.NewTicker(ttl / 6)
	defer tick.Stop()
	good := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		n, err := l.store.run(ctx, l.store.client, renewScript, []string{l.key}, l.token, ttl.Milliseconds()).Int()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && n == 1:
			good = asked
		case err == nil, time.Since(good) > ttl:
			_ = l.lose() // whoever writes next is told
			return
		}
	}
}

// Lost is closed once the lease is known to be lost: it expired, or somebody else has it.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// lose marks the lease as lost and returns the error that says so.
func (l *Lease) lose() error {
	l.once.Do(func() { close(l.lost) })
	return &Error{
		Reason: LeaseLost, Wait: true, Store: l.store.name,
		Err:  fmt.Errorf("the lease of keyspace %q was lost: it expired or was taken over", l.keyspace),
		Hint: "nothing was written since; observe and plan again",
	}
}

// check returns the error of a lost lease, nil while it may still be ours.
func (l *Lease) check() error {
	select {
	case <-l.lost:
		return l.lose()
	default:
		return nil
	}
}

// confirm asks the server whether the lease is ours, and renews it.
func (l *Lease) confirm(ctx context.Context) error {
	if err := l.check(); err != nil {
		return err
	}
	return l.store.fenced(ctx, l.store.client, "confirming the lease", renewScript, l, nil, l.store.options.LeaseTTL.Milliseconds())
}

// latency measures a write that does next to nothing, the store's fsync included: the best of three.
func (l *Lease) latency(ctx context.Context) (time.Duration, error) {
	best := time.Hour
	for range 3 {
		started := time.Now()
		if err := l.confirm(ctx); err != nil {
			return 0, err
		}
		best = min(best, time.Since(started))
	}
	return best, nil
}

// Release gives the lease back, if it is still ours. It may be called with a context that is done already.
func (l *Lease) Release(ctx context.Context) error {
	l.cancel()
	<-l.stopped
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.store.options.Timeout)
	defer cancel()
	err := l.store.run(ctx, l.store.client, releaseScript, []string{l.key}, l.token).Err()
	return classify(ctx, l.store.name, fmt.Sprintf("releasing the lease of keyspace %q", l.keyspace), err)
}
