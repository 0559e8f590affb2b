package apply_test

import (
	"errors"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestUnknownImageDuringARewrite: what nobody knows may write anything, so a rewrite beside it has to stop. Only
// releases that the spec declares were looked at, and an image that it does not was ignored.
func TestUnknownImageDuringARewrite(t *testing.T) {
	rogue := []state.Image{{Container: "app", Image: "rogue:1"}}
	for name, at := range map[string]apply.EventKind{"as it begins": apply.Started, "while it runs": apply.Progressed} {
		t.Run(name, func(t *testing.T) {
			w := onRedis(t, 3000)
			stopped, err := w.meddled(plan.Rewrite, at, rogue)
			if blocked, ok := errors.AsType[*plan.BlockedError](err); !stopped || !ok || blocked.Blocked.Code != plan.Code(diff.UnknownImage) {
				t.Errorf("stopped %t: %v", stopped, err)
			}
		})
	}
}

// TestBlindReleaseDuringARewrite: a release that cannot read what the rewrite writes appears beside it. It writes
// nothing, so it was ignored.
func TestBlindReleaseDuringARewrite(t *testing.T) {
	w := onRedis(t, 3000)
	c := &w.after.Components[0]
	c.Releases = append(c.Releases, state.Release{
		Name: "1.0.0", Images: []state.Image{{Container: "app", Image: "ghcr.io/acme/checkout:1.0.0"}},
		Uses: []state.Use{{Keyspace: "session", Reads: "<2.0.0"}},
	})
	if stopped, err := w.meddled(plan.Rewrite, apply.Progressed, c.Releases[len(c.Releases)-1].Images); !stopped || err != nil {
		t.Errorf("stopped %t: %v", stopped, err)
	}
}

// TestOldReleaseDuringAVerify: an old release runs while a pass counts. What it writes behind the pass was verified all
// the same.
func TestOldReleaseDuringAVerify(t *testing.T) {
	for _, release := range []int{0, 1} {
		w := onRedis(t, 100)
		if stopped, err := w.meddled(plan.Verify, apply.Started, w.after.Components[0].Releases[release].Images); !stopped || err != nil {
			t.Errorf("stopped %t: %v", stopped, err)
		}
	}
}

// meddled delivers to pods that do nothing, deploys an image once a step of a kind has come to an event, and tells
// whether such a step was superseded.
func (w *world) meddled(kind plan.Kind, at apply.EventKind, images []state.Image) (stopped bool, err error) {
	for i := range w.after.Keyspaces {
		w.after.Keyspaces[i].Policy.Throttle = state.ThrottleGentle
	}
	w.recluster(cluster.MemoryOptions{}, nil)
	w.deploy("1.4.0")
	once := false
	m := &meddler{Memory: w.cluster, meddle: func() { w.cluster.Deploy(*w.after.Components[0].Workload, 2, images...) }}
	w.edges.Cluster = m
	_, err = apply.Deliver(w.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Step.Kind != kind {
			return
		}
		if e.Kind == at && !once {
			once = true
			m.armed.Store(true)
		}
		stopped = stopped || e.Kind == apply.Superseded
	})
	return stopped, err
}
