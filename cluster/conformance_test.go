package cluster_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/state"
)

// stage is a cluster under test. A rollout without progress is stuck after some seconds; a pod with the image
// neverReady never becomes ready.
type stage struct {
	cluster   cluster.Cluster
	deploy    func(t *testing.T, w state.Workload, replicas int, images ...state.Image)
	remove    func(t *testing.T, w state.Workload)
	scale     func(t *testing.T, w state.Workload, replicas int) // behind Keyshift's back
	image     func(t *testing.T, p cluster.Pull) state.Image     // of which Pullable answers so
	work      state.Workload
	terminate time.Duration // from a pod's deletion until it is gone
}

const (
	neverReady = "app:never-ready"
	long       = time.Minute
)

// conformance is what every Cluster does. Each case has a workload's name of its own.
var conformance = []struct {
	name string
	test func(*testing.T, stage)
}{
	{"RollsUntilNoOldPodIsLeft", testRoll},
	{"StuckRolloutIsNoticedAndReverted", testStuck},
	{"TimeoutNamesTheTerminatingPods", testTimeout},
	{"UnknownImageIsNamedAndTakenOver", testUnknown},
	{"MissingWorkload", testMissing},
	{"DeletedWorkloadStaysWhileItHasPods", testDeleted},
	{"ReplicasZero", testZero},
	{"SeveralContainers", testContainers},
	{"ContainerThatDoesNotExist", testNoContainer},
	{"ExternalAndUnsupported", testExternal},
	{"CancelledAwait", testCancelled},
	{"OvertakenByAnotherProcess", testOvertaken},
	{"StopsAndStartsAgain", testStop},
	{"StopThatDoesNotEnd", testStopTimeout},
	{"ScaledUpWhileStopped", testScaledUp},
	{"StopOfWhatIsNotThere", testStopNothing},
	{"StoppedByAPersonLater", testPersonLater},
	{"StoppedByAnotherSystem", testOtherSystem},
	{"ImagesThatCannotBePulled", testPull},
}

// conform runs the suite; the stages of its cases run at the same time.
func conform(t *testing.T, open func(t *testing.T) stage) {
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

func app(image string) state.Image { return state.Image{Container: "app", Image: image} }

// component has the releases 1.0.0, 2.0.0 and 3.0.0, which never becomes ready.
func component(w state.Workload) state.Component {
	return state.Component{Name: "checkout", Workload: &w, Release: "2.0.0", Releases: []state.Release{
		{Name: "1.0.0", Images: []state.Image{app("app:1")}},
		{Name: "2.0.0", Images: []state.Image{app("app:2")}},
		{Name: "3.0.0", Images: []state.Image{app(neverReady)}},
	}}
}

func observe(t *testing.T, s stage, c state.Component) state.Running {
	t.Helper()
	out, err := s.cluster.Observe(t.Context(), "shop", []state.Component{c})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != 1 || out[0].Component != c.Name {
		t.Fatalf("Observe of one component gave %+v", out)
	}
	return out[0]
}

func rollout(t *testing.T, s stage, c state.Component, release string) state.Release {
	t.Helper()
	r, ok := c.FindRelease(release)
	if !ok {
		t.Fatalf("no release %s", release)
	}
	if err := s.cluster.Rollout(t.Context(), c, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func settle(t *testing.T, s stage, c state.Component, release string) {
	t.Helper()
	r, _ := c.FindRelease(release)
	if err := s.cluster.Await(t.Context(), c, r, long, nil); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func testRoll(t *testing.T, s stage) {
	s.deploy(t, s.work, 2, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	steady := func(release string) state.Running {
		return state.Running{Component: "checkout", Releases: []string{release}, Template: release, Desired: 2, Ready: 2, Pods: []state.Pods{{Release: release, Count: 2}}}
	}
	want(t, observe(t, s, c), steady("1.0.0"))

	r := rollout(t, s, c, "2.0.0")
	middle := observe(t, s, c)
	want(t, middle.Releases, []string{"1.0.0", "2.0.0"})
	want(t, middle.Template, "2.0.0")
	var seen []cluster.Progress
	if err := s.cluster.Await(t.Context(), c, r, long, func(p cluster.Progress) { seen = append(seen, p) }); err != nil {
		t.Fatal(err)
	}
	want(t, observe(t, s, c), steady("2.0.0"))
	want(t, seen[len(seen)-1], cluster.Progress{Updated: 2, Ready: 2, Desired: 2})
	waited := false // for pods that had nothing left to do but terminate
	for i, p := range seen {
		waited = waited || p.Ready == 2 && p.Old > 0 && p.Old == p.Terminating
		if i > 0 && p == seen[i-1] {
			t.Errorf("progress %+v was reported twice in a row", p)
		}
	}
	if !waited {
		t.Errorf("Await did not wait for terminating pods: %+v", seen)
	}

	rollout(t, s, c, "2.0.0") // again: nothing moves
	want(t, observe(t, s, c), steady("2.0.0"))
	settle(t, s, c, "2.0.0")
}

func testStuck(t *testing.T, s stage) {
	s.deploy(t, s.work, 2, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	r := rollout(t, s, c, "3.0.0")
	err := s.cluster.Await(t.Context(), c, r, long, nil)
	var stuck *cluster.StuckError
	if !errors.As(err, &stuck) {
		t.Fatalf("Await of a rollout that makes no progress: %v", err)
	}
	want(t, stuck.Reason, cluster.DeadlineExceeded)
	if len(stuck.Pods) == 0 || stuck.Pods[0].Release != "3.0.0" || !strings.Contains(stuck.Pods[0].Reason, "ImagePullBackOff") {
		t.Errorf("the pod that is stuck comes first, with its reason: %+v", stuck.Pods)
	}
	want(t, observe(t, s, c).Releases, []string{"1.0.0", "3.0.0"})
	rollout(t, s, c, "1.0.0") // the way back, whatever the last rollout's end
	settle(t, s, c, "1.0.0")
	want(t, observe(t, s, c).Releases, []string{"1.0.0"})
}

func testTimeout(t *testing.T, s stage) {
	s.deploy(t, s.work, 1, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	r := rollout(t, s, c, "2.0.0")
	err := s.cluster.Await(t.Context(), c, r, s.terminate*3/4, nil)
	var stuck *cluster.StuckError
	if !errors.As(err, &stuck) {
		t.Fatalf("Await beyond its timeout: %v", err)
	}
	want(t, stuck.Reason, cluster.TimedOut)
	if len(stuck.Pods) == 0 || stuck.Pods[0].Release != "1.0.0" || !strings.Contains(stuck.Pods[0].Reason, "terminating") {
		t.Errorf("the old pod is what it waited for: %+v", stuck.Pods)
	}
	settle(t, s, c, "2.0.0")
}

func testUnknown(t *testing.T, s stage) {
	s.deploy(t, s.work, 1, app("app:strange"))
	c := component(s.work)
	got := observe(t, s, c)
	want(t, got.Unknown, []state.Image{app("app:strange")})
	want(t, got.Template, "")
	want(t, got.Releases, []string(nil))
	rollout(t, s, c, "1.0.0")
	settle(t, s, c, "1.0.0")
	want(t, observe(t, s, c).Unknown, []state.Image(nil))
}

func testMissing(t *testing.T, s stage) {
	c := component(s.work)
	want(t, observe(t, s, c), state.Running{Component: "checkout", Missing: true})
	for what, err := range map[string]error{
		"Rollout": s.cluster.Rollout(t.Context(), c, c.Releases[0]),
		"Await":   s.cluster.Await(t.Context(), c, c.Releases[0], long, nil),
	} {
		wantReason(t, what, err, cluster.Missing)
	}
}

func wantReason(t *testing.T, what string, err error, reason string) {
	t.Helper()
	var e *cluster.Error
	if !errors.As(err, &e) || e.Reason != reason {
		t.Errorf("%s: %v, want an Error with the reason %s", what, err, reason)
	}
}

func testDeleted(t *testing.T, s stage) {
	s.deploy(t, s.work, 1, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	s.remove(t, s.work)
	c.Removed, c.Release = true, ""
	deadline := time.Now().Add(long)
	terminating := false
	for {
		got := observe(t, s, c)
		if !got.Missing {
			t.Fatalf("the workload is deleted: %+v", got)
		}
		if len(got.Releases) == 0 {
			break
		}
		want(t, got.Releases, []string{"1.0.0"})
		terminating = terminating || len(got.Pods) == 1 && got.Pods[0].Terminating == 1
		if time.Now().After(deadline) {
			t.Fatal("the pod never went")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !terminating {
		t.Error("the pod was not seen terminating without its workload")
	}
}

func testZero(t *testing.T, s stage) {
	s.deploy(t, s.work, 0, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	want(t, observe(t, s, c), state.Running{Component: "checkout", Releases: []string{"1.0.0"}, Template: "1.0.0"})
	rollout(t, s, c, "2.0.0")
	settle(t, s, c, "2.0.0")
	want(t, observe(t, s, c), state.Running{Component: "checkout", Releases: []string{"2.0.0"}, Template: "2.0.0"})
}

func testContainers(t *testing.T, s stage) {
	side := func(image string) state.Image { return state.Image{Container: "side", Image: image} }
	s.deploy(t, s.work, 1, app("app:1"), side("side:1"), state.Image{Container: "mesh", Image: "mesh:7"})
	c := component(s.work)
	c.Releases = []state.Release{
		{Name: "1.0.0", Images: []state.Image{app("app:1"), side("side:1")}},
		{Name: "1.1.0", Images: []state.Image{app("app:1"), side("side:2")}},
		{Name: "2.0.0", Images: []state.Image{app("app:2"), side("side:2")}},
	}
	settle(t, s, c, "1.0.0")
	rollout(t, s, c, "1.1.0")
	want(t, observe(t, s, c).Releases, []string{"1.0.0", "1.1.0"})
	settle(t, s, c, "1.1.0")

	c.Releases = c.Releases[2:] // app:1 is no release's image, side:2 is one's
	want(t, observe(t, s, c).Unknown, []state.Image{app("app:1")})
}

func testNoContainer(t *testing.T, s stage) {
	s.deploy(t, s.work, 0, app("app:1"))
	c := component(s.work)
	r := state.Release{Name: "2.0.0", Images: []state.Image{app("app:2"), {Container: "ap", Image: "app:2"}}}
	wantReason(t, "Rollout", s.cluster.Rollout(t.Context(), c, r), cluster.Unsupported)
	want(t, observe(t, s, c).Template, "1.0.0")
}

func testExternal(t *testing.T, s stage) {
	c := component(s.work)
	c.External, c.Workload = true, nil
	want(t, observe(t, s, c), state.Running{Component: "checkout", Releases: []string{"2.0.0"}, Template: "2.0.0"})
	wantReason(t, "Rollout of an external component", s.cluster.Rollout(t.Context(), c, c.Releases[0]), cluster.Unsupported)
	c.Removed, c.Release = true, ""
	want(t, observe(t, s, c), state.Running{Component: "checkout", Missing: true})

	c = component(s.work)
	c.Workload.Kind = "CronJob"
	_, err := s.cluster.Observe(t.Context(), "shop", []state.Component{c})
	wantReason(t, "Observe of a CronJob", err, cluster.Unsupported)
}

func testCancelled(t *testing.T, s stage) {
	s.deploy(t, s.work, 1, app("app:1"))
	c := component(s.work)
	ctx, cancel := context.WithCancel(t.Context())
	cause := func(cluster.Progress) { cancel() }
	err := s.cluster.Await(ctx, c, c.Releases[1], long, cause) // it never gets there: nobody rolled it out
	if cancel(); err == nil {
		t.Error("Await of a release that nobody rolled out returned nil")
	}
	settle(t, s, c, "1.0.0")
	r := rollout(t, s, c, "3.0.0")
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	if err := s.cluster.Await(ctx, c, r, long, func(cluster.Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled Await: %v", err)
	}
}

// Of two processes that follow one plan, one may be a step ahead: what it set is no other manager's image.
func testOvertaken(t *testing.T, s stage) {
	s.deploy(t, s.work, 1, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	behind := rollout(t, s, c, "2.0.0")
	rollout(t, s, c, "1.0.0")
	err := s.cluster.Await(t.Context(), c, behind, long, nil)
	if _, ok := errors.AsType[*cluster.OvertakenError](err); !ok {
		t.Fatalf("got %v, want an OvertakenError", err)
	}
}
