package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"keyshift.dev/testbed"
)

// installDefinition applies config/crd and waits until the API server serves it.
func installDefinition(ctx context.Context, t testing.TB, plane *testbed.ControlPlane) {
	t.Helper()
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../config/crd/keyshift.dev_*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions in config/crd: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var crd unstructured.Unstructured
		if err := yaml.Unmarshal(b, &crd.Object); err != nil {
			t.Fatal(err)
		}
		if err := c.Create(ctx, &crd); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
		awaitEstablished(ctx, t, c, &crd)
	}
}

func awaitEstablished(ctx context.Context, t testing.TB, c client.Client, crd *unstructured.Unstructured) {
	t.Helper()
	for range 300 {
		if err := c.Get(ctx, client.ObjectKeyFromObject(crd), crd); err != nil {
			t.Fatal(err)
		}
		conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
		for _, o := range conditions {
			if m, ok := o.(map[string]any); ok && m["type"] == "Established" && m["status"] == "True" {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the API server did not establish %s", crd.GetName())
}

// install applies every manifest of config but the Deployment, as kubectl apply -k config does.
func install(ctx context.Context, t testing.TB, plane *testbed.ControlPlane) {
	t.Helper()
	installDefinition(ctx, t, plane)
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"namespace.yaml", "rbac/*.yaml", "admission/*.yaml"} {
		files, err := filepath.Glob("../../config/" + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no manifests %s: %v", pattern, err)
		}
		for _, f := range files {
			create(ctx, t, c, f)
		}
	}
}

// create creates the objects of a file; those that are there stay.
func create(ctx context.Context, t testing.TB, c client.Client, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range strings.Split(string(b), "\n---\n") {
		var o unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(doc), &o.Object); err != nil {
			t.Fatal(err)
		}
		if err := c.Create(ctx, &o); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
}

// asController is the configuration of a client with no more rights than config/rbac gives the controller.
func asController(admin *rest.Config) *rest.Config {
	return as(admin, "system:serviceaccount:keyshift-system:keyshift-controller", "system:serviceaccounts", "system:serviceaccounts:keyshift-system")
}

// as is the configuration of a client of a user.
func as(admin *rest.Config, user string, groups ...string) *rest.Config {
	config := rest.CopyConfig(admin)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated")}
	return config
}
