package cluster_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"

	"keyshift.dev/cluster"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

func stopped(t *testing.T, s stage, c state.Component) {
	t.Helper()
	if err := s.cluster.Stop(t.Context(), "shop", c); err != nil {
		t.Fatal(err)
	}
	if err := s.cluster.AwaitStopped(t.Context(), c, long, nil); err != nil {
		t.Fatal(err)
	}
}

func testStop(t *testing.T, s stage) {
	s.deploy(t, s.work, 2, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	if err := s.cluster.Stop(t.Context(), "shop", c); err != nil {
		t.Fatal(err)
	}
	going := observe(t, s, c)
	want(t, going.Releases, []string{"1.0.0"}) // pods run on while they terminate
	want(t, going.Stopped, true)
	var seen []cluster.Progress
	if err := s.cluster.AwaitStopped(t.Context(), c, long, func(p cluster.Progress) { seen = append(seen, p) }); err != nil {
		t.Fatal(err)
	}
	if len(seen) < 2 || seen[len(seen)-1] != (cluster.Progress{}) || seen[len(seen)-2].Terminating == 0 {
		t.Errorf("the stop did not wait for terminating pods: %+v", seen)
	}
	gone := state.Running{Component: "checkout", Template: "1.0.0", Stopped: true, Since: going.Since}
	want(t, observe(t, s, c), gone)
	if ago := time.Since(time.UnixMilli(going.Since)); ago < -time.Minute || ago > 10*time.Minute {
		t.Errorf("stopped %s ago", ago)
	}
	stopped(t, s, c) // again: the note stands
	want(t, observe(t, s, c), gone)

	rollout(t, s, c, "2.0.0") // nothing starts
	settle(t, s, c, "2.0.0")
	gone.Template = "2.0.0"
	want(t, observe(t, s, c), gone)

	steady := state.Running{Component: "checkout", Releases: []string{"2.0.0"}, Template: "2.0.0", Desired: 2, Ready: 2, Pods: []state.Pods{{Release: "2.0.0", Count: 2}}}
	for range 2 { // the second does nothing
		if err := s.cluster.Start(t.Context(), "shop", c); err != nil {
			t.Fatal(err)
		}
		settle(t, s, c, "2.0.0")
		want(t, observe(t, s, c), steady)
	}
}

func testStopTimeout(t *testing.T, s stage) {
	s.deploy(t, s.work, 1, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	if err := s.cluster.Stop(t.Context(), "shop", c); err != nil {
		t.Fatal(err)
	}
	err := s.cluster.AwaitStopped(t.Context(), c, s.terminate*3/4, nil)
	var stuck *cluster.StuckError
	if !errors.As(err, &stuck) {
		t.Fatalf("AwaitStopped beyond its timeout: %v", err)
	}
	want(t, stuck.Reason, cluster.TimedOut)
	want(t, stuck.Release, "")
	if len(stuck.Pods) != 1 || stuck.Pods[0].Release != "1.0.0" || !strings.Contains(err.Error(), "1 pods are left") {
		t.Errorf("the pod is what it waited for: %v", err)
	}
	stopped(t, s, c)
}

// Somebody scales a stopped workload up: that is seen as running, and stopped again; the greater number comes back.
func testScaledUp(t *testing.T, s stage) {
	s.deploy(t, s.work, 1, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	stopped(t, s, c)
	s.scale(t, s.work, 2)
	up := observe(t, s, c)
	want(t, up.Releases, []string{"1.0.0"})
	want(t, up.Stopped, false)
	err := s.cluster.AwaitStopped(t.Context(), c, long, nil)
	if scaled, ok := errors.AsType[*cluster.ScaledError](err); !ok || scaled.Replicas != 2 {
		t.Fatalf("AwaitStopped of what was scaled up: %v", err)
	}
	stopped(t, s, c)
	s.scale(t, s.work, 1)
	stopped(t, s, c)
	if err := s.cluster.Start(t.Context(), "shop", c); err != nil {
		t.Fatal(err)
	}
	settle(t, s, c, "1.0.0")
	want(t, observe(t, s, c).Desired, 2)
}

func testStopNothing(t *testing.T, s stage) {
	c := component(s.work)
	for what, do := range map[string]func() error{
		"Stop":         func() error { return s.cluster.Stop(t.Context(), "shop", c) },
		"AwaitStopped": func() error { return s.cluster.AwaitStopped(t.Context(), c, long, nil) },
		"Start":        func() error { return s.cluster.Start(t.Context(), "shop", c) },
		"Forget":       func() error { return s.cluster.Forget(t.Context(), "shop", c) },
	} {
		wantReason(t, what, do(), cluster.Missing)
	}
	s.deploy(t, s.work, 0, app("app:1")) // by somebody else: not ours to start
	want(t, observe(t, s, c), state.Running{Component: "checkout", Releases: []string{"1.0.0"}, Template: "1.0.0"})
	if err := s.cluster.Start(t.Context(), "shop", c); err != nil {
		t.Fatal(err)
	}
	want(t, observe(t, s, c).Desired, 0)
	c.External = true
	wantReason(t, "Stop of an external component", s.cluster.Stop(t.Context(), "shop", c), cluster.Unsupported)
	wantReason(t, "Start of an external component", s.cluster.Start(t.Context(), "shop", c), cluster.Unsupported)
}

// Somebody starts what is stopped, and puts it to zero later: that is not Keyshift's stop, which is over, whether anybody
// looked in between or not.
func testPersonLater(t *testing.T, s stage) {
	c := component(s.work)
	s.deploy(t, s.work, 1, app("app:1"))
	for _, forgets := range []bool{false, true} {
		s.scale(t, s.work, 1)
		settle(t, s, c, "1.0.0")
		if err := s.cluster.Stop(t.Context(), "shop", c); err != nil {
			t.Fatal(err)
		}
		if err := s.cluster.Forget(t.Context(), "shop", c); err != nil { // in the middle of the stop
			t.Fatal(err)
		}
		want(t, observe(t, s, c).Stopped, true)
		stopped(t, s, c)
		s.scale(t, s.work, 2)
		settle(t, s, c, "1.0.0")
		want(t, observe(t, s, c).Left, true)
		if forgets {
			if err := s.cluster.Forget(t.Context(), "shop", c); err != nil {
				t.Fatal(err)
			}
			want(t, observe(t, s, c).Left, false)
		}
		s.scale(t, s.work, 0)
		if err := s.cluster.AwaitStopped(t.Context(), c, long, nil); err != nil {
			t.Fatal(err)
		}
		theirs := state.Running{Component: "checkout", Releases: []string{"1.0.0"}, Template: "1.0.0", Left: !forgets}
		want(t, observe(t, s, c), theirs)
		if forgets { // a stop of what has no replicas gives none back
			stopped(t, s, c)
			want(t, observe(t, s, c).Stopped, true)
		}
		if err := s.cluster.Start(t.Context(), "shop", c); err != nil {
			t.Fatal(err)
		}
		theirs.Left = false
		want(t, observe(t, s, c), theirs)
	}
}

// What another system has stopped is neither stopped nor started by this one, and its note stays.
func testOtherSystem(t *testing.T, s stage) {
	s.deploy(t, s.work, 1, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	if err := s.cluster.Stop(t.Context(), "mail", c); err != nil {
		t.Fatal(err)
	}
	if err := s.cluster.AwaitStopped(t.Context(), c, long, nil); err != nil {
		t.Fatal(err)
	}
	want(t, observe(t, s, c), state.Running{Component: "checkout", Releases: []string{"1.0.0"}, Template: "1.0.0", StoppedBy: "mail"})
	wantReason(t, "Stop", s.cluster.Stop(t.Context(), "shop", c), cluster.StoppedByOther)
	wantReason(t, "Start", s.cluster.Start(t.Context(), "shop", c), cluster.StoppedByOther)
	if err := s.cluster.Forget(t.Context(), "shop", c); err != nil {
		t.Fatal(err)
	}
	s.scale(t, s.work, 1) // it is not ours to say that its stop is over
	if err := s.cluster.Forget(t.Context(), "shop", c); err != nil {
		t.Fatal(err)
	}
	up := observe(t, s, c)
	want(t, up.StoppedBy, "")
	want(t, up.Left, false)
	wantReason(t, "Stop", s.cluster.Stop(t.Context(), "shop", c), cluster.StoppedByOther)
	if err := s.cluster.Stop(t.Context(), "mail", c); err != nil {
		t.Fatal(err)
	}
	if err := s.cluster.Start(t.Context(), "mail", c); err != nil {
		t.Fatal(err)
	}
	settle(t, s, c, "1.0.0")
	if err := s.cluster.Stop(t.Context(), "shop", c); err != nil { // the note is gone
		t.Fatal(err)
	}
}

// TestKubeNoteOfAnEarlierVersion: a number alone is taken for a note of ours.
func TestKubeNoteOfAnEarlierVersion(t *testing.T) {
	p := testbed.SharedKubernetes(t)
	s := kubeStage(t, p)
	s.deploy(t, s.work, 2, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	patch(t, p, s.work, cluster.FieldManager, `{"metadata":{"annotations":{"keyshift.dev/replicas":"2"}},"spec":{"replicas":0}}`)
	got := observe(t, s, c)
	want(t, got.Stopped, true)
	want(t, got.Since, int64(0))
	if err := s.cluster.Start(t.Context(), "shop", c); err != nil {
		t.Fatal(err)
	}
	want(t, observe(t, s, c).Desired, 2)
}

func kubectlScale(t *testing.T, p *testbed.ControlPlane, w state.Workload, replicas int) {
	t.Helper()
	o := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: w.Name}, Spec: autoscalingv1.ScaleSpec{Replicas: int32(replicas)}}
	if _, err := p.Client.AppsV1().Deployments(w.Namespace).UpdateScale(t.Context(), w.Name, o, metav1.UpdateOptions{FieldManager: "kubectl"}); err != nil {
		t.Fatal(err)
	}
}

// TestKubeReplicasOwners tells which managers hold a stop, which would put the replicas back in the middle of a rewrite.
func TestKubeReplicasOwners(t *testing.T) {
	p := testbed.SharedKubernetes(t)
	for _, c := range []struct {
		name string
		own  func(*testing.T, state.Workload)
		held bool
	}{
		{"kubectl scale", func(t *testing.T, w state.Workload) { patch(t, p, w, "kubectl-scale", `{"spec":{"replicas":2}}`) }, false},
		{"helm 3", func(t *testing.T, w state.Workload) { patch(t, p, w, "helm", `{"spec":{"replicas":2}}`) }, true},
		{"flux", func(t *testing.T, w state.Workload) { applyReplicas(t, p, w) }, true},
		{"flux, handed over", func(t *testing.T, w state.Workload) {
			applyReplicas(t, p, w)
			patch(t, p, w, "kubectl-annotate", `{"metadata":{"annotations":{"keyshift.dev/hand-over":"images, replicas"}}}`)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := kubeStage(t, p)
			s.deploy(t, s.work, 1, app("app:1"))
			c.own(t, s.work)
			err := s.cluster.Stop(t.Context(), "shop", component(s.work))
			d := deployment(t, p, s.work)
			switch {
			case !c.held && (err != nil || *d.Spec.Replicas != 0 || !strings.HasPrefix(d.Annotations[cluster.ReplicasAnnotation], "2 shop 20")):
				t.Errorf("not stopped: %d replicas, %v, %v", *d.Spec.Replicas, d.Annotations, err)
			case c.held:
				wantReason(t, c.name, err, cluster.ReplicasOwned)
				want(t, *d.Spec.Replicas, int32(2))
			}
		})
	}
}

func applyReplicas(t *testing.T, p *testbed.ControlPlane, w state.Workload) {
	t.Helper()
	d := appsapply.Deployment(w.Name, w.Namespace).WithSpec(appsapply.DeploymentSpec().WithReplicas(2))
	if _, err := p.Client.AppsV1().Deployments(w.Namespace).Apply(t.Context(), d, metav1.ApplyOptions{FieldManager: "kustomize-controller", Force: true}); err != nil {
		t.Fatal(err)
	}
}

// TestKubeDamagedNote: a note that is no number is not guessed at.
func TestKubeDamagedNote(t *testing.T) {
	p := testbed.SharedKubernetes(t)
	s := kubeStage(t, p)
	s.deploy(t, s.work, 1, app("app:1"))
	c := component(s.work)
	stopped(t, s, c)
	patch(t, p, s.work, "kubectl-annotate", `{"metadata":{"annotations":{"keyshift.dev/replicas":"three"}}}`)
	wantReason(t, "Start", s.cluster.Start(t.Context(), "shop", c), cluster.Damaged)
	wantReason(t, "Stop", s.cluster.Stop(t.Context(), "shop", c), cluster.Damaged)
	wantReason(t, "Forget", s.cluster.Forget(t.Context(), "shop", c), cluster.Damaged)
	want(t, observe(t, s, c).Stopped, true)
}
