package cluster

import (
	"context"
	"slices"
	"time"
)

// step does what a controller would do now, and is called again whenever that may change. It starts at most
// one pod beyond those desired and never lets fewer be ready than are desired. The caller holds the lock.
func (m *Memory) step(d *deployment) {
	for m.ctx.Err() == nil {
		var old, fresh []*memoryPod
		ready := 0
		for _, p := range d.pods {
			switch {
			case p.Terminating:
				continue
			case slices.Equal(p.Images, d.template):
				fresh = append(fresh, p)
			default:
				old = append(old, p)
			}
			if p.Ready {
				ready++
			}
		}
		switch {
		case len(fresh) < d.replicas && len(old)+len(fresh) < d.replicas+1:
			m.create(d)
		case len(fresh) > d.replicas:
			m.terminate(d, fresh[len(fresh)-1])
		default:
			p := spare(old, ready, d.replicas)
			if p == nil {
				return
			}
			m.terminate(d, p)
		}
	}
}

// spare returns the old pod that may go: one that is not ready, or any if more are ready than desired.
func spare(old []*memoryPod, ready, desired int) *memoryPod {
	for _, p := range old {
		if !p.Ready || ready > desired {
			return p
		}
	}
	return nil
}

// settled tells whether as many pods of the template as desired are ready and no other is left but for those
// that terminate.
func (d *deployment) settled() bool {
	ready := 0
	for _, p := range d.pods {
		fresh := slices.Equal(p.Images, d.template)
		if !fresh && !p.Terminating {
			return false
		}
		if fresh && p.Ready && !p.Terminating {
			ready++
		}
	}
	return ready >= d.replicas
}

// create makes a pod of the template, which becomes ready later, unless its image sticks.
func (m *Memory) create(d *deployment) {
	p := &memoryPod{Pod: Pod{Name: m.name(d), Workload: d.workload, Images: slices.Clone(d.template)}}
	d.pods = append(d.pods, p)
	if !m.sticks(p.Images) {
		m.later(m.options.Start, func() { m.run(d, p) })
	}
}

// run makes a pod ready and starts its program.
func (m *Memory) run(d *deployment, p *memoryPod) {
	if p.Terminating {
		return
	}
	p.Ready, d.moved = true, time.Now()
	if m.program != nil {
		ctx, cancel := context.WithCancel(m.ctx)
		p.cancel, p.returned = cancel, make(chan struct{})
		pod, program := p.Pod, m.program
		pod.Images = slices.Clone(pod.Images)
		m.running.Go(func() {
			defer close(p.returned)
			program(ctx, pod)
		})
	}
	m.step(d)
}

// terminate tells a pod to go. It is gone later, once its program has returned.
func (m *Memory) terminate(d *deployment, p *memoryPod) {
	p.Terminating = true
	d.moved = time.Now()
	m.later(m.options.Terminate, func() {
		if p.cancel == nil {
			m.remove(d, p)
			return
		}
		p.cancel()
		m.running.Go(func() {
			<-p.returned
			m.mu.Lock()
			defer m.mu.Unlock()
			m.remove(d, p)
		})
	})
}

func (m *Memory) remove(d *deployment, p *memoryPod) {
	d.pods = slices.DeleteFunc(d.pods, func(q *memoryPod) bool { return q == p })
	m.step(d)
}

// later calls f with the lock held after a delay, unless the cluster is closed by then.
func (m *Memory) later(delay time.Duration, f func()) {
	time.AfterFunc(delay, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.ctx.Err() == nil {
			f()
		}
	})
}
