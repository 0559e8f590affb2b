package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"keyshift.dev/state"
)

// snapshot is what three requests told of one Deployment, in this order: the Deployment, its ReplicaSets, its
// pods. What an older answer says to be gone, a newer one cannot show coming back.
type snapshot struct {
	deployment *appsv1.Deployment // nil: missing
	sets       []appsv1.ReplicaSet
	pods       []corev1.Pod
	now        time.Time
}

// read looks at a component's Deployment. If it is missing, its ReplicaSets and pods are looked for in the
// whole namespace: they may outlive it.
func (k *Kube) read(ctx context.Context, c state.Component) (snapshot, error) {
	if err := supported(c); err != nil {
		return snapshot{}, err
	}
	w, s := c.Workload, snapshot{now: time.Now()}
	list := metav1.ListOptions{}
	d, err := k.client.AppsV1().Deployments(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	switch {
	case err == nil:
		selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
		if err != nil {
			return s, fmt.Errorf("cluster: selector of %s: %w", object(c), err)
		}
		s.deployment, list.LabelSelector = d, selector.String()
	case !apierrors.IsNotFound(err):
		return s, failed(err, object(c), "get", "deployments.apps")
	}
	sets, err := k.client.AppsV1().ReplicaSets(w.Namespace).List(ctx, list)
	if err != nil {
		return s, failed(err, "ReplicaSets of "+object(c), "list", "replicasets.apps")
	}
	pods, err := k.client.CoreV1().Pods(w.Namespace).List(ctx, list)
	if err != nil {
		return s, failed(err, "Pods of "+object(c), "list", "pods")
	}
	s.own(w.Name, sets.Items, pods.Items)
	return s, nil
}

// own keeps what belongs to the Deployment of that name: ReplicaSets that it controls, or that an earlier
// object of its name controlled, and pods whose controller is one of them, or was one that is gone already
// (named after the Deployment and the pod's hash), or that match the selector and have no controller
// (released from it by an edit of labels: the program runs on).
func (s *snapshot) own(name string, sets []appsv1.ReplicaSet, pods []corev1.Pod) {
	all, own := map[types.UID]bool{}, map[types.UID]bool{}
	for _, set := range sets {
		all[set.UID] = true
		owner := metav1.GetControllerOf(&set)
		if owner != nil && owner.Kind == "Deployment" && owner.Name == name {
			own[set.UID] = true
			s.sets = append(s.sets, set)
		}
	}
	for _, pod := range pods {
		owner := metav1.GetControllerOf(&pod)
		switch {
		case ended(&pod):
		case owner == nil && s.deployment != nil,
			owner != nil && own[owner.UID],
			owner != nil && !all[owner.UID] && owner.Kind == "ReplicaSet" && owner.Name == name+"-"+pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]:
			s.pods = append(s.pods, pod)
		}
	}
}

// view makes the plain form of the snapshot.
func (s snapshot) view() view {
	v := view{missing: s.deployment == nil}
	if d := s.deployment; d != nil {
		v.template = imagesOf(d.Spec.Template.Spec)
		v.scaling = scalingOf(d)
		v.seen = d.Status.ObservedGeneration >= d.Generation
		v.stopped = s.stopped()
	}
	templates := map[types.UID][]state.Image{}
	for _, set := range s.sets {
		templates[set.UID] = imagesOf(set.Spec.Template.Spec)
		if set.Spec.Replicas != nil && *set.Spec.Replicas > 0 || set.Status.Replicas > 0 {
			v.started = append(v.started, templates[set.UID])
		}
	}
	for _, pod := range s.pods {
		p := podView{name: pod.Name, images: imagesOf(pod.Spec), ready: ready(&pod), terminating: pod.DeletionTimestamp != nil}
		if owner := metav1.GetControllerOf(&pod); owner != nil {
			p.owner = templates[owner.UID]
		}
		p.reason = reason(&pod, s.now)
		v.pods = append(v.pods, p)
	}
	return v
}

func imagesOf(spec corev1.PodSpec) []state.Image {
	out := make([]state.Image, len(spec.Containers))
	for i, c := range spec.Containers {
		out[i] = state.Image{Container: c.Name, Image: c.Image}
	}
	return out
}

// stopped tells why the Deployment's controller does not go on, empty if it does. A deadline that was
// exceeded before our last change of the template speaks of the rollout before it: the condition stays until
// the controller sees progress.
func (s snapshot) stopped() string {
	d := s.deployment
	if d.Spec.Paused {
		return Paused
	}
	if d.Status.ObservedGeneration < d.Generation {
		return ""
	}
	var changed time.Time
	for _, e := range d.ManagedFields {
		if e.Manager == FieldManager && e.Subresource == "" && e.Time != nil && e.Time.After(changed) {
			changed = e.Time.Time
		}
	}
	for _, cond := range d.Status.Conditions {
		if cond.Type == appsv1.DeploymentProgressing && cond.Status == corev1.ConditionFalse &&
			cond.Reason == DeadlineExceeded && !cond.LastUpdateTime.Time.Before(changed) {
			return DeadlineExceeded
		}
	}
	return ""
}

func ready(pod *corev1.Pod) bool {
	for _, cond := range pod.Status.Conditions {
		if cond.Type == corev1.PodReady {
			return cond.Status == corev1.ConditionTrue
		}
	}
	return false
}

// reason tells why a pod is not ready or has not gone.
func reason(pod *corev1.Pod, now time.Time) string {
	if t := pod.DeletionTimestamp; t != nil {
		// The time in the object is when the grace period ends.
		if over := now.Sub(t.Time); over > 0 {
			text := fmt.Sprintf("terminating, %s beyond its grace period", over.Round(time.Second))
			if len(pod.Finalizers) > 0 {
				text += ", finalizers " + strings.Join(pod.Finalizers, ", ")
			}
			return text
		}
		return fmt.Sprintf("terminating, %s of its grace period left", t.Sub(now).Round(time.Second))
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := s.State.Waiting; w != nil && w.Reason != "PodInitializing" && w.Reason != "ContainerCreating" {
			return strings.TrimSuffix(fmt.Sprintf("container %s: %s: %s", s.Name, w.Reason, w.Message), ": ")
		}
		if e := s.State.Terminated; e != nil && e.ExitCode != 0 {
			return fmt.Sprintf("container %s: exited with %d (%s)", s.Name, e.ExitCode, cmp.Or(e.Reason, "Error"))
		}
	}
	for _, cond := range pod.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status == corev1.ConditionFalse {
			return strings.TrimSuffix(fmt.Sprintf("%s: %s", cond.Reason, cond.Message), ": ")
		}
	}
	if !ready(pod) {
		return fmt.Sprintf("%s, not ready", cmp.Or(string(pod.Status.Phase), "Pending"))
	}
	return ""
}
