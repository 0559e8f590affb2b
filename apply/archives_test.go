package apply_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// memory keeps archives for as long as a test runs: of a backup what was counted, of an undo log its images.
type memory struct {
	mu      sync.Mutex
	backups []apply.Owner
	taken   []state.Live
	logs    map[string]*log
	pruned  []string // keyspace, and how many archives a ledger named
	broken  error    // what every call returns
}

type log struct {
	mu     sync.Mutex
	broken error
	images []keyspace.Preimage
	closed int
}

func (m *memory) Check(context.Context) error { return nil }

func (m *memory) Prune(_ context.Context, of apply.Owner, named []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pruned = append(m.pruned, of.Keyspace+" "+fmt.Sprint(len(named)))
	return m.broken
}

func (m *memory) Backup(ctx context.Context, of apply.Owner, store *keyspace.Store, k state.Keyspace, _ func(keyspace.Progress)) (apply.BackedUp, error) {
	lives, err := store.Observe(ctx, []state.Keyspace{k})
	if err != nil || m.broken != nil {
		return apply.BackedUp{}, fmt.Errorf("back up: %w", cmp.Or(err, m.broken))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.backups, m.taken = append(m.backups, of), append(m.taken, lives[0])
	out := apply.BackedUp{Archive: fmt.Sprintf("backup-%d", len(m.backups))}
	for _, c := range lives[0].Counts {
		out.Keys += c.Units
	}
	return out, nil
}

func (m *memory) OpenLog(_ context.Context, of apply.Owner, name string) (apply.UndoLog, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.logs == nil {
		m.logs = map[string]*log{}
	}
	key := of.Store + "/" + of.Keyspace + "/" + name
	if m.logs[key] == nil {
		m.logs[key] = &log{}
	}
	m.logs[key].broken = m.broken
	return m.logs[key], m.broken
}

func (m *memory) ReadLog(_ context.Context, of apply.Owner, name string) (keyspace.UndoLog, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, found := m.logs[of.Store+"/"+of.Keyspace+"/"+name]
	return l, found, m.broken
}

func (l *log) Append(_ context.Context, images []keyspace.Preimage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range images {
		p.Before.Fields, p.After.Fields = slices.Clone(p.Before.Fields), slices.Clone(p.After.Fields)
		l.images = append(l.images, p)
	}
	return l.broken
}

func (l *log) Close(context.Context) error {
	l.closed++
	return nil
}

func (l *log) Images(_ context.Context, take func([]keyspace.Preimage) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	newest := slices.Clone(l.images)
	slices.Reverse(newest)
	return take(newest)
}
