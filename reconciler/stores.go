package reconciler

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// connection names a connection to a store: its version changes with what the spec and the Secrets say of it.
type connection struct{ store, version string }

// stores holds the connections that the Deliveries use, and closes those that none uses any more.
type stores struct {
	mu   sync.Mutex
	open map[connection]*keyspace.Store
	used map[types.NamespacedName][]connection
}

// of returns a Delivery's connections by the name of the store, opening what is not open.
func (s *stores) of(ctx context.Context, c client.Reader, delivery types.NamespacedName, wanted []state.Store) (map[string]*keyspace.Store, error) {
	out := make(map[string]*keyspace.Store, len(wanted))
	var uses []connection
	for _, w := range wanted {
		l, err := storeLogin(ctx, c, delivery.Namespace, w)
		if err != nil {
			return nil, err
		}
		key := connection{w.Name, l.version}
		store, err := s.connect(ctx, delivery, key, l)
		if err != nil {
			return nil, err
		}
		out[w.Name] = store
		uses = append(uses, key)
	}
	s.keep(delivery, uses)
	return out, nil
}

// connect returns an open connection, claimed for the Delivery. Opening does not hold up other Deliveries.
func (s *stores) connect(ctx context.Context, delivery types.NamespacedName, key connection, l login) (*keyspace.Store, error) {
	if held := s.claim(delivery, key, nil); held != nil {
		return held, nil
	}
	store, err := keyspace.Open(ctx, l.options)
	if err != nil {
		return nil, err
	}
	held := s.claim(delivery, key, store)
	if held != store { // another Delivery was faster
		store.Close()
	}
	return held, nil
}

// claim returns the open connection, or makes store the open one, and records that the Delivery uses it. It
// returns nil if there is neither.
func (s *stores) claim(delivery types.NamespacedName, key connection, store *keyspace.Store) *keyspace.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open, s.used = map[connection]*keyspace.Store{}, map[types.NamespacedName][]connection{}
	}
	if held := s.open[key]; held != nil {
		store = held
	}
	if store == nil {
		return nil
	}
	s.open[key] = store
	s.used[delivery] = append(s.used[delivery], key)
	return store
}

// keep records what a Delivery uses, nothing if it is gone, and closes what nobody uses.
func (s *stores) keep(delivery types.NamespacedName, uses []connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.used, delivery)
	if len(uses) > 0 {
		s.used[delivery] = uses
	}
	needed := map[connection]bool{}
	for _, keys := range s.used {
		for _, k := range keys {
			needed[k] = true
		}
	}
	for key, store := range s.open {
		if !needed[key] {
			delete(s.open, key)
			store.Close()
		}
	}
}

// close closes every connection.
func (s *stores) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, store := range s.open {
		store.Close()
	}
	s.open, s.used = nil, nil
}
