package apply

import (
	"slices"
	"sync"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

const (
	pulledFor  = 10 * time.Minute // how long the answer that an image is there is relied on by what waits
	pulledMost = 4096             // images of which that is remembered
)

// Pulled remembers which images could be pulled when their registries were asked last, so that a plan that waits does not ask
// them at each try. Nothing else is remembered: what is missing is asked for again, and so is everything before the first
// step of a plan. The zero value remembers nothing yet. It is safe for concurrent use, also by several systems.
type Pulled struct {
	mu sync.Mutex
	at map[pulledImage]time.Time
}

// pulledImage is an image, with whose credentials it was asked for.
type pulledImage struct {
	workload state.Workload
	image    string
}

// knows tells whether an image could be pulled a short time ago.
func (m *Pulled) knows(c state.Component, image string, now time.Time) bool {
	if m == nil || c.Workload == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at, found := m.at[pulledImage{*c.Workload, image}]
	return found && recent(at, now)
}

func recent(at, now time.Time) bool { return !now.Before(at) && now.Sub(at) < pulledFor }

// learn takes down what a registry answered.
func (m *Pulled) learn(c state.Component, x cluster.ImageAnswer, now time.Time) {
	if m == nil || c.Workload == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := pulledImage{*c.Workload, x.Image.Image}
	delete(m.at, key)
	if x.Pull != cluster.PullWorks {
		return
	}
	if len(m.at) >= pulledMost {
		m.forget(now)
	}
	if m.at == nil {
		m.at = map[pulledImage]time.Time{}
	}
	m.at[key] = now
}

// forget makes room: for all that is too old, or else of the oldest.
func (m *Pulled) forget(now time.Time) {
	var oldest pulledImage
	for key, at := range m.at {
		if !recent(at, now) {
			delete(m.at, key)
		} else if first, found := m.at[oldest]; !found || at.Before(first) {
			oldest = key
		}
	}
	if len(m.at) >= pulledMost {
		delete(m.at, oldest)
	}
}

// recall answers the checks that are remembered, unless this delivery has begun to ask in earnest.
func (a *admission) recall(want state.Desired, checks []ImageCheck) {
	if a.earnest {
		return
	}
	for _, c := range checks {
		component, _ := want.FindComponent(c.Component)
		if _, known := a.pulled[c.key()]; !known && a.edges.Pulled.knows(component, c.Image, a.edges.now()) {
			a.pulled[c.key()] = cluster.ImageAnswer{Image: state.Image{Container: c.container, Image: c.Image}, Pull: cluster.PullWorks}
			a.recalled = append(a.recalled, c.key())
		}
	}
}

// doubt forgets what is only remembered of the images that a plan needs which is about to begin, and tells whether that is
// any: they are asked for again.
func (a *admission) doubt(s Situation, p plan.Plan) (found bool) {
	if len(a.recalled) == 0 || len(p.Steps) == 0 {
		return false
	}
	a.earnest = true
	for _, c := range needed(s, p) {
		if i := slices.Index(a.recalled, c.key()); i >= 0 {
			a.recalled = slices.Delete(a.recalled, i, i+1)
			delete(a.pulled, c.key())
			found = true
		}
	}
	return found
}
