package testbed

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// MendImage makes pods of the namespace ready from now on whose image has "never-ready" or "never-healthy" in its name, those
// that there are included, as if somebody had pushed it anew. It lasts as long as the test.
func (c *ControlPlane) MendImage(t testing.TB, namespace, image string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			c.startPods(ctx, namespace, image)
			time.Sleep(100 * time.Millisecond)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// startPods makes the pods of an image ready that are not. What fails is tried again by the caller.
func (c *ControlPlane) startPods(ctx context.Context, namespace, image string) {
	pods := c.Client.CoreV1().Pods(namespace)
	list, err := pods.List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, p := range list.Items {
		ready := slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		if ready || p.Spec.NodeName == "" || p.DeletionTimestamp != nil || p.Spec.Containers[0].Image != image {
			continue
		}
		if patch, err := json.Marshal(map[string]any{"status": started(p)}); err == nil {
			_, _ = pods.Patch(ctx, p.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
		}
	}
}

// started is the status of a pod all of whose containers run.
func started(p corev1.Pod) corev1.PodStatus {
	now, yes := metav1.Now(), true
	s := corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &now}
	for _, kind := range []corev1.PodConditionType{corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		s.Conditions = append(s.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	for _, container := range p.Spec.Containers {
		s.ContainerStatuses = append(s.ContainerStatuses, corev1.ContainerStatus{Name: container.Name, Image: container.Image,
			Ready: true, Started: &yes, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}})
	}
	return s
}
