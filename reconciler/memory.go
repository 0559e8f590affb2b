package reconciler

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// memory holds the last of something of each Delivery. It is safe for concurrent use.
type memory[T any] struct {
	mu   sync.Mutex
	held map[types.NamespacedName]T
}

func (m *memory[T]) get(name types.NamespacedName) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	held, ok := m.held[name]
	return held, ok
}

func (m *memory[T]) put(name types.NamespacedName, held T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held == nil {
		m.held = map[types.NamespacedName]T{}
	}
	m.held[name] = held
}

func (m *memory[T]) forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.held, name)
}
