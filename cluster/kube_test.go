package cluster_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/rest"

	"keyshift.dev/cluster"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

func kube(t *testing.T, config *rest.Config) *cluster.Kube {
	t.Helper()
	k, err := cluster.NewKube(config)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// kubeStage is a namespace of the shared control plane.
func kubeStage(t *testing.T, c *testbed.ControlPlane) stage {
	const terminate = 4 * time.Second
	return stage{
		cluster: kube(t, c.Config),
		deploy: func(t *testing.T, w state.Workload, replicas int, images ...state.Image) {
			d := testbed.Deployment{Namespace: w.Namespace, Name: w.Name, Replicas: int32(replicas), Images: map[string]string{},
				Terminate: terminate, ProgressDeadline: 3}
			for _, i := range images {
				d.Images[i.Container] = i.Image
			}
			c.Deploy(t, d)
		},
		remove: func(t *testing.T, w state.Workload) {
			if err := c.Client.AppsV1().Deployments(w.Namespace).Delete(t.Context(), w.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		},
		scale: func(t *testing.T, w state.Workload, replicas int) {
			kubectlScale(t, c, w, replicas)
		},
		image: func(t *testing.T, p cluster.Pull) state.Image {
			return newRegistry(t).image(map[cluster.Pull]string{cluster.PullWorks: "there/app", cluster.PullMissing: "missing/app", cluster.PullUnknown: "failing/app"}[p])
		},
		terminate: terminate,
		work:      state.Workload{Kind: "Deployment", Namespace: c.Namespace(t), Name: "checkout"},
	}
}

func TestKube(t *testing.T) {
	c := testbed.SharedKubernetes(t)
	conform(t, func(t *testing.T) stage { return kubeStage(t, c) })
}

// TestKubeRolloutTouchesImagesOnly compares everything else of the template before and after, and what
// Keyshift owns.
func TestKubeRolloutTouchesImagesOnly(t *testing.T) {
	p := testbed.SharedKubernetes(t)
	s := kubeStage(t, p)
	s.deploy(t, s.work, 0, app("app:1"), state.Image{Container: "mesh", Image: "mesh:7"})
	before := deployment(t, p, s.work)
	rollout(t, s, component(s.work), "2.0.0")
	after := deployment(t, p, s.work)
	for _, e := range after.ManagedFields {
		if e.Manager == cluster.FieldManager {
			want(t, e.Operation, metav1.ManagedFieldsOperationApply)
			want(t, e.FieldsV1.GetRawString(), `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:image":{},"f:name":{}}}}}}}`)
		}
	}
	before.Spec.Template.Spec.Containers[0].Image = "app:2"
	want(t, after.Spec, before.Spec)
}

func deployment(t *testing.T, p *testbed.ControlPlane, w state.Workload) *appsv1.Deployment {
	t.Helper()
	d, err := p.Client.AppsV1().Deployments(w.Namespace).Get(t.Context(), w.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestKubeImageOwners tells which managers hold a rollout and which are taken over.
func TestKubeImageOwners(t *testing.T) {
	p := testbed.SharedKubernetes(t)
	for _, c := range []struct {
		name   string
		own    func(*testing.T, state.Workload) // makes somebody the owner of app's image
		holder string                           // empty: taken over
	}{
		{"kubectl create", func(*testing.T, state.Workload) {}, ""},
		{"kubectl set image", func(t *testing.T, w state.Workload) { setImage(t, p, w, "kubectl-set") }, ""},
		{"client-side kubectl apply", func(t *testing.T, w state.Workload) { setImage(t, p, w, "kubectl-client-side-apply") }, ""},
		{"argo cd", func(t *testing.T, w state.Workload) { setImage(t, p, w, "argocd-controller") }, "argocd-controller"},
		{"helm 3", func(t *testing.T, w state.Workload) { setImage(t, p, w, "helm") }, "helm"},
		{"flux", func(t *testing.T, w state.Workload) { applyImage(t, p, w, "kustomize-controller") }, "kustomize-controller"},
		{"server-side kubectl apply", func(t *testing.T, w state.Workload) { applyImage(t, p, w, "kubectl") }, "kubectl"},
		{"flux, handed over", func(t *testing.T, w state.Workload) {
			applyImage(t, p, w, "kustomize-controller")
			patch(t, p, w, "kubectl-annotate", `{"metadata":{"annotations":{"keyshift.dev/hand-over":"images"}}}`)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := kubeStage(t, p)
			s.deploy(t, s.work, 0, app("app:1"))
			c.own(t, s.work)
			component := component(s.work)
			r, _ := component.FindRelease("2.0.0")
			err := s.cluster.Rollout(t.Context(), component, r)
			image := deployment(t, p, s.work).Spec.Template.Spec.Containers[0].Image
			var held *cluster.ImageOwnedError
			switch {
			case c.holder == "" && (err != nil || image != "app:2"):
				t.Errorf("not taken over: image %s, %v", image, err)
			case c.holder != "" && (!errors.As(err, &held) || held.Manager != c.holder || image == "app:2"):
				t.Errorf("not held by %s: image %s, %v", c.holder, image, err)
			}
		})
	}
}

func patch(t *testing.T, p *testbed.ControlPlane, w state.Workload, manager, patch string) {
	t.Helper()
	_, err := p.Client.AppsV1().Deployments(w.Namespace).Patch(t.Context(), w.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: manager})
	if err != nil {
		t.Fatal(err)
	}
}

func setImage(t *testing.T, p *testbed.ControlPlane, w state.Workload, manager string) {
	t.Helper()
	patch(t, p, w, manager, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"app:1-set"}]}}}}`)
}

func applyImage(t *testing.T, p *testbed.ControlPlane, w state.Workload, manager string) {
	t.Helper()
	pod := coreapply.PodSpec().WithContainers(coreapply.Container().WithName("app").WithImage("app:1-applied"))
	d := appsapply.Deployment(w.Name, w.Namespace).WithSpec(appsapply.DeploymentSpec().WithTemplate(coreapply.PodTemplateSpec().WithSpec(pod)))
	if _, err := p.Client.AppsV1().Deployments(w.Namespace).Apply(t.Context(), d, metav1.ApplyOptions{FieldManager: manager, Force: true}); err != nil {
		t.Fatal(err)
	}
}

// TestKubeImagePutBackDuringAwait: somebody else changes the image while the rollout is under way.
func TestKubeImagePutBackDuringAwait(t *testing.T) {
	p := testbed.SharedKubernetes(t)
	s := kubeStage(t, p)
	s.deploy(t, s.work, 1, app("app:1"))
	c := component(s.work)
	settle(t, s, c, "1.0.0")
	r := rollout(t, s, c, "2.0.0")
	once := func(cluster.Progress) { setImage(t, p, s.work, "kustomize-controller") }
	err := s.cluster.Await(t.Context(), c, r, long, once)
	var held *cluster.ImageOwnedError
	if !errors.As(err, &held) || held.Manager != "kustomize-controller" || held.Live.Image != "app:1-set" {
		t.Errorf("Await after the image was put back: %v", err)
	}
}

// TestKubeErrors: what a user meets who may not, and who is not there.
func TestKubeErrors(t *testing.T) {
	p := testbed.SharedKubernetes(t)
	s := kubeStage(t, p)
	s.deploy(t, s.work, 0, app("app:1"))
	c := component(s.work)

	nobody := rest.CopyConfig(p.Config)
	nobody.Impersonate.UserName = "nobody"
	_, err := kube(t, nobody).Observe(t.Context(), "shop", []state.Component{c})
	wantReason(t, "Observe without rights", err, cluster.Denied)
	if err == nil || !strings.Contains(err.Error(), "the verb get on deployments.apps") {
		t.Errorf("the error does not say what to allow: %v", err)
	}
	_, err = kube(t, nobody).Secret(t.Context(), s.work.Namespace, "redis")
	wantReason(t, "Secret without rights", err, cluster.Denied)
	_, err = kube(t, p.Config).Secret(t.Context(), s.work.Namespace, "redis")
	wantReason(t, "Secret that does not exist", err, cluster.Missing)

	dead := rest.CopyConfig(p.Config)
	dead.Host = "https://127.0.0.1:1"
	_, err = kube(t, dead).Observe(t.Context(), "shop", []state.Component{c})
	wantReason(t, "Observe of a dead server", err, cluster.Unreachable)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	wantReason(t, "Await on a dead server", kube(t, dead).Await(ctx, c, c.Releases[0], time.Second, nil), cluster.Unreachable)
}

func TestKubeSecret(t *testing.T) {
	p := testbed.SharedKubernetes(t)
	ns := p.Namespace(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "redis"}, StringData: map[string]string{"password": "hush"}}
	if _, err := p.Client.CoreV1().Secrets(ns).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	data, err := kube(t, p.Config).Secret(t.Context(), ns, "redis")
	if err != nil || string(data["password"]) != "hush" {
		t.Errorf("Secret: %q, %v", data, err)
	}
}
