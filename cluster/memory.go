package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"keyshift.dev/state"
)

// Memory is a cluster in memory. Its Deployments replace their pods one by one, each new one ready before an
// old one goes, and a pod that is told to go terminates for a while. It is safe for concurrent use.
type Memory struct {
	options MemoryOptions
	ctx     context.Context
	cancel  context.CancelFunc

	mu        sync.Mutex
	workloads map[state.Workload]*deployment
	program   func(context.Context, Pod)
	stuck     map[string]bool
	pulls     map[string]Pull // by image; works if it is not there
	named     int             // pods made so far
	running   sync.WaitGroup
}

var _ Cluster = (*Memory)(nil)

// MemoryOptions are the delays of a Memory. The zero value has none.
type MemoryOptions struct {
	Start            time.Duration // from the making of a pod to its readiness
	Terminate        time.Duration // from the order to go until a pod is gone; it stays running meanwhile
	ProgressDeadline time.Duration // without progress a rollout is stuck; zero: ten minutes
}

// Pod is one pod of a Memory.
type Pod struct {
	Name        string
	Workload    state.Workload
	Images      []state.Image // sorted by container
	Ready       bool
	Terminating bool
}

// Image returns the image of a container, empty if the pod has none of that name.
func (p Pod) Image(container string) string {
	for _, i := range p.Images {
		if i.Container == container {
			return i.Image
		}
	}
	return ""
}

// deployment is one workload and its pods.
type deployment struct {
	workload state.Workload
	template []state.Image
	replicas int
	pods     []*memoryPod
	deleted  bool      // its pods may terminate still
	moved    time.Time // of the last progress
	manager  string    // who else set the template last; empty if Rollout did
	note     *note     // of a stop, nil if none stands
	theirs   bool      // somebody else has set the replicas since Keyshift did last
}

type memoryPod struct {
	Pod
	cancel   context.CancelFunc // ends the program; nil before it runs
	returned chan struct{}      // closed once the program has returned
}

// NewMemory returns an empty cluster. Close it.
func NewMemory(options MemoryOptions) *Memory {
	if options.ProgressDeadline == 0 {
		options.ProgressDeadline = 10 * time.Minute
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Memory{options: options, ctx: ctx, cancel: cancel, workloads: map[state.Workload]*deployment{}, stuck: map[string]bool{}, pulls: map[string]Pull{}}
}

// Close ends every program and waits until all have returned. The cluster does nothing from then on.
func (m *Memory) Close() {
	m.mu.Lock()
	m.cancel()
	m.mu.Unlock()
	m.running.Wait()
}

// OnPod sets the program of all pods. It is called in a goroutine of its own for each pod once that runs;
// its context ends when the pod has terminated, so the program goes on while the pod is terminating, and the
// pod is gone only when the program has returned. Set it before the first Deploy.
func (m *Memory) OnPod(program func(context.Context, Pod)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.program = program
}

// Stick makes every pod that is made with the image from now on never become ready.
func (m *Memory) Stick(image string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stuck[image] = true
}

// Unstick takes Stick back, for pods that are made from now on.
func (m *Memory) Unstick(image string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.stuck, image)
}

// Deploy creates a workload, or changes the images and replicas of one.
func (m *Memory) Deploy(w state.Workload, replicas int, images ...state.Image) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.workloads[w]
	if d == nil {
		d = &deployment{workload: w}
		m.workloads[w] = d
	}
	d.theirs = d.theirs || d.replicas != replicas
	d.deleted, d.manager = false, "another manager"
	d.template, d.replicas, d.moved = slices.SortedFunc(slices.Values(images), compareImages), replicas, time.Now()
	m.step(d)
}

// Delete deletes a workload; its pods terminate.
func (m *Memory) Delete(w state.Workload) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.workloads[w]; d != nil {
		d.deleted, d.replicas = true, 0
		m.step(d)
	}
}

// Pods returns all pods of a workload that are not gone, sorted by name.
func (m *Memory) Pods(w state.Workload) []Pod {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Pod
	if d := m.workloads[w]; d != nil {
		for _, p := range d.pods {
			out = append(out, p.Pod)
		}
	}
	slices.SortFunc(out, func(a, b Pod) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Observe implements Cluster.
func (m *Memory) Observe(_ context.Context, system string, components []state.Component) ([]state.Running, error) {
	out := make([]state.Running, 0, len(components))
	for _, c := range components {
		if c.External {
			out = append(out, external(c))
			continue
		}
		if err := supported(c); err != nil {
			return nil, err
		}
		out = append(out, running(system, c, m.view(*c.Workload)))
	}
	slices.SortFunc(out, func(a, b state.Running) int { return cmp.Compare(a.Component, b.Component) })
	return out, nil
}

// Rollout implements Cluster.
func (m *Memory) Rollout(_ context.Context, c state.Component, r state.Release) error {
	if err := supported(c); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.workloads[*c.Workload]
	if d == nil || d.deleted {
		return missing(c)
	}
	if err := containers(c, r, d.template); err != nil {
		return err
	}
	if runs(r, d.template) {
		return nil
	}
	next := slices.Clone(d.template)
	for i := range next {
		for _, want := range r.Images {
			if want.Container == next[i].Container {
				next[i] = want
			}
		}
	}
	d.template, d.moved, d.manager = next, time.Now(), ""
	m.step(d)
	return nil
}

// Await implements Cluster.
func (m *Memory) Await(ctx context.Context, c state.Component, r state.Release, timeout time.Duration, report func(Progress)) error {
	if err := supported(c); err != nil {
		return err
	}
	return awaitRollout(c, r, 10*time.Millisecond, report, func(context.Context) (view, error) {
		v := m.view(*c.Workload)
		if v.missing {
			return v, missing(c)
		}
		return v, changed(c, r, v.template, func(string) string { return v.manager })
	}).until(ctx, timeout)
}

// view takes one look.
func (m *Memory) view(w state.Workload) view {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.workloads[w]
	if d == nil {
		return view{missing: true}
	}
	v := view{missing: d.deleted, seen: true, template: d.template, scaling: d.scaling(), manager: d.manager}
	for _, p := range d.pods {
		pod := podView{name: p.Name, images: p.Images, ready: p.Ready, terminating: p.Terminating}
		switch {
		case p.Terminating:
			pod.reason = "terminating"
		case m.sticks(p.Images):
			pod.reason = "ImagePullBackOff"
		case !p.Ready:
			pod.reason = "starting"
		}
		v.pods = append(v.pods, pod)
	}
	if !d.settled() && time.Since(d.moved) > m.options.ProgressDeadline {
		v.stopped = DeadlineExceeded
	}
	return v
}

func (m *Memory) sticks(images []state.Image) bool {
	return slices.ContainsFunc(images, func(i state.Image) bool { return m.stuck[i.Image] })
}

// name makes the name of the next pod.
func (m *Memory) name(d *deployment) string {
	m.named++
	return fmt.Sprintf("%s-%05d", d.workload.Name, m.named)
}
