package apply_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// imageOf returns the image of a release of the shop's only component.
func (w *world) imageOf(release string) string {
	r, _ := w.after.Components[0].FindRelease(release)
	return r.Images[0].Image
}

// imageless expects that a delivery was held for want of an image, before anything was done or written.
func (w *world) imageless(o apply.Outcome, err error, says ...string) {
	w.Helper()
	blocked, ok := errors.AsType[*plan.BlockedError](err)
	if !ok || string(blocked.Blocked.Code) != apply.ImageMissing {
		w.Fatalf("%v", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			w.Errorf("%v\ndoes not say %q", err, s)
		}
	}
	if len(o.Done)+len(o.Stopped) != 0 {
		w.Errorf("done: %v", steps(o))
	}
	for _, e := range w.events {
		if e.Kind == apply.Started {
			w.Errorf("step %s was started", e.Step)
		}
	}
}

// TestImageMissing: an image of the last release is missed before the first rollout to another one, and the plan goes on once
// it is there.
func TestImageMissing(t *testing.T) {
	for _, p := range []cluster.Pull{cluster.PullMissing, cluster.PullDenied} {
		t.Run(string(p), func(t *testing.T) {
			w := embedded(t, 50)
			w.cluster.SetPull(w.imageOf("2.0.0"), p)
			before := dump(t, w.client)
			o, err := w.deliver(w.after)
			way := map[cluster.Pull]string{cluster.PullMissing: "push it, or mend its name", cluster.PullDenied: "mend the pull secret of the workload of checkout"}[p]
			w.imageless(o, err, "image "+w.imageOf("2.0.0")+" of checkout 2.0.0 cannot be pulled", "needed by rollout checkout 1.5.0 → 2.0.0", way, "--skip-image-check")
			if pods := w.cluster.Pods(*w.after.Components[0].Workload); slices.ContainsFunc(pods, func(x cluster.Pod) bool { return x.Image("app") != w.imageOf("1.4.0") }) {
				t.Errorf("something was rolled out: %+v", pods)
			}
			for key := range dump(t, w.client) {
				if _, known := before[key]; !known {
					t.Errorf("key %s is new", key)
				}
			}
			w.check(w.before.Keyspaces[0].Version)
			w.cluster.SetPull(w.imageOf("2.0.0"), cluster.PullWorks)
			if got := steps(w.mustDeliver(w.after, "2.0.0")); !reflect.DeepEqual(got, upgrade) {
				t.Errorf("done %v", got)
			}
		})
	}
}

// TestImageOfTheWayBack: a plan that rewrites data is not begun if the release that runs could not be brought back.
func TestImageOfTheWayBack(t *testing.T) {
	w := embedded(t, 50)
	w.cluster.SetPull(w.imageOf("1.4.0"), cluster.PullMissing)
	o, err := w.deliver(w.after)
	w.imageless(o, err, "image "+w.imageOf("1.4.0")+" of checkout 1.4.0, which runs now, cannot be pulled any more", "no way back", "push it again")
	w.edges.SkipImages = true
	if got := steps(w.mustDeliver(w.after, "2.0.0")); !reflect.DeepEqual(got, upgrade) {
		t.Errorf("done without the check: %v", got)
	}
}

// TestImageWithoutData: a plan that only rolls out is not asked about, and neither is one that does nothing.
func TestImageWithoutData(t *testing.T) {
	w := embedded(t, 50)
	w.cluster.SetPull(w.imageOf("1.5.0"), cluster.PullMissing)
	w.before.Components = slices.Clone(w.before.Components)
	w.before.Components[0].Releases, w.before.Components[0].Release = w.after.Components[0].Releases, "1.5.0"
	if got := steps(w.mustDeliver(w.before, "1.0.0")); !reflect.DeepEqual(got, []string{"rollout checkout 1.5.0"}) {
		t.Errorf("done %v", got)
	}
}

// TestImageUnclear: what nobody can tell is told once, and stops nothing.
func TestImageUnclear(t *testing.T) {
	w := embedded(t, 50)
	for _, release := range []string{"1.4.0", "1.5.0", "2.0.0"} {
		w.cluster.SetPull(w.imageOf(release), cluster.PullUnknown)
	}
	w.mustDeliver(w.after, "2.0.0")
	var told []apply.Event
	begun := 0
	for _, e := range w.events {
		if e.Kind == apply.ImagesUnclear {
			told = append(told, e)
		}
		if e.Kind == apply.Started && len(told) == 0 {
			begun++
		}
	}
	if len(told) != 1 || begun > 0 || !strings.Contains(told[0].Err.Error(), "whether image "+w.imageOf("2.0.0")+" of checkout 2.0.0 can be pulled is not known") {
		t.Errorf("told %v, after %d steps", told, begun)
	}
}

// TestImages is what a person is shown before: the image that runs counts for the way back, and each is there once.
func TestImages(t *testing.T) {
	w := embedded(t, 50)
	for _, release := range []string{"1.4.0", "1.5.0", "2.0.0"} {
		w.cluster.SetPull(w.imageOf(release), cluster.PullMissing)
	}
	s, err := apply.Gather(t.Context(), w.edges, w.after)
	if err != nil {
		t.Fatal(err)
	}
	checks, err := apply.Images(t.Context(), w.edges, s, s.Plan())
	if err != nil {
		t.Fatal(err)
	}
	type brief struct {
		step    int
		release string
		back    bool
	}
	var got []brief
	for _, c := range checks {
		got = append(got, brief{c.Step, c.Release, c.Back})
	}
	if want := []brief{{0, "1.4.0", true}, {0, "1.5.0", false}, {1, "2.0.0", false}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	w.edges.Cluster = nil
	if checks, err = apply.Images(t.Context(), w.edges, s, s.Plan()); err != nil || len(checks) != 0 {
		t.Errorf("without a cluster: %v %v", checks, err)
	}
}

// asking counts what registries are asked for.
type asking struct {
	cluster.Cluster
	images int
}

func (a *asking) Pullable(ctx context.Context, c state.Component, images []state.Image) []cluster.ImageAnswer {
	a.images += len(images)
	return a.Cluster.Pullable(ctx, c, images)
}

// TestImagesWhileWaiting: a plan that waits for its approval does not ask at each try for what is there; before it begins it
// does, and what was deleted meanwhile stops it.
func TestImagesWhileWaiting(t *testing.T) {
	w := embedded(t, 50)
	counted := &asking{Cluster: w.cluster}
	w.edges.Cluster, w.edges.Pulled, w.edges.Approval = counted, &apply.Pulled{}, state.ApprovalAlways
	asked := w.approve("")
	for range 3 {
		if o, err := w.deliver(w.after); !blockedBy(err, apply.AwaitingApproval) {
			t.Fatalf("%v, done %v", err, steps(o))
		}
	}
	if counted.images != 3 {
		t.Errorf("asked for %d images in three tries, want each of three once", counted.images)
	}
	w.approve((*asked)[0].Digest)
	w.cluster.SetPull(w.imageOf("2.0.0"), cluster.PullMissing)
	o, err := w.deliver(w.after)
	w.imageless(o, err, "needed by rollout checkout 1.5.0 → 2.0.0")
	w.cluster.SetPull(w.imageOf("2.0.0"), cluster.PullWorks)
	w.mustDeliver(w.after, "2.0.0")
}
