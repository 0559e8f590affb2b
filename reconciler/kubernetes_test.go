package reconciler

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	"github.com/fluxcd/pkg/runtime/leaderelection"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/examples"
	"keyshift.dev/sandbox"
	"keyshift.dev/testbed"
)

func TestMain(m *testing.M) {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	os.Exit(m.Run())
}

// install applies every manifest of config but the Deployment, as kubectl apply -k config does.
func install(t *testing.T, c client.Client) {
	t.Helper()
	for _, pattern := range []string{"../config/namespace.yaml", "../config/crd/*.yaml", "../config/rbac/*.yaml", "../config/admission/*.yaml"} {
		for _, doc := range documents(t, pattern) {
			var o unstructured.Unstructured
			if err := yaml.Unmarshal(doc, &o.Object); err != nil {
				t.Fatal(err)
			}
			if err := c.Create(t.Context(), &o); err != nil && !apierrors.IsAlreadyExists(err) {
				t.Fatal(err)
			}
		}
	}
	until(t, "the API server serves Deliveries", func() string {
		if err := c.List(t.Context(), &v1alpha1.DeliveryList{}); err != nil {
			return err.Error()
		}
		return ""
	})
}

// until waits until what is missing is nothing.
func until(t *testing.T, what string, missing func() string) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		m := missing()
		if m == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in time: %s", what, m)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// asController is the configuration of a client with no more rights than config/rbac gives the controller.
func asController(admin *rest.Config) *rest.Config {
	cfg := rest.CopyConfig(admin)
	cfg.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:keyshift-system:keyshift-controller",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:keyshift-system", "system:authenticated"},
	}
	return cfg
}

// tree is a commit of examples/shop for a namespace and a Redis.
func tree(t *testing.T, commit int, namespace, address string) map[string]string {
	t.Helper()
	files := examples.Shop()[commit].Files
	out := map[string]string{}
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, p)
		out[p] = strings.NewReplacer("redis.shop.svc:6379", address, `auth: secretRef: name: "shop-redis"`, "",
			`namespace: "shop"`, `namespace: "`+namespace+`"`).Replace(string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// installed returns a client that may do everything on an API server that has what config has.
func installed(t *testing.T, plane *testbed.ControlPlane) client.Client {
	t.Helper()
	s, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(plane.Config, client.Options{Scheme: s})
	if err != nil {
		t.Fatal(err)
	}
	install(t, c)
	return c
}

// TestOnKubernetes runs the controller as its ServiceAccount, with the leader election, against a real API server,
// a real Git server and a real Redis.
func TestOnKubernetes(t *testing.T) {
	plane := testbed.SharedKubernetes(t)
	git, redis := testbed.Git(t), testbed.Redis(t)
	namespace := plane.Namespace(t)
	c := installed(t, plane)
	plane.Deploy(t, testbed.Deployment{Namespace: namespace, Name: "checkout", Replicas: 2,
		Images: map[string]string{"app": "ghcr.io/acme/checkout:1.4.0"}})
	git.Commit("before", tree(t, 0, namespace, redis.Addr))
	stopped := runController(t, Options{
		Config: asController(plane.Config), Namespaces: []string{namespace}, Concurrent: 2, State: t.TempDir(),
		LeaderElection:          leaderelection.Options{Enable: true, ReleaseOnCancel: true},
		LeaderElectionNamespace: "keyshift-system",
	})

	d := newDelivery(namespace, "shop", git.URL)
	if err := c.Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	wantApplied(t, c, d, git.Head(), "1.4.0")
	var mirror corev1.ConfigMap
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: recordsName("shop")}, &mirror); err != nil ||
		len(mirror.OwnerReferences) != 1 || mirror.OwnerReferences[0].UID != d.UID {
		t.Errorf("the mirror: %v, %v", err, mirror.OwnerReferences)
	}

	good := git.Commit("after", tree(t, 1, namespace, redis.Addr))
	request(t, c, d, "first")
	wantApplied(t, c, d, good, "2.0.0")
	wantEventsOn(t, c, d, v1alpha1.EventPlanned, v1alpha1.EventStepStarted, v1alpha1.EventStepEnded, meta.ReconciliationSucceededReason)

	badRevisions(t, c, d, git)
	if d.Status.LastAppliedRevision != "main@sha1:"+good {
		t.Errorf("the last good revision is %s", d.Status.LastAppliedRevision)
	}
	wantAdmission(t, c, namespace)
	stopped()
}

// badRevisions pushes what cannot be used, and waits until the Delivery says so.
func badRevisions(t *testing.T, c client.Client, d *v1alpha1.Delivery, git *testbed.GitServer) {
	t.Helper()
	git.Commit("a mistake", map[string]string{"extra.cue": "package shop\n\nsystem: keyspace: session: version: \"2.0.0\"\n"})
	request(t, c, d, "misspelt")
	wantFailed(t, c, d, v1alpha1.ReasonSpecInvalid, "extra.cue:3:")

	if err := os.Symlink("/etc/passwd", git.Clone+"/link.cue"); err != nil {
		t.Fatal(err)
	}
	git.Run("rm", "--quiet", "extra.cue")
	git.Run("add", "link.cue")
	git.Run("commit", "--quiet", "-m", "a symlink")
	git.Push()
	request(t, c, d, "symlink")
	wantFailed(t, c, d, v1alpha1.ReasonTreeRefused, "link.cue")

	git.Fail(testbed.GitHangUp)
	request(t, c, d, "unreachable")
	wantFailed(t, c, d, v1alpha1.ReasonGitUnreachable, git.URL)
	git.Fail(testbed.GitHealthy)
}

func newDelivery(namespace, name, url string) *v1alpha1.Delivery {
	return &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.DeliverySpec{
			Interval: metav1.Duration{Duration: time.Hour}, RetryInterval: &metav1.Duration{Duration: time.Hour},
			Git: v1alpha1.GitSource{URL: url, Ref: &v1alpha1.GitRef{Branch: "main"}}, Path: "./",
		},
	}
}

// runController runs it until the returned function is called or the test ends; it must then end without an error.
func runController(t *testing.T, o Options) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	var done bool
	stop := func() {
		cancel()
		if done {
			return
		}
		done = true
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// request asks for a reconciliation as the Flux command line does.
func request(t *testing.T, c client.Client, d *v1alpha1.Delivery, token string) {
	t.Helper()
	before := d.DeepCopy()
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	d.Annotations[meta.ReconcileRequestAnnotation] = token
	if err := c.Patch(t.Context(), d, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// wantSettled waits until the last request was handled and the Delivery says what ok wants, and checks kstatus.
func wantSettled(t *testing.T, c client.Client, d *v1alpha1.Delivery, what string, ok func() bool) {
	t.Helper()
	until(t, what, func() string {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil {
			return err.Error()
		}
		if d.Status.LastHandledReconcileAt == d.Annotations[meta.ReconcileRequestAnnotation] && ok() {
			return ""
		}
		b, _ := yaml.Marshal(d.Status)
		return string(b)
	})
	if fail, _ := check.NewInProgressChecker(c).Check(t.Context(), d); fail != nil {
		t.Errorf("not conformant: %v\n%+v", fail, d.Status.Conditions)
	}
}

func wantApplied(t *testing.T, c client.Client, d *v1alpha1.Delivery, commit, release string) {
	t.Helper()
	wantSettled(t, c, d, "applied "+release, func() bool {
		return conditions.IsReady(d) && d.Status.ObservedGeneration == d.Generation && d.Status.LastAppliedRevision == "main@sha1:"+commit
	})
	if got := d.Status.Components[0]; len(got.Live) != 1 || got.Live[0].Release != release || got.Live[0].Pods != 2 {
		t.Errorf("live: %+v", got)
	}
}

func wantFailed(t *testing.T, c client.Client, d *v1alpha1.Delivery, reason, text string) {
	t.Helper()
	wantSettled(t, c, d, reason, func() bool {
		return conditions.IsFalse(d, meta.ReadyCondition) && conditions.GetReason(d, meta.ReadyCondition) == reason
	})
	if m := conditions.GetMessage(d, meta.ReadyCondition); !strings.Contains(m, text) {
		t.Errorf("%q, want %q in it", m, text)
	}
}

func wantEventsOn(t *testing.T, c client.Client, d *v1alpha1.Delivery, reasons ...string) {
	t.Helper()
	until(t, "events", func() string {
		var events corev1.EventList
		if err := c.List(t.Context(), &events, client.InNamespace(d.Namespace)); err != nil {
			return err.Error()
		}
		var said []string
		for _, e := range events.Items {
			if e.InvolvedObject.UID == d.UID && e.Annotations[annotationRevision] != "" {
				said = append(said, e.Reason)
			}
		}
		for _, r := range reasons {
			if !strings.Contains(strings.Join(said, " "), r) {
				return r + " is not among " + strings.Join(said, " ")
			}
		}
		return ""
	})
}

// wantAdmission lets the API server refuse what the controller should never see.
func wantAdmission(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	for what, change := range map[string]func(*v1alpha1.Delivery){
		"spec.git.url":      func(d *v1alpha1.Delivery) { d.Spec.Git.URL = "file:///etc" },
		"must not hold":     func(d *v1alpha1.Delivery) { d.Spec.Git.URL = "https://bot:hunter2@git.example.com/x" },
		"tag stands alone":  func(d *v1alpha1.Delivery) { d.Spec.Git.Ref.Tag = "v1" },
		"spec.git.ref.comm": func(d *v1alpha1.Delivery) { d.Spec.Git.Ref.Commit = "HEAD" },
		"does not leave it": func(d *v1alpha1.Delivery) { d.Spec.Path = "a/../../b" },
		"Too long":          func(d *v1alpha1.Delivery) { d.Spec.Path = strings.Repeat("a", 2000) },
	} {
		d := newDelivery(namespace, "refused", "https://git.example.com/x")
		change(d)
		if err := c.Create(t.Context(), d, client.DryRunAll); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want a refusal with %q, got %v", what, err)
		}
	}
	d := newDelivery(namespace, "accepted", "ssh://git@git.example.com/x")
	d.Spec.Git.Ref.Commit = strings.Repeat("a", 40)
	if err := c.Create(t.Context(), d, client.DryRunAll); err != nil {
		t.Error(err)
	}
}
