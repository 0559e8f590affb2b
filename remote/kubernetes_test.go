package remote

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/testbed"
)

// server is a real API server with Keyshift's definitions, rights and policy, and a namespace of it with a Delivery and a
// Plan that waits.
type server struct {
	t         *testing.T
	plane     *testbed.ControlPlane
	namespace string
	admin     client.Client
}

// as is the namespace as somebody sees it.
func (s *server) as(user string) place {
	config := rest.CopyConfig(s.plane.Config)
	if user != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	}
	p, err := newPlace(config, s.namespace)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// until waits until what is missing is nothing.
func (s *server) until(what string, missing func() string) {
	s.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for m := missing(); m != ""; m = missing() {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not in time: %s", what, m)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// install creates every manifest of config but the Deployment.
func (s *server) install() {
	s.t.Helper()
	for _, pattern := range []string{"../config/namespace.yaml", "../config/crd/*.yaml", "../config/rbac/*.yaml", "../config/admission/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			s.t.Fatal(pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				s.t.Fatal(err)
			}
			for doc := range strings.SplitSeq(string(text), "\n---\n") {
				var o unstructured.Unstructured
				if err := yaml.Unmarshal([]byte(doc), &o.Object); err != nil {
					s.t.Fatal(err)
				}
				if err := s.admin.Create(s.t.Context(), &o); err != nil && !apierrors.IsAlreadyExists(err) {
					s.t.Fatal(file, err)
				}
			}
		}
	}
	s.until("Deliveries are served", func() string {
		if err := s.as("").client.List(s.t.Context(), &v1alpha1.PlanList{}); err != nil {
			return err.Error()
		}
		if err := s.as("").client.List(s.t.Context(), &v1alpha1.DeliveryList{}); err != nil {
			return err.Error()
		}
		return ""
	})
}

// fill makes the Delivery, its Plan, and the rights: ada may approve, bob may write Plans, carol nothing.
func (s *server) fill() {
	s.t.Helper()
	role := &rbacv1.Role{Rules: []rbacv1.PolicyRule{{APIGroups: []string{"keyshift.dev"}, Resources: []string{"plans"}, Verbs: []string{"get", "list", "patch", "update"}}}}
	d := &v1alpha1.Delivery{Spec: v1alpha1.DeliverySpec{Interval: metav1.Duration{Duration: time.Hour}, Git: v1alpha1.GitSource{URL: "https://git.example.com/shop.git"}}}
	x := waitingPlan("shop-1")
	x.UID = ""
	role.Name, d.Name = "writer", "shop"
	ada, bob := s.binding("ada", "ClusterRole", "keyshift-approver"), s.binding("bob", "Role", "writer")
	for _, o := range []client.Object{role, ada, bob, d, x} {
		o.SetNamespace(s.namespace)
		if err := s.admin.Create(s.t.Context(), o); err != nil {
			s.t.Fatal(err)
		}
	}
	x.Status.Phase = v1alpha1.PlanAwaitingApproval
	d.Status.LastAttemptedRevision = newer
	d.Status.Applied = []v1alpha1.AppliedRevision{{Revision: newer, At: metav1.Now()}, {Revision: older, At: metav1.Now()}}
	for _, o := range []client.Object{x, d} {
		if err := s.admin.Status().Update(s.t.Context(), o); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *server) binding(user, kind, role string) *rbacv1.RoleBinding {
	b := &rbacv1.RoleBinding{Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role}}
	b.Name = user
	return b
}

// plan reads the Plan.
func (s *server) plan() *v1alpha1.Plan {
	s.t.Helper()
	var x v1alpha1.Plan
	if err := s.admin.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "shop-1"}, &x); err != nil {
		s.t.Fatal(err)
	}
	return &x
}

// patch changes the Plan as somebody who does not use the commands.
func (s *server) patch(user string, change func(*v1alpha1.Plan), options ...client.PatchOption) error {
	x := s.plan()
	before := x.DeepCopy()
	change(x)
	return s.as(user).client.Patch(s.t.Context(), x, client.MergeFrom(before), options...)
}

func approvedBy(name string) func(*v1alpha1.Plan) {
	return func(x *v1alpha1.Plan) { x.Spec.Approval = &v1alpha1.PlanApproval{Approved: true, By: name} }
}

// refused wants a command to fail with a code and a text.
func (s *server) refused(user, line, code, text string) {
	s.t.Helper()
	out, err := command(s.t, s.as(user), line)
	if err == nil || asProblem(err).Code != code || !strings.Contains(err.Error(), text) {
		s.t.Errorf("%s by %q: got %v, want %s: %s\n%s", line, user, err, code, text, out)
	}
}

// does wants a command to be done, and to say something.
func (s *server) does(user, line, text string) {
	s.t.Helper()
	out, err := command(s.t, s.as(user), line)
	if err != nil || !strings.Contains(out, text) {
		s.t.Errorf("%s by %q: %v, want %q in\n%s", line, user, err, text, out)
	}
}

// TestOnKubernetes lets people with and without rights approve a Plan on a real API server, with the policy of config.
func TestOnKubernetes(t *testing.T) {
	plane := testbed.SharedKubernetes(t)
	s := &server{t: t, plane: plane, namespace: plane.Namespace(t)}
	kinds, err := scheme()
	if err != nil {
		t.Fatal(err)
	}
	if err := rbacv1.AddToScheme(kinds); err != nil {
		t.Fatal(err)
	}
	if s.admin, err = client.New(plane.Config, client.Options{Scheme: kinds}); err != nil {
		t.Fatal(err)
	}
	s.refused("", "status shop", "NotInstalled", "kubectl apply -k config")
	s.refused("", "approve shop", "NotInstalled", "has no plans.keyshift.dev")
	s.install()
	s.fill()
	s.until("the policy refuses bob", func() string {
		if err := s.patch("bob", approvedBy("bob"), client.DryRunAll); !apierrors.IsForbidden(err) {
			return "it does not"
		}
		return ""
	})
	s.rights()
	s.approval()
	s.steering()
	s.wiring()
	whole := &server{t: t, plane: plane, namespace: plane.Namespace(t), admin: s.admin}
	whole.deliver()
}

// rights lets those try who may not.
func (s *server) rights() {
	s.refused("carol", "approve shop --yes", "Forbidden", `cannot list resource "plans"`)
	s.refused("carol", "approve shop --yes", "Forbidden", "it takes the verb list on plans.keyshift.dev in namespace "+s.namespace+": the ClusterRole keyshift-approver has it")
	s.refused("bob", "approve shop --yes", "Forbidden", "bob may not approve plans in "+s.namespace+": that takes the verb approve on plans.keyshift.dev; ask for the role: kubectl create rolebinding -n "+s.namespace)
	s.refused("bob", "reject shop-1 --yes", "Forbidden", "bob may not approve plans")
	s.refused("ada", "suspend shop", "Forbidden", "it takes the verb patch on deliveries.keyshift.dev in namespace "+s.namespace)
	s.refused("ada", "status nobody", "NoDelivery", "it has shop")
	if err := s.patch("ada", approvedBy("eve")); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "spec.approval.by must be ada") {
		s.t.Errorf("ada approves as eve: %v", err)
	}
	steps := func(x *v1alpha1.Plan) { x.Spec.Steps[0].Object = "cart" }
	for _, user := range []string{"ada", ""} {
		if err := s.patch(user, steps); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "a plan cannot be changed") {
			s.t.Errorf("%q changes a step: %v", user, err)
		}
	}
	if x := s.plan(); x.Spec.Approval != nil {
		s.t.Errorf("it is approved: %+v", x.Spec.Approval)
	}
}

// approval lets those decide who may.
func (s *server) approval() {
	s.does("ada", "reject shop --yes", "Plan shop-1 is rejected by ada.")
	s.does("ada", "approve shop --answer yes", "Do you, ada, approve this plan? yes\nPlan shop-1 is approved by ada.")
	if a := s.plan().Spec.Approval; a == nil || !a.Approved || a.By != "ada" {
		s.t.Errorf("got %+v", a)
	}
	if err := s.patch("bob", func(x *v1alpha1.Plan) { x.Spec.Approval = nil }); !apierrors.IsForbidden(err) {
		s.t.Errorf("bob takes an approval back: %v", err)
	}
	s.does("ada", "history shop", "approved by ada")
}

// steering changes the Delivery, and the definitions accept what is written.
func (s *server) steering() {
	s.does("", "suspend shop", "is suspended")
	s.does("", "rollback shop --wait=false --to abcdef0", "goes from main@bbbbbbbbbbbb to main@abcdef000000")
	s.does("", "status shop", "kept at main@abcdef000000")
	s.does("", "resume shop", "follows Git again")
	s.does("", "reconcile shop --force --adopt --wait=false", "looked at now")
	var d v1alpha1.Delivery
	if err := s.admin.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "shop"}, &d); err != nil {
		s.t.Fatal(err)
	}
	if d.Spec.Suspend || d.Spec.Rollback != nil || d.Annotations[v1alpha1.ForceAnnotation] == "" {
		s.t.Errorf("got %+v, %v", d.Spec, d.Annotations)
	}
}

// wiring runs commands as the command line does, by a kubeconfig.
func (s *server) wiring() {
	for _, x := range []struct {
		words []string
		code  string
		want  string
	}{
		{[]string{"--kubeconfig", s.plane.Kubeconfig, "-n", s.namespace, "shop"}, "", "approve shop-1"},
		{[]string{"--kubeconfig", s.plane.Kubeconfig, "shop"}, "NoDelivery", "there is one in " + s.namespace + ": name the namespace with -n"},
		{[]string{"--kubeconfig", s.plane.Kubeconfig, "--context", "none", "shop"}, "NoCluster", "--context"},
		{[]string{"--kubeconfig", s.plane.Dir + "/none", "shop"}, "NoCluster", "--kubeconfig"},
	} {
		out, err := commandLine(s.t, "status", x.words)
		switch {
		case x.code == "" && err != nil:
			s.t.Errorf("%v: %v", x.words, err)
		case x.code != "" && (err == nil || asProblem(err).Code != x.code || !strings.Contains(err.Error(), x.want)):
			s.t.Errorf("%v: %v, want %s: %s\n%s", x.words, err, x.code, x.want, out)
		}
	}
}

// commandLine runs a command of Commands.
func commandLine(t *testing.T, name string, words []string) (string, error) {
	t.Helper()
	for _, c := range Commands() {
		if first, _, _ := strings.Cut(c.Use, " "); first != name {
			continue
		}
		flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
		c.Flags(flags)
		if err := flags.Parse(words); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := c.Run(t.Context(), Streams{Out: &out, Err: &out}, flags.Args())
		return out.String(), err
	}
	t.Fatalf("no command %q", name)
	return "", nil
}

// A server that does not answer is named, with what to look at.
func TestUnreachable(t *testing.T) {
	p, err := newPlace(&rest.Config{Host: "https://127.0.0.1:1"}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"status shop", "approve shop", "suspend shop"} {
		_, err := command(t, p, line)
		if err == nil || asProblem(err).Code != "ClusterUnreachable" || !strings.Contains(err.Error(), "https://127.0.0.1:1") || !strings.Contains(err.Error(), "kubectl cluster-info") {
			t.Errorf("%s: %v", line, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.delivery(ctx, "shop"); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt is told as %v", err)
	}
}
