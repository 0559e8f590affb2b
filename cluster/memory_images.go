package cluster

import (
	"context"
	"fmt"

	"keyshift.dev/state"
)

// SetPull decides what Pullable answers of an image from now on; before, every image can be pulled. Pods that are made with
// it become ready all the same, unless it Sticks.
func (m *Memory) SetPull(image string, p Pull) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pulls[image] = p
}

// Pullable implements Cluster. It asks nobody.
func (m *Memory) Pullable(_ context.Context, c state.Component, images []state.Image) []ImageAnswer {
	if err := supported(c); err != nil {
		return same(images, PullUnknown, err.Error())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.workloads[*c.Workload]; d == nil || d.deleted {
		return same(images, PullUnknown, missing(c).Error())
	}
	out := same(images, PullWorks, "")
	for i, image := range images {
		if p, set := m.pulls[image.Image]; set && p != PullWorks {
			out[i].Pull, out[i].Why = p, fmt.Sprintf("the registry's answer is %s", p)
		}
	}
	return out
}
