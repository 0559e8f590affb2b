package testbed_test

import (
	"context"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"keyshift.dev/testbed"
)

// eventually fails the test if ok does not hold within the limit.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %s", what, limit)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(began)
}

// TestKubernetesRollsAndTerminatesSlowly is what other tests rely on: a Deployment becomes ready, an image
// change replaces its pods, and a deleted pod's program goes on for as long as the pod terminates.
func TestKubernetesRollsAndTerminatesSlowly(t *testing.T) {
	c := testbed.SharedKubernetes(t)
	ns := c.Namespace(t)
	ctx := context.Background()
	var mu sync.Mutex
	live := map[string]int{} // image → running programs
	c.OnPod(t, ns, func(ctx context.Context, pod corev1.Pod) {
		image := pod.Spec.Containers[0].Image
		mu.Lock()
		live[image]++
		mu.Unlock()
		<-ctx.Done()
		time.Sleep(200 * time.Millisecond) // the program's own way to end
		mu.Lock()
		live[image]--
		mu.Unlock()
	})
	count := func(image string) int { mu.Lock(); defer mu.Unlock(); return live[image] }

	c.Deploy(t, testbed.Deployment{Namespace: ns, Name: "app", Replicas: 2, Images: map[string]string{"app": "app:1"}, Terminate: 2 * time.Second, Programs: true})
	eventually(t, 30*time.Second, "two programs of app:1", func() bool { return count("app:1") == 2 })

	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"app:2"}]}}}}`)
	if _, err := c.Client.AppsV1().Deployments(ns).Patch(ctx, "app", types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "two programs of app:2", func() bool { return count("app:2") == 2 })
	if count("app:1") == 0 {
		t.Error("the pods of app:1 were gone at once, they ought to terminate for two seconds")
	}
	eventually(t, 30*time.Second, "no pod of app:1", func() bool { return pods(t, c, ns, "app:1") == 0 })
	if n := count("app:1"); n != 0 {
		t.Errorf("%d programs of app:1 outlived the objects of their pods", n)
	}
}

// pods counts the pods of the namespace that have the image.
func pods(t *testing.T, c *testbed.ControlPlane, namespace, image string) int {
	t.Helper()
	list, err := c.Client.CoreV1().Pods(namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, pod := range list.Items {
		if pod.Spec.Containers[0].Image == image {
			n++
		}
	}
	return n
}

func TestKubernetesPodThatNeverBecomesReady(t *testing.T) {
	c := testbed.SharedKubernetes(t)
	ns := c.Namespace(t)
	c.Deploy(t, testbed.Deployment{Namespace: ns, Name: "app", Replicas: 1, Images: map[string]string{"app": "app:never-ready"}})
	eventually(t, 30*time.Second, "ImagePullBackOff", func() bool {
		pods, err := c.Client.CoreV1().Pods(ns).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, pod := range pods.Items {
			for _, s := range pod.Status.ContainerStatuses {
				if s.State.Waiting != nil && s.State.Waiting.Reason == "ImagePullBackOff" {
					return true
				}
			}
		}
		return false
	})
	mended(t, c, ns, "app:never-ready")
}

func TestKubernetesPodThatNeverBecomesHealthy(t *testing.T) {
	c := testbed.SharedKubernetes(t)
	ns := c.Namespace(t)
	c.Deploy(t, testbed.Deployment{Namespace: ns, Name: "app", Replicas: 1, Images: map[string]string{"app": "app:never-healthy"}})
	eventually(t, 30*time.Second, "a pod that runs and is not ready", func() bool {
		pods, err := c.Client.CoreV1().Pods(ns).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return len(pods.Items) == 1 && pods.Items[0].Status.Phase == corev1.PodRunning && !pods.Items[0].Status.ContainerStatuses[0].Ready
	})
	mended(t, c, ns, "app:never-healthy")
}

// mended mends the image of a Deployment of one pod and waits until that is available.
func mended(t *testing.T, c *testbed.ControlPlane, namespace, image string) {
	t.Helper()
	c.MendImage(t, namespace, image)
	eventually(t, 30*time.Second, "an available Deployment", func() bool {
		d, err := c.Client.AppsV1().Deployments(namespace).Get(context.Background(), "app", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return d.Status.AvailableReplicas == 1
	})
}
