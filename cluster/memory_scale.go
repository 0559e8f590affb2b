package cluster

import (
	"context"
	"time"

	"keyshift.dev/state"
)

// Stop implements Cluster.
func (m *Memory) Stop(_ context.Context, system string, c state.Component) error {
	return m.scale(c, func(d *deployment) error {
		s := d.scaling()
		if n, needed := s.toStop(system, time.Now()); s.foreign(c, system) == nil && needed {
			d.theirs = d.theirs && d.replicas == 0
			d.replicas, d.note = 0, &n
		}
		return s.foreign(c, system)
	})
}

// Start implements Cluster.
func (m *Memory) Start(_ context.Context, system string, c state.Component) error {
	return m.scale(c, func(d *deployment) error {
		s := d.scaling()
		if count, needed := s.toStart(); s.foreign(c, system) == nil && needed {
			d.theirs = d.theirs && count == d.replicas
			d.replicas, d.note = count, nil
		}
		return s.foreign(c, system)
	})
}

// Forget implements Cluster.
func (m *Memory) Forget(_ context.Context, system string, c state.Component) error {
	return m.scale(c, func(d *deployment) error {
		if d.note.of(system) && !d.scaling().inForce() {
			d.note = nil
		}
		return nil
	})
}

// AwaitStopped implements Cluster.
func (m *Memory) AwaitStopped(ctx context.Context, c state.Component, timeout time.Duration, report func(Progress)) error {
	if err := supported(c); err != nil {
		return err
	}
	return awaitStop(c, 10*time.Millisecond, report, func(context.Context) (view, error) { return m.view(*c.Workload), nil }).until(ctx, timeout)
}

func (m *Memory) scale(c state.Component, change func(d *deployment) error) error {
	if err := supported(c); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.workloads[*c.Workload]
	if d == nil || d.deleted {
		return missing(c)
	}
	before := d.replicas
	err := change(d)
	if d.replicas != before {
		d.moved = time.Now()
	}
	m.step(d)
	return err
}

func (d *deployment) scaling() scaling { return scaling{d.replicas, d.note, d.theirs} }

// Scale changes how many replicas a workload has, behind Keyshift's back.
func (m *Memory) Scale(w state.Workload, replicas int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.workloads[w]; d != nil {
		d.theirs = d.theirs || d.replicas != replicas
		d.replicas, d.moved = replicas, time.Now()
		m.step(d)
	}
}
