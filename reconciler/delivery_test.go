package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kuberecorder "k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/examples"
	"keyshift.dev/gitsource"
	"keyshift.dev/sandbox"
	"keyshift.dev/schema"
	"keyshift.dev/state"
)

// repository stands for a Git server: what is at the tip of each URL, or why it cannot be had.
type repository struct {
	mu     sync.Mutex
	files  map[string]fs.FS
	errors map[string]error
	old    map[string]fs.FS // by commit
	served int              // trees handed out
}

func (r *repository) push(url string, files fs.FS) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[url] = files
	r.old[revisionOf(files)[len("main@sha1:"):]] = files
	delete(r.errors, url)
}

func (r *repository) breakWith(url string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors[url] = err
}

func (r *repository) fetch(_ context.Context, s gitsource.Source, last string) (gitsource.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.errors[s.URL]; err != nil {
		return gitsource.Snapshot{}, err
	}
	files, ok := r.files[s.URL]
	if s.Commit != "" {
		files, ok = r.old[s.Commit]
	}
	if !ok {
		return gitsource.Snapshot{}, &gitsource.Error{Reason: gitsource.GitUnreachable, Where: s.URL, Message: "no such repository"}
	}
	revision := revisionOf(files)
	if revision == last {
		return gitsource.Snapshot{Revision: revision}, gitsource.ErrUnchanged
	}
	r.served++
	return gitsource.Snapshot{Revision: revision, Files: files}, nil
}

func revisionOf(files fs.FS) string {
	content := map[string]string{}
	_ = fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := fs.ReadFile(files, p)
			content[p] = string(b)
		}
		return err
	})
	return "main@sha1:" + string(state.DigestOf(content))[7:47]
}

// world is everything around a reconciler, in memory.
type world struct {
	t       *testing.T
	client  client.Client
	r       *DeliveryReconciler
	git     *repository
	cluster *cluster.Memory
	redis   *miniredis.Miniredis
	events  chan string
	records map[types.NamespacedName]*memoryRecords
}

// memoryRecords keep a blob in memory.
type memoryRecords struct{ blob []byte }

func (m *memoryRecords) Load(context.Context) ([]byte, bool, error) {
	return m.blob, m.blob != nil, nil
}
func (m *memoryRecords) Save(_ context.Context, blob []byte) error { m.blob = blob; return nil }

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	events := kuberecorder.NewFakeRecorder(1000)
	w := &world{
		t:       t,
		client:  fake.NewClientBuilder().WithScheme(s).WithStatusSubresource(&v1alpha1.Delivery{}, &v1alpha1.Plan{}).Build(),
		git:     &repository{files: map[string]fs.FS{}, old: map[string]fs.FS{}, errors: map[string]error{}},
		cluster: newCluster(t),
		redis:   miniredis.RunT(t),
		events:  events.Events,
		records: map[types.NamespacedName]*memoryRecords{},
	}
	w.r = &DeliveryReconciler{
		State:  &apply.Storage{Address: t.TempDir()},
		Client: w.client, EventRecorder: events, Cluster: w.cluster, Watch: 20 * time.Millisecond,
		Records: func(d *v1alpha1.Delivery) Records {
			name := client.ObjectKeyFromObject(d)
			if w.records[name] == nil {
				w.records[name] = &memoryRecords{}
			}
			return w.records[name]
		},
		Fetch:    w.git.fetch,
		Evaluate: evaluateHere,
	}
	t.Cleanup(w.r.close)
	return w
}

// evaluateHere evaluates without a child process.
func evaluateHere(_ context.Context, files fs.FS, dir string) (state.Desired, error) {
	return schema.Evaluate(files, dir)
}

// newCluster runs three pods of the old release of each component.
func newCluster(t *testing.T) *cluster.Memory {
	c := cluster.NewMemory(cluster.MemoryOptions{})
	t.Cleanup(c.Close)
	for _, name := range []string{"checkout", "billing"} {
		deploy(c, name, "ghcr.io/acme/"+name+":1.4.0")
	}
	return c
}

func deploy(c *cluster.Memory, name, image string) {
	c.Deploy(state.Workload{Kind: "Deployment", Namespace: "shop", Name: name}, 3, state.Image{Container: "app", Image: image})
}

// deliver creates a Delivery that follows a URL.
func (w *world) deliver(name string, change ...func(*v1alpha1.Delivery)) types.NamespacedName {
	w.t.Helper()
	d := &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Generation: 1, UID: types.UID("uid-" + name)},
		Spec: v1alpha1.DeliverySpec{
			Interval:      metav1.Duration{Duration: time.Minute},
			RetryInterval: &metav1.Duration{Duration: 7 * time.Second},
			Git:           v1alpha1.GitSource{URL: urlOf(name)},
		},
		Status: v1alpha1.DeliveryStatus{ObservedGeneration: -1},
	}
	for _, c := range change {
		c(d)
	}
	if err := w.client.Create(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
	return client.ObjectKeyFromObject(d)
}

func urlOf(name string) string { return "https://git.example.com/" + name }

func (w *world) get(name types.NamespacedName) *v1alpha1.Delivery {
	w.t.Helper()
	d := &v1alpha1.Delivery{}
	if err := w.client.Get(w.t.Context(), name, d); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// reconcile makes one attempt, and checks that whatever it wrote is conformant to kstatus.
func (w *world) reconcile(name types.NamespacedName) (*v1alpha1.Delivery, ctrl.Result) {
	w.t.Helper()
	result, err := w.r.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: name})
	if err != nil {
		w.t.Fatal(err)
	}
	d := w.get(name)
	c := check.NewChecker(w.client, &check.Conditions{NegativePolarity: []string{meta.StalledCondition, meta.ReconcilingCondition}})
	if !conditions.IsReconciling(d) || conditions.IsUnknown(d, meta.ReadyCondition) {
		c = check.NewInProgressChecker(w.client)
	}
	if fail, warn := c.Check(w.t.Context(), d.DeepCopy()); fail != nil || warn != nil {
		w.t.Errorf("not conformant: %v, %v\n%+v", fail, warn, d.Status.Conditions)
	}
	return d, result
}

// shop is the tree of a commit of examples/shop with its store at the world's Redis.
func (w *world) shop(commit int, edits ...string) fstest.MapFS {
	w.t.Helper()
	out := fstest.MapFS{}
	files := examples.Shop()[commit].Files
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, p)
		out[p] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	spec := string(out["shop.cue"].Data)
	spec = strings.Replace(spec, "redis://redis.shop.svc:6379/0", "redis://"+w.redis.Addr()+"/0", 1)
	spec = strings.Replace(spec, `auth: secretRef: name: "shop-redis"`, "", 1)
	for i := 0; i+1 < len(edits); i += 2 {
		if !strings.Contains(spec, edits[i]) {
			w.t.Fatalf("the spec has no %q", edits[i])
		}
		spec = strings.ReplaceAll(spec, edits[i], edits[i+1])
	}
	out["shop.cue"].Data = []byte(spec)
	return out
}

func (w *world) seed(n int) {
	for i := range n {
		w.redis.HSet(fmt.Sprintf("session:%d", i), "user_id", "1", "name", "Ada", "created_ms", "1700000000123")
	}
}

// happened returns the events since it was called last.
func (w *world) happened() (out []string) {
	for {
		select {
		case e := <-w.events:
			out = append(out, e)
		default:
			return out
		}
	}
}

func TestThereAndBack(t *testing.T) {
	w := newWorld(t)
	w.seed(50)
	name := w.deliver("shop")

	w.git.push(urlOf("shop"), w.shop(0))
	d, result := w.reconcile(name)
	wantReady(t, d)
	if result.RequeueAfter != time.Minute {
		t.Errorf("next after %s, want the interval", result.RequeueAfter)
	}
	wantLive(t, d, "1.4.0", "1.0.0", 50)

	w.git.push(urlOf("shop"), w.shop(1))
	d, _ = w.reconcile(name)
	wantReady(t, d)
	wantLive(t, d, "2.0.0", "2.0.0", 50)
	if p := d.Status.Plan; p == nil || p.Total != 5 || p.Current != 5 || p.Steps[2].Kind != "backup" || p.Steps[3].Kind != "rewrite" || p.Steps[4].State != v1alpha1.StepDone {
		t.Errorf("plan %+v", p)
	}
	if got := w.redis.HGet("session:7", "full_name"); got != "Ada" || w.redis.HGet("session:7", "name") != "" {
		t.Errorf("session:7 has full_name %q", got)
	}
	wantEvents(t, w.happened(), "Normal Planned planned 5 steps: rollout checkout 1.4.0 → 1.5.0", "StepStarted step 1 of 5",
		"StepEnded step 3 of 5: backup session 1.0.0: 50 keys", "StepEnded step 4 of 5: rewrite session 1.0.0 → 2.0.0: 50 scanned, 50 rewritten", "ReconciliationSucceeded applied revision main@sha1:")

	w.git.push(urlOf("shop"), w.shop(0)) // the newer version, its migration and the bridge are gone from the tree
	d, _ = w.reconcile(name)
	wantReady(t, d)
	wantLive(t, d, "1.4.0", "1.0.0", 50)
	if len(d.Status.History) != 2 {
		t.Errorf("history %+v", d.Status.History)
	}

	before := d.DeepCopy()
	d, _ = w.reconcile(name) // nothing to do
	if !conditions.IsReady(d) || d.Status.Plan.Digest != before.Status.Plan.Digest || len(d.Status.History) != 2 {
		t.Errorf("an attempt with nothing to do changed the plan: %+v", d.Status.Plan)
	}
	w.happened()
	w.reconcile(name)
	if said := w.happened(); len(said) > 0 {
		t.Errorf("an attempt with nothing to do said %q", said)
	}
	if w.git.served != 3 {
		t.Errorf("%d trees were handed out for 3 revisions", w.git.served)
	}
}

func wantReady(t *testing.T, d *v1alpha1.Delivery) {
	t.Helper()
	ready := conditions.Get(d, meta.ReadyCondition)
	if ready == nil || ready.Status != metav1.ConditionTrue || ready.Reason != meta.ReconciliationSucceededReason ||
		d.Status.LastAppliedRevision != d.Status.LastAttemptedRevision || !strings.Contains(ready.Message, d.Status.LastAppliedRevision) ||
		d.Status.ObservedGeneration != d.Generation || d.Status.ObservedAt == nil {
		t.Fatalf("not ready: %+v", d.Status)
	}
}

func wantLive(t *testing.T, d *v1alpha1.Delivery, release, class string, units int64) {
	t.Helper()
	c, k := d.Status.Components[0], d.Status.Keyspaces[0]
	if c.Name != "checkout" || c.Desired != release || len(c.Live) != 1 || c.Live[0].Release != release || c.Live[0].Pods != 3 {
		t.Errorf("component %+v, want 3 pods of %s", c, release)
	}
	if k.Name != "session" || k.Desired != class || len(k.Live) != 1 || k.Live[0] != (v1alpha1.LiveClass{Class: class, Units: units}) {
		t.Errorf("keyspace %+v, want %d units of %s", k, units, class)
	}
}

func wantEvents(t *testing.T, events []string, parts ...string) {
	t.Helper()
	all := strings.Join(events, "\n")
	for _, p := range parts {
		at := strings.Index(all, p)
		if at < 0 {
			t.Fatalf("no event with %q after those before it in:\n%s", p, strings.Join(events, "\n"))
		}
		all = all[at+len(p):]
	}
}

// TestBadInput: whatever is wrong is said on the status, nothing is written, and another Delivery goes on.
func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name   string
		break_ func(w *world) // after a good state was applied
		reason string
		then   then
		text   string
	}{
		{"unreachable repository", func(w *world) {
			w.git.breakWith(urlOf("shop"), &gitsource.Error{Reason: gitsource.GitUnreachable, Where: urlOf("shop"), Message: "no answer"})
		}, v1alpha1.ReasonGitUnreachable, retry, "no answer"},
		{"empty repository", func(w *world) {
			w.git.breakWith(urlOf("shop"), &gitsource.Error{Reason: gitsource.GitEmpty, Where: urlOf("shop"), Message: "no commit"})
		}, v1alpha1.ReasonGitEmpty, retry, "no commit"},
		{"refused URL", func(w *world) {
			w.git.breakWith(urlOf("shop"), &gitsource.Error{Reason: gitsource.URLRefused, Where: "file:///x", Message: "scheme"})
		}, v1alpha1.ReasonURLRefused, stall, "scheme"},
		{"symlink in the tree", func(w *world) {
			w.git.breakWith(urlOf("shop"), &gitsource.Error{Reason: gitsource.TreeRefused, Where: "data.cue", Message: "a symbolic link"})
		}, v1alpha1.ReasonTreeRefused, retry, "data.cue"},
		{"CUE that does not parse", func(w *world) {
			w.git.push(urlOf("shop"), w.shop(1, "system: schema.#System", "system: schema.#System }"))
		}, v1alpha1.ReasonSpecInvalid, retry, "shop.cue:5:"},
		{"conflict", func(w *world) {
			w.git.push(urlOf("shop"), w.shop(1, `store:   "main"`, `store: "main", store: "other"`))
		}, v1alpha1.ReasonSpecInvalid, retry, "shop.cue:13:"},
		{"overlapping patterns", func(w *world) {
			w.git.push(urlOf("shop"), w.shop(1, "system: components:", `system: keyspaces: other: {store: "main", version: "1.0.0", versions: "1.0.0": {keys: "session:<x>", type: "hash", #value: {a: int}}}
system: components:`))
		}, v1alpha1.ReasonSpecInvalid, retry, "shop.cue:"},
		{"a bomb", func(w *world) {
			w.r.Evaluate = func(ctx context.Context, files fs.FS, dir string) (state.Desired, error) {
				return sandbox.Evaluate(ctx, files, dir, sandbox.Limits{Wall: time.Second})
			}
			tree := w.shop(1)
			tree["bomb.cue"] = &fstest.MapFile{Data: []byte("package shop\n\nbomb: " + bomb(20))}
			w.git.push(urlOf("shop"), tree)
		}, v1alpha1.ReasonEvaluationTimeout, retry, "1s"},
		{"a workload of another namespace", func(w *world) {
			w.git.push(urlOf("shop"), w.shop(1, `namespace: "shop"`, `namespace: "bank"`))
		}, v1alpha1.ReasonAccessDenied, retry, `"bank"`},
		{"Redis down", func(w *world) {
			w.git.push(urlOf("shop"), w.shop(1))
			w.redis.Close()
		}, v1alpha1.ReasonStoreUnreachable, retry, `"main"`},
		{"Redis loading", func(w *world) {
			w.git.push(urlOf("shop"), w.shop(1))
			w.redis.SetError("LOADING Redis is loading the dataset in memory")
		}, v1alpha1.ReasonStoreLoading, retry, `"main"`},
		{"Redis emptied", func(w *world) {
			w.git.push(urlOf("shop"), w.shop(1))
			w.redis.FlushAll()
		}, v1alpha1.ReasonStoreChanged, retry, `main`},
		{"a store's Secret is missing", func(w *world) {
			w.git.push(urlOf("shop"), w.shop(1, "system: keyspaces: session: {", `system: stores: main: auth: secretRef: name: "none"
system: keyspaces: session: {`))
		}, v1alpha1.ReasonSecretNotFound, retry, "shop/none"},
		{"more unfit units than the policy allows", func(w *world) {
			for i := range 3 {
				w.redis.HSet(fmt.Sprintf("session:bad%d", i), "user_id", "many")
			}
			w.git.push(urlOf("shop"), w.shop(1))
		}, v1alpha1.ReasonUnfitUnits, retry, "session"},
		{"an image that no release names", func(w *world) {
			w.git.push(urlOf("shop"), w.shop(1))
			deploy(w.cluster, "checkout", "ghcr.io/acme/checkout:surprise")
		}, v1alpha1.ReasonUnknownImage, retry, "surprise"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.seed(20)
			name := w.deliver("shop")
			w.git.push(urlOf("shop"), w.shop(0))
			good, _ := w.reconcile(name)
			wantReady(t, good)
			c.break_(w)
			keys := dump(w)
			w.happened()

			d, result := w.reconcile(name)
			ready := conditions.Get(d, meta.ReadyCondition)
			if ready.Status != metav1.ConditionFalse || ready.Reason != c.reason || !strings.Contains(ready.Message, c.text) {
				t.Fatalf("Ready = %s %s %q, want False %s with %q", ready.Status, ready.Reason, ready.Message, c.reason, c.text)
			}
			if stalled := conditions.IsStalled(d); stalled != (c.then == stall) {
				t.Errorf("stalled: %v", stalled)
			}
			if want := map[then]time.Duration{retry: 7 * time.Second}[c.then]; result.RequeueAfter != want {
				t.Errorf("next after %s, want %s", result.RequeueAfter, want)
			}
			if d.Status.LastAppliedRevision != good.Status.LastAppliedRevision {
				t.Errorf("the last good revision was forgotten: %s", d.Status.LastAppliedRevision)
			}
			wantEvents(t, w.happened(), "Warning "+c.reason)
			if now := dump(w); now != keys {
				t.Errorf("something was written:\n%s\nbefore:\n%s", now, keys)
			}
			wantOtherGoesOn(t, w)
		})
	}
}

// bomb is a product of n disjunctions of two structs.
func bomb(n int) string {
	factors := make([]string, n)
	for i := range factors {
		factors[i] = fmt.Sprintf("({a%d: 1} | {b%d: 1})", i, i)
	}
	return strings.Join(factors, " & ") + "\n"
}

// wantOtherGoesOn reconciles a second Delivery, on its own Redis, to Ready.
func wantOtherGoesOn(t *testing.T, w *world) {
	t.Helper()
	w.redis = miniredis.RunT(t)
	w.r.Evaluate = evaluateHere
	w.git.push(urlOf("other"), w.shop(0, "package shop", "package other", "checkout", "billing"))
	name := w.deliver("other")
	d, _ := w.reconcile(name)
	wantReady(t, d)
}

// dump prints everything in Redis that is not Keyshift's own.
func dump(w *world) string {
	var b strings.Builder
	for _, k := range w.redis.Keys() {
		if !strings.HasPrefix(k, "keyshift:") {
			fields, _ := w.redis.HKeys(k)
			for _, f := range fields {
				fmt.Fprintf(&b, "%s %s %q\n", k, f, w.redis.HGet(k, f))
			}
		}
	}
	return b.String()
}

// TestUnfitUnits: one stays byte for byte, is counted and listed, and blocks a rollout that reads less.
func TestUnfitUnits(t *testing.T) {
	w := newWorld(t)
	w.seed(20)
	w.redis.HSet("session:bad", "user_id", "many")
	name := w.deliver("shop")
	w.git.push(urlOf("shop"), w.shop(0))
	w.reconcile(name)
	w.git.push(urlOf("shop"), w.shop(1))
	d, _ := w.reconcile(name)
	wantReady(t, d)
	k := d.Status.Keyspaces[0]
	if len(k.Unfit) != 1 || k.Unfit[0].Key != "session:bad" || k.Unfit[0].Reason == "" || k.Live[1] != (v1alpha1.LiveClass{Class: "?", Units: 1}) {
		t.Errorf("%+v", k)
	}
	if m := conditions.GetMessage(d, meta.ReadyCondition); !strings.Contains(m, "1 units of session fit no version") {
		t.Errorf("%q", m)
	}
	w.git.push(urlOf("shop"), w.shop(0))
	d, _ = w.reconcile(name)
	if ready := conditions.Get(d, meta.ReadyCondition); ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonUnfitUnits {
		t.Errorf("%+v", ready)
	}
	if w.redis.HGet("session:bad", "user_id") != "many" {
		t.Error("the unit was changed")
	}
}

func TestABadRevisionIsEvaluatedOnce(t *testing.T) {
	w := newWorld(t)
	evaluated := 0
	evaluate := w.r.Evaluate
	w.r.Evaluate = func(ctx context.Context, files fs.FS, dir string) (state.Desired, error) {
		evaluated++
		return evaluate(ctx, files, dir)
	}
	name := w.deliver("shop")
	w.git.push(urlOf("shop"), fstest.MapFS{"a.cue": {Data: []byte("package shop\n}")}})
	w.reconcile(name)
	d, _ := w.reconcile(name)
	if evaluated != 1 {
		t.Errorf("evaluated %d times", evaluated)
	}
	d.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "now"}
	if err := w.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if d, _ = w.reconcile(name); evaluated != 2 || d.Status.LastHandledReconcileAt != "now" {
		t.Errorf("a request: evaluated %d times, handled %q", evaluated, d.Status.LastHandledReconcileAt)
	}
}

func TestSuspend(t *testing.T) {
	w := newWorld(t)
	name := w.deliver("shop", func(d *v1alpha1.Delivery) { d.Spec.Suspend = true })
	w.git.push(urlOf("shop"), w.shop(0))
	result, err := w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: name})
	if err != nil || result != (ctrl.Result{}) || w.git.served != 0 {
		t.Errorf("%+v, %v, fetched %d", result, err, w.git.served)
	}
}

func TestDeletedOrUnknown(t *testing.T) {
	w := newWorld(t)
	name := w.deliver("shop")
	w.git.push(urlOf("shop"), w.shop(0))
	w.reconcile(name)
	if err := w.client.Delete(t.Context(), w.get(name)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: name}); err != nil {
		t.Error(err)
	}
	if len(w.r.stores.open) != 0 || len(w.r.specs.held) != 0 {
		t.Errorf("still held: %d connections, %d specs", len(w.r.stores.open), len(w.r.specs.held))
	}
}

// TestInterrupted changes what a run works for while it runs.
func TestInterrupted(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(w *world, d *v1alpha1.Delivery)
		text   string
	}{
		{"a newer revision", func(w *world, d *v1alpha1.Delivery) {
			w.git.push(urlOf("shop"), w.shop(0))
			d.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "now"}
		}, "moved to main@sha1:"},
		{"a changed spec", func(_ *world, d *v1alpha1.Delivery) { d.Generation++ }, "was changed"},
		{"a suspension", func(_ *world, d *v1alpha1.Delivery) { d.Generation++; d.Spec.Suspend = true }, "was changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			name := w.deliver("shop")
			w.git.push(urlOf("shop"), w.shop(0))
			w.reconcile(name)
			w.git.push(urlOf("shop"), w.shop(1))
			hold := newGate(w.cluster)
			w.r.Cluster = hold
			go func() {
				<-hold.reached
				d := w.get(name)
				c.change(w, d)
				if err := w.client.Update(context.Background(), d); err != nil {
					t.Error(err)
				}
			}()
			d, result := w.reconcile(name)
			if ready := conditions.Get(d, meta.ReadyCondition); ready.Status != metav1.ConditionUnknown || !strings.Contains(ready.Message, c.text) {
				t.Errorf("%+v", ready)
			}
			if result.RequeueAfter <= 0 || result.RequeueAfter > time.Second {
				t.Errorf("next after %s", result.RequeueAfter)
			}
			w.r.Cluster = w.cluster
			if d, _ = w.reconcile(name); d.Spec.Suspend {
				if r := conditions.GetReason(d, meta.ReadyCondition); r != meta.SuspendedReason || conditions.IsReconciling(d) {
					t.Errorf("suspended: %+v", d.Status.Conditions)
				}
			} else {
				wantReady(t, d)
			}
		})
	}
}

// gate is a cluster whose rollouts wait until their context ends.
type gate struct {
	cluster.Cluster
	once    sync.Once
	reached chan struct{}
}

func newGate(c cluster.Cluster) *gate { return &gate{Cluster: c, reached: make(chan struct{})} }

func (g *gate) Await(ctx context.Context, _ state.Component, _ state.Release, _ time.Duration, _ func(cluster.Progress)) error {
	g.once.Do(func() { close(g.reached) })
	<-ctx.Done()
	return ctx.Err()
}

// TestDeletedDuringARun: nothing goes on for a Delivery that is gone.
func TestDeletedDuringARun(t *testing.T) {
	w := newWorld(t)
	name := w.deliver("shop")
	w.git.push(urlOf("shop"), w.shop(0))
	w.reconcile(name)
	w.git.push(urlOf("shop"), w.shop(1))
	hold := newGate(w.cluster)
	w.r.Cluster = hold
	go func() {
		<-hold.reached
		if err := w.client.Delete(context.Background(), w.get(name)); err != nil {
			t.Error(err)
		}
	}()
	if _, err := w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: name}); err != nil {
		t.Error(err)
	}
}

// TestSecretOfAStore: the password comes from the Secret, and a new one makes a new connection.
func TestSecretOfAStore(t *testing.T) {
	w := newWorld(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "shop-redis"}, Data: map[string][]byte{"password": []byte("hunter2")}}
	if err := w.client.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	w.redis.RequireAuth("hunter2")
	name := w.deliver("shop")
	tree := w.shop(0)
	tree["auth.cue"] = &fstest.MapFile{Data: []byte("package shop\n\nsystem: stores: main: auth: secretRef: name: \"shop-redis\"\n")}
	w.git.push(urlOf("shop"), tree)
	d, _ := w.reconcile(name)
	wantReady(t, d)
	first := w.connections()

	w.redis.RequireAuth("hunter3")
	secret.Data["password"] = []byte("wrong")
	if err := w.client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	d, _ = w.reconcile(name)
	ready := conditions.Get(d, meta.ReadyCondition)
	if ready.Reason != v1alpha1.ReasonStoreDenied || strings.Contains(ready.Message, "wrong") || strings.Contains(ready.Message, "hunter") {
		t.Errorf("%+v", ready)
	}
	secret.Data["password"] = []byte("hunter3")
	if err := w.client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	d, _ = w.reconcile(name)
	wantReady(t, d)
	if now := w.connections(); len(now) != 1 || now[0] == first[0] {
		t.Errorf("connections %v, before %v", now, first)
	}
}

func (w *world) connections() (out []connection) {
	for c := range w.r.stores.open {
		out = append(out, c)
	}
	return out
}

func TestStopped(t *testing.T) {
	w := newWorld(t)
	name := w.deliver("shop")
	w.git.push(urlOf("shop"), w.shop(0))
	w.reconcile(name)
	w.git.push(urlOf("shop"), w.shop(1))
	hold := newGate(w.cluster)
	w.r.Cluster = hold
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-hold.reached; cancel() }()
	if result, err := w.r.Reconcile(ctx, ctrl.Request{NamespacedName: name}); err != nil || result != (ctrl.Result{}) {
		t.Errorf("%+v, %v", result, err)
	}
	if d := w.get(name); !conditions.IsReconciling(d) || !conditions.IsUnknown(d, meta.ReadyCondition) {
		t.Errorf("a stop is no outcome: %+v", d.Status.Conditions)
	}
	w.r.Cluster = w.cluster
	d, _ := w.reconcile(name)
	wantReady(t, d)
}

func TestGitSource(t *testing.T) {
	w := newWorld(t)
	for name, data := range map[string]map[string][]byte{
		"https": {"username": []byte("bot"), "password": []byte("token"), "ca.crt": []byte("PEM")},
		"ssh":   {"identity": []byte("KEY"), "known_hosts": []byte("HOSTS"), "password": []byte("phrase")},
		"empty": {"token": []byte("x")},
	} {
		if err := w.client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	source := func(secret string) (gitsource.Source, error) {
		d := &v1alpha1.Delivery{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}
		d.Spec.Git = v1alpha1.GitSource{URL: "https://x", InsecureHTTP: true, Ref: &v1alpha1.GitRef{Branch: "b"}, SecretRef: &v1alpha1.SecretReference{Name: secret}}
		return gitSource(t.Context(), w.client, d)
	}
	if s, err := source("https"); err != nil || s.Username != "bot" || s.Password != "token" || string(s.CABundle) != "PEM" || s.Branch != "b" || !s.AllowHTTP {
		t.Errorf("%v", err)
	}
	if s, err := source("ssh"); err != nil || string(s.SSHKey) != "KEY" || string(s.KnownHosts) != "HOSTS" || s.SSHPassword != "phrase" || s.Password != "" {
		t.Errorf("%v", err)
	}
	var e *SecretError
	if _, err := source("empty"); !errors.As(err, &e) || e.Missing {
		t.Errorf("%v", err)
	}
	if _, err := source("none"); !errors.As(err, &e) || !e.Missing {
		t.Errorf("%v", err)
	}
}
