package keyspace

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// Survey is what one pass over a store found.
type Survey struct {
	Live   []state.Live // sorted by keyspace, each with its profile; their Records are zero
	Census state.Census
}

// observer looks closer at a sample of the keys that a pass reads, and counts those that it does not. It asks the
// server in round trips of its own, a hundred keys each: of a million keys some six thousand.
type observer struct {
	store     *Store
	frequency bool // the server counts how often keys are used
	routes    []route
	profilers []*profiler // by route
	strangers *strangers
	started   time.Time
	waiting   []target // to be asked about
}

const askedAtOnce = 100

func (s *Store) newObserver(ctx context.Context, routes []route) (*observer, error) {
	memory, err := s.info(ctx, "memory")
	if err != nil {
		return nil, err
	}
	o := &observer{
		store: s, routes: routes, frequency: strings.Contains(memory["maxmemory_policy"], "lfu"),
		profilers: make([]*profiler, len(routes)), strangers: newStrangers(), started: time.Now(),
	}
	for i := range o.profilers {
		o.profilers[i] = newProfiler()
	}
	return o, nil
}

// info returns one section of INFO by name; nothing where the server does not know the section (the embedded one).
func (s *Store) info(ctx context.Context, section string) (map[string]string, error) {
	text, err := s.client.Info(ctx, section).Result()
	if err != nil && !unknown(err) && strings.Contains(err.Error(), "not supported") {
		return nil, nil
	}
	if err != nil {
		return nil, classify(ctx, s.name, "asking for INFO "+section, err)
	}
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			out[name] = value
		}
	}
	return out, nil
}

// page looks at one page of a pass. A key that is too large to be read is taken for the biggest.
func (o *observer) page(ctx context.Context, units []unit) error {
	for i := range units {
		u := &units[i]
		if u.gone || u.later {
			continue
		}
		bytes := int64(u.bytes())
		if u.mode == tooBig || u.mode == readPages {
			bytes = max(bytes, o.store.options.MaxValue)
		}
		if o.profilers[u.route].saw(u.target.key, bytes) {
			t := u.target
			t.key = strings.Clone(t.key)
			o.waiting = append(o.waiting, t)
		}
	}
	if len(o.waiting) < askedAtOnce {
		return nil
	}
	return o.ask(ctx)
}

// ask asks the server about the keys that wait.
func (o *observer) ask(ctx context.Context) error {
	if len(o.waiting) == 0 {
		return nil
	}
	err := o.store.retry(ctx, func() error {
		pipe := o.store.client.Pipeline()
		asked := o.store.askProfile(ctx, pipe, o.waiting, o.frequency)
		if _, err := pipe.Exec(ctx); unknown(err) {
			return err
		}
		for i, a := range asked {
			l, there, err := a.take()
			if err != nil {
				return err
			}
			if there {
				o.profilers[o.waiting[i].route].take(o.waiting[i].key, l)
			}
		}
		return nil
	})
	o.waiting = o.waiting[:0]
	return classify(ctx, o.store.name, "asking for memory and TTL of keys", err)
}

// profileQuestion is a closer look in flight.
type profileQuestion struct {
	bytes, freq *redis.IntCmd // freq is nil where the server does not count use
	ttl         *redis.DurationCmd
}

// askProfile adds to a pipeline what a profile asks about keys.
func (s *Store) askProfile(ctx context.Context, pipe redis.Pipeliner, keys []target, frequency bool) []profileQuestion {
	out := make([]profileQuestion, len(keys))
	for i, t := range keys {
		out[i].bytes, out[i].ttl = pipe.MemoryUsage(ctx, t.key, s.samples...), pipe.PTTL(ctx, t.key)
		if frequency {
			out[i].freq = pipe.ObjectFreq(ctx, t.key)
		}
	}
	return out
}

// take reads the answers about one key, and tells whether the key is there. That the server counts no use any more,
// because its policy was changed, is no error.
func (q profileQuestion) take() (l look, there bool, err error) {
	l = look{bytes: q.bytes.Val(), freq: -1, ttl: max(q.ttl.Val().Milliseconds(), 0)}
	if q.freq != nil && q.freq.Err() == nil {
		l.freq = q.freq.Val()
	}
	err = errors.Join(q.bytes.Err(), q.ttl.Err())
	if errors.Is(err, redis.Nil) || q.ttl.Val() == -2 { // go-redis leaves the answers of a missing key as they are
		return look{}, false, nil
	}
	return l, err == nil, err
}

// finish asks about the keys that still wait, and how big the biggest are.
func (o *observer) finish(ctx context.Context) ([]*state.Profile, error) {
	if err := o.ask(ctx); err != nil {
		return nil, err
	}
	out := make([]*state.Profile, len(o.profilers))
	for i, p := range o.profilers {
		big, err := o.measure(ctx, &o.routes[i], p.big)
		if err != nil {
			return nil, err
		}
		out[i] = p.result(big)
		out[i].Elapsed = time.Since(o.started).Milliseconds()
	}
	return out, nil
}

// measure asks how much memory keys take and how many elements they have. What is gone meanwhile is left out.
func (o *observer) measure(ctx context.Context, r *route, big []state.BigKey) ([]state.BigKey, error) {
	if len(big) == 0 {
		return nil, nil
	}
	var out []state.BigKey
	err := o.store.retry(ctx, func() error {
		pipe := o.store.client.Pipeline()
		bytes, lengths := make([]*redis.IntCmd, len(big)), make([][]*redis.IntCmd, len(big))
		for i, b := range big {
			bytes[i] = pipe.MemoryUsage(ctx, b.Key, o.store.samples...)
			lengths[i] = askElements(ctx, pipe, r.keyspace.Shapes, b.Key)
		}
		if _, err := pipe.Exec(ctx); unknown(err) {
			return err
		}
		out = out[:0]
		for i, b := range big {
			n, err := bytes[i].Result()
			if errors.Is(err, redis.Nil) {
				continue
			}
			if err != nil {
				return err
			}
			b.Bytes = n
			for _, l := range lengths[i] { // of the other types the answer is an error
				b.Elements = max(b.Elements, l.Val())
			}
			out = append(out, b)
		}
		return nil
	})
	return out, classify(ctx, o.store.name, "asking how big keys are", err)
}

// askElements asks for the number of elements in the ways of the Redis types that a keyspace has.
func askElements(ctx context.Context, pipe redis.Pipeliner, shapes []state.Shape, key string) []*redis.IntCmd {
	asked := map[string]*redis.IntCmd{}
	for _, shape := range shapes {
		command, known := lengthCommands[shape.Type]
		if known && asked[command] == nil {
			asked[command] = redis.NewIntCmd(ctx, command, key)
			_ = pipe.Process(ctx, asked[command]) // queues; the error comes with Exec
		}
	}
	var out []*redis.IntCmd
	for _, cmd := range asked {
		out = append(out, cmd)
	}
	return out
}

// lengthCommands holds how a kind of data is asked for its number of elements.
var lengthCommands = map[state.Redis]string{
	state.Hash: "hlen", state.Map: "hlen", state.List: "llen", state.Set: "scard", state.SortedSet: "zcard", state.Stream: "xlen",
}
