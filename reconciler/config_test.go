package reconciler

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"keyshift.dev/api/v1alpha1"
)

// TestRightsAreLeast reads every role of config and refuses what no controller should have.
func TestRightsAreLeast(t *testing.T) {
	rules := 0
	for _, doc := range documents(t, "../config/rbac/*.yaml") {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal(doc, &role); err != nil {
			t.Fatal(err)
		}
		for _, r := range role.Rules {
			rules++
			for _, words := range [][]string{r.APIGroups, r.Resources, r.Verbs, r.NonResourceURLs} {
				if slices.Contains(words, "*") {
					t.Errorf("%s %s: a wildcard in %v", role.Kind, role.Name, r)
				}
			}
			for _, verb := range []string{"escalate", "bind", "impersonate"} {
				if slices.Contains(r.Verbs, verb) {
					t.Errorf("%s %s: %s in %v", role.Kind, role.Name, verb, r)
				}
			}
			if slices.Contains(r.Resources, "secrets") && !slices.Equal(r.Verbs, []string{"get"}) {
				t.Errorf("%s %s: secrets may only be got by name: %v", role.Kind, role.Name, r.Verbs)
			}
			if slices.Contains(r.Resources, "pods/exec") {
				t.Errorf("%s %s: pods/exec", role.Kind, role.Name)
			}
			if slices.Contains(r.Resources, "leases") && !slices.Contains(r.Verbs, "create") && !slices.Contains(r.ResourceNames, leaderElectionID) {
				t.Errorf("%s %s: the lease is called %s, not %v", role.Kind, role.Name, leaderElectionID, r.ResourceNames)
			}
		}
	}
	if rules < 5 {
		t.Fatalf("found %d rules: the test no longer looks at the right place", rules)
	}
}

// TestDeploymentIsRestricted checks what the Pod Security Standard "restricted" asks, and that the flags exist.
func TestDeploymentIsRestricted(t *testing.T) {
	var d appsv1.Deployment
	if err := yaml.UnmarshalStrict(documents(t, "../config/manager/deployment.yaml")[0], &d); err != nil {
		t.Fatal(err)
	}
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	if !*pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.SeccompProfile.Type != "RuntimeDefault" ||
		*c.SecurityContext.AllowPrivilegeEscalation || !*c.SecurityContext.ReadOnlyRootFilesystem ||
		!slices.Equal(c.SecurityContext.Capabilities.Drop, []corev1.Capability{"ALL"}) || c.Resources.Limits.Memory().IsZero() {
		t.Errorf("not restricted: %+v %+v", pod.SecurityContext, c.SecurityContext)
	}
	var o Options
	flags := pflag.NewFlagSet("controller", pflag.ContinueOnError)
	o.BindFlags(flags)
	if err := flags.Parse(c.Args[1:]); err != nil || c.Args[0] != "controller" {
		t.Errorf("args %v: %v", c.Args, err)
	}
	if !o.LeaderElection.Enable || o.MetricsAddr != ":8080" || o.HealthAddr != ":9440" {
		t.Errorf("options of the Deployment: %+v", o)
	}
}

func TestSampleDelivery(t *testing.T) {
	var d v1alpha1.Delivery
	if err := yaml.UnmarshalStrict(documents(t, "../examples/shop/deploy/delivery.yaml")[0], &d); err != nil {
		t.Fatal(err)
	}
	if d.Kind != v1alpha1.DeliveryKind || d.APIVersion != v1alpha1.GroupVersion.String() || d.GetRetryInterval() >= d.GetRequeueAfter() {
		t.Errorf("%+v", d)
	}
}

// TestKustomizationIsComplete finds every manifest of config in its kustomization.
func TestKustomizationIsComplete(t *testing.T) {
	kustomization, err := os.ReadFile("../config/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../config/*/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if name := strings.TrimPrefix(filepath.ToSlash(f), "../config/"); !strings.Contains(string(kustomization), "- "+name+"\n") {
			t.Errorf("%s is not in config/kustomization.yaml", name)
		}
	}
}

// documents returns the YAML documents of the files that match.
func documents(t *testing.T, pattern string) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.FromSlash(pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file matches %s: %v", pattern, err)
	}
	var out [][]byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(b), "\n---\n") {
			out = append(out, []byte(doc))
		}
	}
	return out
}
