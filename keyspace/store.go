package keyspace

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Store is an open connection to one Redis store. It is safe for concurrent use.
type Store struct {
	name    string
	options Options
	client  *redis.Client
	wires   wires        // see there
	serving atomic.Value // string: the process that answered when it was last asked
	closed  atomic.Bool
	shelf   shelf
	ledgers ledgers

	plainScripts bool  // the server refuses scripts with a shebang
	tellsExpiry  bool  // the server knows PEXPIRETIME
	fading       bool  // fields of hashes may expire by themselves (Redis 7.4)
	samples      []int // argument of MEMORY USAGE, none where the server does not take it (the embedded one)
}

// Open connects to a store and tries what the package needs: that it answers, that it lets us in, that it
// runs scripts. The error is an *Error.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.withDefaults()
	options, err := o.client()
	if err != nil {
		return nil, err
	}
	quiet()
	s := &Store{name: o.Store, options: o, client: redis.NewClient(options), wires: make(wires, wireLimit)}
	if err := s.probe(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// quiet stops the Redis client from printing: what it has to say comes back as errors.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

// Printf prints nothing.
func (silence) Printf(context.Context, string, ...any) {}

func (s *Store) probe(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return classify(ctx, s.name, "connecting to "+s.client.Options().Addr, err)
	}
	if _, err := s.node(ctx); err != nil {
		return err
	}
	if err := s.probeScripts(ctx); err != nil {
		return err
	}
	if err := s.probeExpiry(ctx); err != nil {
		return err
	}
	return s.probeSamples(ctx)
}

// probeExpiry finds out whether the server tells when a key expires (Redis 7.0), and whether fields of hashes do by
// themselves (Redis 7.4, Valkey 9). Not to be let see that would be to lose it.
func (s *Store) probeExpiry(ctx context.Context) error {
	err := s.client.PExpireTime(ctx, identityKey).Err()
	if unknown(err) {
		return classify(ctx, s.name, "asking when a key expires", err)
	}
	s.tellsExpiry = err == nil
	err = s.client.Do(ctx, "hpexpiretime", Prefix+"none", "fields", 1, "f").Err()
	if unknown(err) || redis.HasErrorPrefix(err, "NOPERM") {
		return classify(ctx, s.name, "asking when a field expires", err)
	}
	s.fading = err == nil || errors.Is(err, redis.Nil)
	return nil
}

// Close closes the connections. Leases of this store are no longer renewed and expire.
func (s *Store) Close() {
	s.closed.Store(true)
	s.wires.closeAll()
	_ = s.client.Close() // nothing is buffered; a second Close only says that it was closed
}

// Name returns the store's name in the spec.
func (s *Store) Name() string { return s.name }

// node is what the server says of its own process.
type node struct {
	runID    string // changes with every start; empty where the server does not tell (the embedded one)
	replicas int    // that follow it
}

// node asks the server which process it is. Cursors and compared pass results hold for one process only.
func (s *Store) node(ctx context.Context) (node, error) {
	var n node
	for _, section := range []string{"server", "replication"} {
		text, err := s.client.Info(ctx, section).Result()
		if err != nil && !unknown(err) && strings.Contains(err.Error(), "not supported") {
			continue // the embedded server has neither
		}
		if err != nil {
			return node{}, classify(ctx, s.name, "asking for INFO "+section, err)
		}
		n.read(text)
	}
	if was := s.serving.Swap(n.runID); was != nil && was != n.runID {
		s.wires.closeAll() // they are of another process, which may be no primary any more
	}
	return n, nil
}

// read takes what it needs of INFO. A replica that is still copying the data set is not counted: it gets what
// was written with the copy.
func (n *node) read(info string) {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case name == "run_id":
			n.runID = value
		case strings.HasPrefix(name, "slave") && strings.Contains(value, "state=online"):
			n.replicas++
		}
	}
}
