package cluster

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// controlledBy makes an object of that UID with a controller.
func controlledBy(uid, kind, name, owner string) metav1.ObjectMeta {
	yes := true
	return metav1.ObjectMeta{Name: uid, UID: types.UID(uid), OwnerReferences: []metav1.OwnerReference{
		{Kind: kind, Name: name, UID: types.UID(owner), Controller: &yes},
	}}
}

// TestOwn tells which pods are a Deployment's: by controllers, not by labels.
func TestOwn(t *testing.T) {
	pod := func(uid, kind, name, owner string) corev1.Pod {
		p := corev1.Pod{ObjectMeta: controlledBy(uid, kind, name, owner)}
		p.Labels = map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "abc"}
		return p
	}
	sets := []appsv1.ReplicaSet{
		{ObjectMeta: controlledBy("rs-now", "Deployment", "app", "d2")},
		{ObjectMeta: controlledBy("rs-earlier-life", "Deployment", "app", "d1")},
		{ObjectMeta: controlledBy("rs-other", "Deployment", "other", "d3")},
		{ObjectMeta: controlledBy("rs-rollout", "Rollout", "app", "d4")},
	}
	pods := []corev1.Pod{
		pod("now", "ReplicaSet", "app-abc", "rs-now"),
		pod("earlier-life", "ReplicaSet", "app-xyz", "rs-earlier-life"),
		pod("set-is-gone", "ReplicaSet", "app-abc", "rs-gone"),
		pod("other", "ReplicaSet", "app-abc", "rs-other"),
		pod("other-set-is-gone", "ReplicaSet", "app-api-abc", "rs-gone"),
		pod("job", "Job", "app-abc", "job"),
		{ObjectMeta: metav1.ObjectMeta{Name: "released"}},
	}
	for _, c := range []struct {
		name       string
		deployment *appsv1.Deployment
		want       map[string]bool
	}{
		{"there", &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{UID: "d2"}}, map[string]bool{"now": true, "earlier-life": true, "set-is-gone": true, "released": true}},
		{"missing", nil, map[string]bool{"now": true, "earlier-life": true, "set-is-gone": true}},
	} {
		s := snapshot{deployment: c.deployment}
		s.own("app", sets, pods)
		got := map[string]bool{}
		for _, p := range s.pods {
			got[p.Name] = true
		}
		for _, p := range pods {
			if got[p.Name] != c.want[p.Name] {
				t.Errorf("deployment %s: pod %s is its own: %t", c.name, p.Name, got[p.Name])
			}
		}
	}
}

func TestEnded(t *testing.T) {
	terminated := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	for _, c := range []struct {
		name       string
		phase      corev1.PodPhase
		containers []corev1.ContainerState
		want       bool
	}{
		{"running", corev1.PodRunning, []corev1.ContainerState{running}, false},
		{"crash-looping", corev1.PodRunning, []corev1.ContainerState{terminated}, false},
		{"evicted", corev1.PodFailed, []corev1.ContainerState{terminated}, true},
		{"evicted before it began", corev1.PodFailed, nil, true},
		{"on a lost node", corev1.PodFailed, []corev1.ContainerState{terminated, running}, false},
		{"unknown", corev1.PodUnknown, nil, false},
	} {
		pod := &corev1.Pod{Status: corev1.PodStatus{Phase: c.phase}}
		for _, s := range c.containers {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{State: s})
		}
		if got := ended(pod); got != c.want {
			t.Errorf("%s: ended is %t", c.name, got)
		}
	}
}

// TestStopped: a deadline that was exceeded before our last change speaks of an earlier rollout.
func TestStopped(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	for _, c := range []struct {
		name      string
		condition time.Duration // when it was exceeded, from our last change
		observed  int64
		paused    bool
		want      string
	}{
		{"exceeded since", 5 * time.Second, 2, false, DeadlineExceeded},
		{"exceeded before", -5 * time.Second, 2, false, ""},
		{"not yet observed", 5 * time.Second, 1, false, ""},
		{"paused", -5 * time.Second, 1, true, Paused},
	} {
		at := metav1.NewTime(now)
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 2, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: FieldManager, Time: &at}}}}
		d.Spec.Paused = c.paused
		d.Status.ObservedGeneration = c.observed
		d.Status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: DeadlineExceeded, LastUpdateTime: metav1.NewTime(now.Add(c.condition)),
		}}
		if got := (snapshot{deployment: d}).stopped(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
