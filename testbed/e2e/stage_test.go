package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/redis/go-redis/v9"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/demo"
	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// scenario is what one scenario stands on: a namespace, a store, a repository, an application.
type scenario struct {
	t     testing.TB
	ctx   context.Context
	plane *testbed.ControlPlane
	kube  client.Client // of an administrator
	git   *testbed.GitServer
	redis *redis.Client
	app   *demo.Application

	namespace, folder string
	fill              func() *strings.Replacer // of the placeholders of specs
	units             int                      // seeded of each keyspace
	gone              int                      // keyspaces that were retired

	mu       sync.Mutex
	releases map[string]state.Release // by image, of all commits
}

func newScenario(t testing.TB, plane *testbed.ControlPlane, namespace, folder string) *scenario {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &scenario{t: t, ctx: ctx, plane: plane, kube: clientOf(t, plane.Config), git: testbed.Git(t),
		app: demo.NewApplication(demo.Sessions(), demo.Carts()), namespace: namespace, folder: folder, releases: map[string]state.Release{}}
	s.app.Workers, s.app.Pause = 1, 20*time.Millisecond // so that a rewrite is not done by the pods alone
	server := testbed.Redis(t)
	s.redis = demo.Dial(server.Addr)
	t.Cleanup(func() { _ = s.redis.Close() })
	s.fill = func() *strings.Replacer { return fill(server.Addr, namespace) }
	watched := make(chan struct{})
	go func() { defer close(watched); s.watch() }()
	t.Cleanup(func() { cancel(); <-watched })
	return s
}

// fill fills the placeholders of specs. A window opens half a minute from now at the earliest, so that it is seen closed.
func fill(redis, namespace string) *strings.Replacer {
	opens, later := time.Now().UTC().Add(90*time.Second).Truncate(time.Minute), time.Now().UTC().Add(6*time.Hour)
	clock := func(t time.Time) string { return t.Format("15:04") }
	return strings.NewReplacer("REDIS", redis, "NAMESPACE", namespace, "OPENS", clock(opens), "CLOSES", clock(opens.Add(time.Hour)),
		"LATER", clock(later), "LATEST", clock(later.Add(time.Hour)))
}

// watch finds a Delivery that was ready and is not any more, although nothing was asked for.
func (s *scenario) watch() {
	c, err := client.NewWithWatch(s.plane.Config, client.Options{Scheme: s.kube.Scheme()})
	if err != nil {
		s.t.Error(err)
		return
	}
	events, err := c.Watch(s.ctx, &v1alpha1.DeliveryList{}, client.InNamespace(s.namespace))
	if err != nil {
		s.t.Error(err)
		return
	}
	defer events.Stop()
	asked := func(d *v1alpha1.Delivery) string {
		return fmt.Sprint(d.UID, d.Generation, d.Annotations[meta.ReconcileRequestAnnotation], d.Status.LastAttemptedRevision)
	}
	answered := func(d *v1alpha1.Delivery) bool {
		return d.Generation == d.Status.ObservedGeneration && d.Annotations[meta.ReconcileRequestAnnotation] == d.Status.LastHandledReconcileAt
	}
	ready := ""
	for e := range events.ResultChan() {
		d, ok := e.Object.(*v1alpha1.Delivery)
		switch {
		case !ok:
		case conditions.IsReady(d) && answered(d):
			ready = asked(d)
		case conditions.IsUnknown(d, meta.ReadyCondition) && ready == asked(d) && strings.HasPrefix(conditions.GetMessage(d, meta.ReadyCondition), "fetching"):
			s.t.Errorf("the Delivery was ready, nothing was asked for, and it says: %s", sayReady(d))
		}
	}
}

// seed writes the units that the application has before anything is delivered.
func (s *scenario) seed(w words) error {
	n, err := strconv.Atoi(w.first())
	if err != nil || len(w) != 1 {
		return errWords(w)
	}
	s.units = n
	return s.app.Seed(s.ctx, s.redis, demo.V1, n)
}

// deploy makes the Deployment as its owner would, and runs the application in each of its pods.
func (s *scenario) deploy(w words) error {
	d := testbed.Deployment{Namespace: s.namespace, Name: "checkout", Replicas: 3, Terminate: 500 * time.Millisecond, Programs: true}
	rest, found := w.cut("checkout")
	if !found || len(rest) == 0 {
		return errWords(w)
	}
	d.Images = map[string]string{"app": image(rest[0])}
	if progress, found := rest[1:].cut("progress"); found {
		seconds, err := strconv.ParseInt(progress.first(), 10, 32)
		if err != nil {
			return err
		}
		d.ProgressDeadline = int32(seconds)
	}
	s.plane.OnPod(s.t, s.namespace, func(ctx context.Context, pod corev1.Pod) {
		if pod.Labels["app"] != "checkout" {
			return
		}
		s.mu.Lock()
		release, known := s.releases[pod.Spec.Containers[0].Image]
		s.mu.Unlock()
		if !known {
			s.t.Errorf("pod %s runs %s, which no release names", pod.Name, pod.Spec.Containers[0].Image)
			return
		}
		s.app.RunPod(ctx, release, s.redis, int64(len(pod.Name))+time.Now().UnixNano())
	})
	s.plane.Deploy(s.t, d)
	return s.awaited("release", rest[:1])
}

// commit pushes a file of the scenario with the parts of the system that it names.
func (s *scenario) commit(w words) error {
	parts, found := words(w[min(1, len(w)):]).cut("with")
	if !found && len(w) != 1 || len(w) == 0 {
		return errWords(w)
	}
	paths := []string{filepath.Join(s.folder, w[0]), "testdata/scenarios/system/system.cue"}
	for _, p := range parts {
		paths = append(paths, "testdata/scenarios/system/"+p+".cue")
	}
	fill, files := s.fill(), map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files[filepath.Base(p)] = fill.Replace(string(b))
	}
	tree := treeOf(s.t, "shop", files)
	s.learn(tree)
	old, err := filepath.Glob(s.git.Clone + "/*.cue")
	for _, p := range old {
		err = errors.Join(err, os.Remove(p))
	}
	if err != nil {
		return err
	}
	s.git.Commit(w[0], tree)
	return nil
}

// learn remembers what the releases of a commit do, for the pods that will run their images. A commit that nobody can
// evaluate declares none.
func (s *scenario) learn(tree map[string]string) {
	files := fstest.MapFS{}
	for name, content := range tree {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	desired, err := schema.Evaluate(files, ".")
	if err != nil {
		return
	}
	checkout, _ := desired.FindComponent("checkout")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range checkout.Releases {
		s.releases[r.Images[0].Image] = r
	}
}

// revert undoes the last commit.
func (s *scenario) revert(w words) error {
	if len(w) > 0 {
		return errWords(w)
	}
	s.git.Revert()
	return nil
}

// mend lets an image start that could not.
func (s *scenario) mend(w words) error {
	rest, found := w.cut("image")
	if !found || len(rest) != 1 {
		return errWords(w)
	}
	s.plane.MendImage(s.t, s.namespace, rest[0])
	return nil
}

// turns tells the application that from now on a value may have been through both migrations when it is read.
func (s *scenario) turns(w words) error {
	if len(w) > 0 {
		return errWords(w)
	}
	go func() {
		for s.ctx.Err() == nil {
			s.app.Turn()
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return nil
}

// retired tells the application that the units of a keyspace are gone; that none is left is checked from now on.
func (s *scenario) retired(w words) error {
	if len(w) != 1 {
		return errWords(w)
	}
	s.app.Retire(w.first())
	s.gone++
	r, err := s.app.Check(s.ctx, s.redis)
	if err == nil && r.LostUpdates > 0 {
		err = fmt.Errorf("%v", r.Findings)
	}
	return err
}

// check shows that the application missed nothing.
func (s *scenario) check() {
	r, err := s.app.Check(s.ctx, s.redis)
	if err != nil {
		s.t.Errorf("check: %v", err)
		return
	}
	for i, f := range r.Findings {
		if i < 20 {
			s.t.Errorf("%s", f)
		}
	}
	if r.LostUpdates+r.UnreadableReads > 0 {
		s.t.Errorf("the application suffered: %s", summary(r))
	}
	if r.Reads == 0 || r.Writes == 0 {
		s.t.Errorf("the application did nothing: %s", summary(r))
	}
	s.t.Logf("%s\n%s", summary(r), s.describe())
}

// held counts the units by keyspace and version; those that fit none have an empty one.
func (s *scenario) held() (map[string]map[version]int64, error) {
	r, err := s.app.Check(s.ctx, s.redis)
	out := map[string]map[version]int64{}
	for _, h := range r.Held {
		if out[h.Keyspace] == nil {
			out[h.Keyspace] = map[version]int64{}
		}
		out[h.Keyspace][h.Version] = h.Units
	}
	if want := 2 - s.gone; err == nil && len(out) != want {
		err = fmt.Errorf("there are units of %d keyspaces, want %d", len(out), want)
	}
	return out, err
}
