package cluster

import (
	"context"
	"strconv"
	"time"

	"keyshift.dev/state"
)

// Stop implements Cluster.
func (m *Memory) Stop(_ context.Context, c state.Component) error {
	return m.scale(c, func(d *deployment, earlier int) {
		if count, needed := toStop(d.replicas, earlier, d.noted); needed {
			d.replicas, d.note, d.noted = 0, strconv.Itoa(count), true
		}
	})
}

// Start implements Cluster.
func (m *Memory) Start(_ context.Context, c state.Component) error {
	return m.scale(c, func(d *deployment, earlier int) {
		if count, needed := toStart(d.replicas, earlier, d.noted); needed {
			d.replicas, d.note, d.noted = count, "", false
		}
	})
}

// AwaitStopped implements Cluster.
func (m *Memory) AwaitStopped(ctx context.Context, c state.Component, timeout time.Duration, report func(Progress)) error {
	if err := supported(c); err != nil {
		return err
	}
	return awaitStop(c, 10*time.Millisecond, report, func(context.Context) (view, error) { return m.view(*c.Workload), nil }).until(ctx, timeout)
}

func (m *Memory) scale(c state.Component, change func(d *deployment, earlier int)) error {
	if err := supported(c); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.workloads[*c.Workload]
	if d == nil || d.deleted {
		return missing(c)
	}
	earlier, _, err := noted(c, d.note, d.noted)
	if err != nil {
		return err
	}
	change(d, earlier)
	d.moved = time.Now()
	m.step(d)
	return nil
}

// Scale changes how many replicas a workload has, behind Keyshift's back.
func (m *Memory) Scale(w state.Workload, replicas int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.workloads[w]; d != nil {
		d.replicas, d.moved = replicas, time.Now()
		m.step(d)
	}
}
