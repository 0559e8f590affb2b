package remote

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/examples"
	"keyshift.dev/reconciler"
	"keyshift.dev/sandbox"
	"keyshift.dev/testbed"
)

func TestMain(m *testing.M) {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	os.Exit(m.Run())
}

// deliver lets the controller, a Git server and a Redis do what the commands ask for: a plan waits, is approved by its digest
// and runs; it is rolled back; Git follows as the command says, and the Delivery follows Git.
func (s *server) deliver() {
	t := s.t
	git, redis := testbed.Git(t), testbed.Redis(t)
	s.plane.Deploy(t, testbed.Deployment{Namespace: s.namespace, Name: "checkout", Replicas: 2, Images: map[string]string{"app": "ghcr.io/acme/checkout:1.4.0"}})
	binding := s.binding("ada", "ClusterRole", "keyshift-approver")
	d := &v1alpha1.Delivery{Spec: v1alpha1.DeliverySpec{Interval: metav1.Duration{Duration: time.Hour}, Approval: "always",
		Git: v1alpha1.GitSource{URL: git.URL, Ref: &v1alpha1.GitRef{Branch: "main"}}}}
	d.Name = "shop"
	first := git.Commit("before", s.tree(0, redis.Addr))
	for _, o := range []client.Object{binding, d} {
		o.SetNamespace(s.namespace)
		if err := s.admin.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	s.serve()
	s.does("", "reconcile shop", "is ready: applied revision main@sha1:"+first)

	second := git.Commit("after", s.tree(1, redis.Addr))
	s.refused("", "reconcile shop", "AwaitingApproval", "review and approve the plan: keyshift approve shop")
	s.does("", "status shop", "waits for approval\n  shop-")
	all, err := s.as("").plans(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(err, all)
	}
	s.does("ada", "approve "+first12(digestOf(all[0]))+" --answer yes", "is approved by ada.\nThe controller runs it")
	s.applied("main@sha1:" + second)
	s.does("ada", "history shop", "Succeeded  approved by ada")
	s.does("ada", "history shop -v", "5. ")

	s.unattended(d)
	s.does("", "rollback shop", "Delivery shop goes from main@"+second[:12]+" to main@"+first[:12]+".")
	s.applied("main@sha1:" + first)
	s.does("", "status shop", "component checkout  1.4.0    1.4.0 (2 pods)")
	git.Run("revert", "--no-edit", first[:12]+"..HEAD")
	git.Push()
	s.does("", "resume shop", "was kept at main@"+first[:12]+" and follows Git again")
	s.does("", "reconcile shop", "is ready: applied revision main@sha1:"+git.Head())
}

// unattended lets the plans of a Delivery run without a person.
func (s *server) unattended(d *v1alpha1.Delivery) {
	s.t.Helper()
	before := d.DeepCopy()
	d.Spec.Approval = "never"
	if err := s.admin.Patch(s.t.Context(), d, client.MergeFrom(before)); err != nil {
		s.t.Fatal(err)
	}
}

// applied waits until a revision is.
func (s *server) applied(revision string) {
	s.t.Helper()
	s.until(revision+" is applied", func() string {
		d, err := s.as("").delivery(s.t.Context(), "shop")
		if err != nil {
			return err.Error()
		}
		if d.Status.LastAppliedRevision == revision {
			return ""
		}
		return ready(d).Message
	})
}

// serve runs the controller, with no more rights than config gives it, until the test ends.
func (s *server) serve() {
	config := rest.CopyConfig(s.plane.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:keyshift-system:keyshift-controller",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:keyshift-system", "system:authenticated"},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	o := reconciler.Options{Config: config, Namespaces: []string{s.namespace}, State: s.t.TempDir()}
	go func() { ended <- reconciler.Run(ctx, o) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the controller ended with %v", err)
		}
	})
}

// tree is a commit of examples/shop for the namespace and a Redis.
func (s *server) tree(commit int, address string) map[string]string {
	s.t.Helper()
	files := examples.Shop()[commit].Files
	out := map[string]string{}
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, p)
		out[p] = strings.NewReplacer("redis.shop.svc:6379", address, `auth: secretRef: name: "shop-redis"`, "",
			`namespace: "shop"`, `namespace: "`+s.namespace+`"`).Replace(string(b))
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}
