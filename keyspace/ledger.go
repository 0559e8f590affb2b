package keyspace

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

const (
	identityKey = Prefix + "identity"
	systemsKey  = Prefix + "systems" // set of the systems that have a ledger here
	claimsKey   = Prefix + "claims"  // random, another one whenever a ledger claims keys that it did not before

	packAbove   = 16 << 10 // bytes of JSON from which a ledger is compressed
	ledgerLimit = 64 << 20 // bytes of JSON that are read at most
)

func ledgerKey(system string) string { return Prefix + "ledger:" + system }

// kept is a ledger as it stands in a store: with the name that its system has for the store.
type kept struct {
	Store string `json:"store"`
	state.Ledger
}

// Identity returns the random name that the store got when the first ledger was written; empty if there is none.
// It goes with the data: after FLUSHALL, or where another server answers, it is another or none.
func (s *Store) Identity(ctx context.Context) (string, error) {
	id, err := s.client.Get(ctx, identityKey).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return id, classify(ctx, s.name, "reading the store's identity", err)
}

// ReadLedger returns the ledger of a system, and whether there is one. A ledger whose store has another identity
// than it says is an *Error with reason StoreChanged; one of a newer format is refused.
func (s *Store) ReadLedger(ctx context.Context, system string) (state.Ledger, bool, error) {
	raw, identity, err := s.rawLedger(ctx, system)
	if err != nil || raw == "" {
		return state.Ledger{}, false, err
	}
	k, err := s.unpack(system, raw)
	if err != nil {
		return state.Ledger{}, false, err
	}
	if k.Identity != identity {
		return state.Ledger{}, false, s.changed(system)
	}
	return k.Ledger, true, nil
}

// ledgers remember what the last ledger of each system says: it is read far more often than written, and that of a large
// system is large. What is remembered is shared, and like all plain data never changed.
type ledgers struct {
	mu   sync.Mutex
	last map[string]unpacked // by system
}

type unpacked struct {
	raw string
	kept
}

func (l *ledgers) get(system, raw string) (kept, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if u, found := l.last[system]; found && u.raw == raw {
		return u.kept, true
	}
	return kept{}, false
}

func (l *ledgers) put(system, raw string, k kept) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = map[string]unpacked{}
	}
	l.last[system] = unpacked{raw, k}
}

// rawLedger reads a ledger's bytes and the identity in one command; both are empty if they are not there.
func (s *Store) rawLedger(ctx context.Context, system string) (raw, identity string, err error) {
	both, err := s.client.MGet(ctx, ledgerKey(system), identityKey).Result()
	if err != nil {
		return "", "", classify(ctx, s.name, fmt.Sprintf("reading the ledger of system %q", system), err)
	}
	raw, _ = both[0].(string)
	identity, _ = both[1].(string)
	return raw, identity, nil
}

// WriteLedger replaces the ledger old by next, if old is still what is there; the zero Ledger means that there is
// none. Otherwise the error is ErrLedgerMoved. An empty next.Identity stands for the store's; if it has none yet,
// it gets one. A ledger that claims keys which another system owns is an *Error of reason StoreOwned; of two that are
// written at once, one is written and the other refused.
func (s *Store) WriteLedger(ctx context.Context, old, next state.Ledger) error {
	if next.System == "" || old.System != "" && old.System != next.System {
		return fmt.Errorf("store %q: a ledger of system %q cannot follow one of %q", s.name, next.System, old.System)
	}
	if next.Identity == "" {
		if err := s.identify(ctx); err != nil {
			return err
		}
	}
	raw, identity, err := s.rawLedger(ctx, next.System)
	if err != nil {
		return err
	}
	if next.Identity == "" {
		next.Identity = identity
	}
	if next.Identity != identity {
		return s.changed(next.System)
	}
	same, err := s.holds(raw, old)
	if err != nil {
		return err
	}
	if !same {
		return ErrLedgerMoved
	}
	text, err := s.pack(next)
	if err != nil {
		return err
	}
	c, err := s.claim(ctx, old, next)
	if err != nil {
		return err
	}
	return s.replaceLedger(ctx, next.System, identity, raw, text, c)
}

// replaceLedger compares and sets the ledger's bytes. If the answer is lost, what is there afterwards tells.
func (s *Store) replaceLedger(ctx context.Context, system, identity, raw, text string, c claim) error {
	doing := fmt.Sprintf("writing the ledger of system %q", system)
	keys := []string{ledgerKey(system), systemsKey, identityKey, claimsKey}
	n, err := s.run(ctx, s.client, ledgerScript, keys, raw, text, system, identity, c.was, c.now).Int()
	if unknown(err) && ctx.Err() == nil {
		now, _, readErr := s.rawLedger(ctx, system)
		switch {
		case readErr == nil && now == text:
			return nil
		case readErr == nil && now != raw:
			return ErrLedgerMoved
		}
	}
	switch {
	case err != nil:
		return classify(ctx, s.name, doing, err)
	case n == 2:
		return s.changed(system)
	case n == 3:
		return fmt.Errorf("another system claimed keys of store %q meanwhile: %w", s.name, ErrLedgerMoved)
	case n == 0:
		return ErrLedgerMoved
	}
	return nil
}

// identify gives the store an identity if it has none.
func (s *Store) identify(ctx context.Context) error { return s.Identify(ctx, rand.Text()) }

// Identify gives a store that has lost its identity the one it had; it does nothing if the store has one.
func (s *Store) Identify(ctx context.Context, identity string) error {
	err := s.client.SetNX(ctx, identityKey, identity, 0).Err()
	return classify(ctx, s.name, "giving the store its identity", err)
}

// holds tells whether the bytes of a ledger say the same as old.
func (s *Store) holds(raw string, old state.Ledger) (bool, error) {
	if raw == "" || old.System == "" {
		return raw == "" && old.System == "", nil
	}
	k, err := s.unpack(old.System, raw)
	if err != nil {
		return false, err
	}
	a, err := json.Marshal(k.Ledger)
	if err != nil {
		return false, fmt.Errorf("encoding the ledger: %w", err)
	}
	b, err := json.Marshal(old)
	if err != nil {
		return false, fmt.Errorf("encoding the ledger: %w", err)
	}
	return bytes.Equal(a, b), nil
}

// pack makes the bytes of a ledger: JSON, compressed by gzip if it is large.
func (s *Store) pack(l state.Ledger) (string, error) {
	text, err := json.Marshal(kept{Store: s.name, Ledger: l})
	if err != nil {
		return "", fmt.Errorf("encoding the ledger: %w", err)
	}
	if len(text) <= packAbove {
		return string(text), nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		return "", fmt.Errorf("compressing the ledger: %w", err)
	}
	if err := z.Close(); err != nil {
		return "", fmt.Errorf("compressing the ledger: %w", err)
	}
	return b.String(), nil
}

// unpack reads the bytes of a ledger.
func (s *Store) unpack(system, raw string) (kept, error) {
	k, known := s.ledgers.get(system, raw)
	if known {
		return k, nil
	}
	var head struct {
		Format int `json:"format"`
	}
	text, err := unzip(raw)
	if err == nil {
		err = json.Unmarshal(text, &head)
	}
	if err == nil && head.Format > state.LedgerFormat {
		return k, &Error{
			Reason: LedgerTooNew, Store: s.name, Hint: "use a newer Keyshift",
			Err: fmt.Errorf("the ledger of system %q has format %d, this program knows %d", system, head.Format, state.LedgerFormat),
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil || k.System != system {
		return k, &Error{
			Reason: LedgerUnreadable, Store: s.name, Hint: "rebuild it from the mirror",
			Err: fmt.Errorf("the key %q holds no ledger of system %q", ledgerKey(system), system),
		}
	}
	s.ledgers.put(system, raw, k)
	return k, nil
}

func unzip(raw string) ([]byte, error) {
	if strings.HasPrefix(raw, "{") {
		return []byte(raw), nil
	}
	z, err := gzip.NewReader(strings.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, ledgerLimit))
}

func (s *Store) changed(system string) error {
	return &Error{
		Reason: StoreChanged, Store: s.name, Hint: "find out what became of its data, then adopt it as it is",
		Err: fmt.Errorf("this is not the store that the ledger of system %q describes: its identity is another or gone", system),
	}
}

// ReadLedgers returns the ledgers of all systems in this store, by system.
func (s *Store) ReadLedgers(ctx context.Context) ([]state.Ledger, error) {
	all, err := s.allKept(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]state.Ledger, len(all))
	for i, k := range all {
		out[i] = k.Ledger
	}
	return out, nil
}

func (s *Store) allKept(ctx context.Context) ([]kept, error) {
	systems, err := s.client.SMembers(ctx, systemsKey).Result()
	if err != nil {
		return nil, classify(ctx, s.name, "listing the systems of the store", err)
	}
	slices.Sort(systems)
	var out []kept
	for _, system := range systems {
		raw, _, err := s.rawLedger(ctx, system)
		if err != nil {
			return nil, err
		}
		if raw == "" {
			continue
		}
		k, err := s.unpack(system, raw)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}
