package apply

import (
	"context"
	"fmt"
	"testing"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// registry is a cluster of which only the images are asked, and which counts how often.
type registry struct {
	cluster.Cluster
	pull  map[string]cluster.Pull // PullWorks if it is not there
	asked int                     // images
}

func (r *registry) Pullable(_ context.Context, _ state.Component, images []state.Image) (out []cluster.ImageAnswer) {
	r.asked += len(images)
	for _, x := range images {
		answer := cluster.ImageAnswer{Image: x, Pull: cluster.PullWorks}
		if p, found := r.pull[x.Image]; found {
			answer.Pull, answer.Why = p, string(p)
		}
		out = append(out, answer)
	}
	return out
}

// imaged is a situation whose plan brings cart from 1 to 2 around a rewrite.
func imaged() (Situation, plan.Plan) {
	releases := []state.Release{
		{Name: "1", Images: []state.Image{{Container: "app", Image: "app:1"}}}, {Name: "2", Images: []state.Image{{Container: "app", Image: "app:2"}}},
	}
	work := &state.Workload{Kind: "Deployment", Namespace: "shop", Name: "cart"}
	s := Situation{
		Want: state.Desired{Components: []state.Component{{Name: "cart", Workload: work, Releases: releases, Release: "2"}}},
		Have: state.Observed{Components: []state.Running{{Component: "cart", Releases: []string{"1"}, Template: "1"}}},
	}
	p := plan.Plan{Parts: []plan.Part{{Components: []string{"cart"}, Keyspaces: []string{"session"}}}, Steps: []plan.Step{
		{Kind: plan.Rollout, Object: "cart", To: "2"}, {Kind: plan.Rewrite, Object: "session", To: "2"},
	}}
	return s, p
}

// TestPulled: that an image is there is asked for once while a plan waits, and again before it begins; that one is missing
// is asked for at each try.
func TestPulled(t *testing.T) {
	s, p := imaged()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	r := &registry{pull: map[string]cluster.Pull{"app:2": cluster.PullMissing}}
	e := Edges{Cluster: r, Pulled: &Pulled{}, Now: func() time.Time { return now }}
	try := func(asked, missing int) *admission {
		t.Helper()
		r.asked = 0
		a := newAdmission(e)
		checks, err := a.images(t.Context(), s, p)
		if err != nil || r.asked != asked || len(checks) != missing {
			t.Errorf("asked for %d images, want %d; %d are missing, want %d: %v", r.asked, asked, len(checks), missing, err)
		}
		return a
	}
	try(2, 1)
	try(1, 1) // app:1 is known
	r.pull["app:2"] = cluster.PullUnknown
	try(1, 1)
	delete(r.pull, "app:2")
	try(1, 0)
	a := try(0, 0)

	r.pull["app:2"] = cluster.PullMissing // it was deleted while the plan waited
	if !a.doubt(s, p) {
		t.Fatal("the plan would begin on what is only remembered")
	}
	holds, err := a.lacking(t.Context(), s, p)
	if err != nil || len(holds) != 1 || holds[0].Code != ImageMissing || r.asked != 2 {
		t.Errorf("held %+v after %d images, %v", holds, r.asked, err)
	}
	if a.doubt(s, p) {
		t.Error("asked in earnest, it is doubted again")
	}
	try(1, 1) // and that it was there is forgotten

	now = now.Add(pulledFor)
	try(2, 1)
	now = now.Add(-2 * pulledFor) // the clock was put back
	try(2, 1)
	other := *s.Want.Components[0].Workload
	other.Namespace = "other"
	s.Want.Components[0].Workload = &other // which has other credentials
	try(2, 1)
	e.Pulled = nil
	try(2, 1)
}

// TestPulledIsBounded in number: the oldest gives way.
func TestPulledIsBounded(t *testing.T) {
	var m Pulled
	s, _ := imaged()
	c := s.Want.Components[0]
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for i := range pulledMost + 10 {
		at = at.Add(time.Millisecond)
		m.learn(c, cluster.ImageAnswer{Image: state.Image{Image: fmt.Sprint(i)}, Pull: cluster.PullWorks}, at)
	}
	if len(m.at) != pulledMost || m.knows(c, "9", at) || !m.knows(c, "10", at) || !m.knows(c, fmt.Sprint(pulledMost+9), at) {
		t.Errorf("%d are remembered", len(m.at))
	}
	at = at.Add(2 * pulledFor)
	m.learn(c, cluster.ImageAnswer{Image: state.Image{Image: "new"}, Pull: cluster.PullWorks}, at)
	if len(m.at) != 1 {
		t.Errorf("%d are remembered, of which all but one are too old", len(m.at))
	}
}
