package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/demo"
	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// version is a version of a keyspace.
type version = state.Version

// line is everything one end-to-end test stands on.
type line struct {
	t     testing.TB
	ctx   context.Context
	plane *testbed.ControlPlane
	git   *testbed.GitServer
	redis *redis.Client
	kube  client.Client
	app   *demo.Application

	namespace     string
	state         string // folder of backups and undo logs
	before, after string // the spec of the first and the second commit
	catalogue     state.Desired
	binary        string
	controller    *exec.Cmd
	log           *os.File
}

// newLine starts the servers and builds the binary.
func newLine(t *testing.T) *line {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	l := &line{t: t, ctx: ctx, plane: testbed.SharedKubernetes(t), git: testbed.Git(t)}
	server := testbed.Redis(t, "--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0")
	l.namespace, l.state = l.plane.Namespace(t), t.TempDir()
	l.redis = demo.Dial(server.Addr)
	t.Cleanup(func() { _ = l.redis.Close() })
	l.app = demo.NewApplication(demo.Sessions(), demo.Carts())
	l.readSpecs(server.Addr)
	l.connect()
	l.binary = buildBinary(t)
	return l
}

// readSpecs fills the placeholders of testdata/line.txtar and evaluates the second commit.
func (l *line) readSpecs(addr string) {
	l.t.Helper()
	archive, err := txtar.ParseFile("testdata/line.txtar")
	if err != nil {
		l.t.Fatal(err)
	}
	fill := strings.NewReplacer("REDIS", addr, "NAMESPACE", l.namespace)
	l.before, l.after = fill.Replace(string(archive.Files[0].Data)), fill.Replace(string(archive.Files[1].Data))
	files := fstest.MapFS{}
	for name, content := range l.tree(l.after) {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	if l.catalogue, err = schema.Evaluate(files, "."); err != nil {
		l.t.Fatalf("the second commit: %v", err)
	}
}

// tree is the whole repository of a commit, with the vendored schema.
func (l *line) tree(spec string) map[string]string {
	l.t.Helper()
	return treeOf(l.t, "line", map[string]string{"spec.cue": spec})
}

// treeOf is a repository that holds these files, a module of that name and the vendored schema.
func treeOf(t testing.TB, module string, files map[string]string) map[string]string {
	t.Helper()
	out := maps.Clone(files)
	out["cue.mod/module.cue"] = "module: \"example.com/" + module + "@v0\"\nlanguage: version: \"v0.17.0\"\n"
	err := fs.WalkDir(schema.Definitions(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(schema.Definitions(), p)
		out["cue.mod/pkg/"+schema.ModulePath+"/"+p] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// connect makes a client that knows Deliveries and installs their definition.
func (l *line) connect() {
	l.t.Helper()
	l.kube = clientOf(l.t, l.plane.Config)
	installDefinition(l.ctx, l.t, l.plane)
}

// clientOf makes a client that knows Deliveries and Plans.
func clientOf(t testing.TB, config *rest.Config) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// buildBinary builds cmd/keyshift.
func buildBinary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyshift")
	if out, err := exec.Command("go", "build", "-o", path, "keyshift.dev/cmd/keyshift").CombinedOutput(); err != nil {
		t.Fatalf("build the binary: %v\n%s", err, out)
	}
	return path
}

func image(release string) string { return "example.com/checkout:" + release }

// push commits a spec and returns the revision that the Delivery will name.
func (l *line) push(message, spec string) (revision string) {
	l.t.Helper()
	l.git.Commit(message, l.tree(spec))
	return l.git.Head()
}

func (l *line) revert() (revision string) {
	l.t.Helper()
	return l.git.Revert()
}

// deploy creates the Deployment as its owner would, and runs the application in each of its pods.
func (l *line) deploy(release string, terminate time.Duration) {
	l.t.Helper()
	checkout, ok := l.catalogue.FindComponent("checkout")
	if !ok {
		l.t.Fatal("the spec has no component checkout")
	}
	l.plane.OnPod(l.t, l.namespace, func(ctx context.Context, pod corev1.Pod) {
		for _, r := range checkout.Releases {
			if image(r.Name) == pod.Spec.Containers[0].Image {
				l.app.RunPod(ctx, r, l.redis, int64(len(pod.Name))+time.Now().UnixNano())
				return
			}
		}
		l.t.Errorf("pod %s runs %s, which no release names", pod.Name, pod.Spec.Containers[0].Image)
	})
	l.plane.Deploy(l.t, testbed.Deployment{Namespace: l.namespace, Name: "checkout", Replicas: 3,
		Images: map[string]string{"app": image(release)}, Terminate: terminate, Programs: true})
}

func (l *line) seed() {
	l.t.Helper()
	if err := l.app.Seed(l.ctx, l.redis, demo.V1, units); err != nil {
		l.t.Fatal(err)
	}
}

// startController starts the real binary, as an installation does but for its ports.
func (l *line) startController() {
	l.t.Helper()
	log, err := os.OpenFile(filepath.Join(l.plane.Dir, "controller-"+l.namespace+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		l.t.Fatal(err)
	}
	l.log = log
	l.controller = exec.Command(l.binary, "controller", "--kubeconfig", l.plane.Kubeconfig,
		"--metrics-addr", "0", "--health-addr", "0", "--watch-namespaces", l.namespace, "--state", l.state)
	l.controller.Stdout, l.controller.Stderr = log, log
	l.controller.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := l.controller.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		l.killController()
		if l.t.Failed() {
			l.t.Logf("the controller's log ends with:\n%s", tail(log.Name()))
		}
	})
}

// killController ends it as kill -9 does.
func (l *line) killController() {
	if l.controller == nil {
		return
	}
	_ = l.controller.Process.Kill()
	_ = l.controller.Wait()
	_ = l.log.Close()
	l.controller = nil
}

// tail returns the end of a file.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 8000 {
		_, _ = f.Seek(-8000, io.SeekEnd)
	}
	b, _ := io.ReadAll(f)
	return string(b)
}

func (l *line) createDelivery() {
	l.t.Helper()
	d := &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Name: "line", Namespace: l.namespace},
		Spec: v1alpha1.DeliverySpec{
			Interval:      metav1.Duration{Duration: 2 * time.Second},
			RetryInterval: &metav1.Duration{Duration: 2 * time.Second},
			Timeout:       &metav1.Duration{Duration: 4 * time.Minute},
			Git:           v1alpha1.GitSource{URL: l.git.URL},
		},
	}
	if err := l.kube.Create(l.ctx, d); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) delivery() (*v1alpha1.Delivery, error) {
	var d v1alpha1.Delivery
	err := l.kube.Get(l.ctx, types.NamespacedName{Namespace: l.namespace, Name: "line"}, &d)
	return &d, err
}

// ready says what the Delivery says of itself.
func (l *line) ready() string {
	d, err := l.delivery()
	if err != nil {
		return err.Error()
	}
	for _, c := range d.Status.Conditions {
		if c.Type == "Ready" {
			return fmt.Sprintf("Ready=%s %s: %s (attempted %s, applied %s)", c.Status, c.Reason, c.Message,
				d.Status.LastAttemptedRevision, d.Status.LastAppliedRevision)
		}
	}
	return "no condition Ready yet"
}

// awaitApplied waits until the commit at the tip is applied.
func (l *line) awaitApplied(what string) {
	l.t.Helper()
	l.t.Log(what)
	l.awaitRevision(l.git.Head())
}

// awaitRevision waits until the Delivery is Ready at a commit.
func (l *line) awaitRevision(commit string) {
	l.t.Helper()
	l.await("Ready at "+commit[:12], 8*time.Minute, func() error {
		d, err := l.delivery()
		if err != nil {
			return err
		}
		ready := slices.ContainsFunc(d.Status.Conditions, func(c metav1.Condition) bool {
			return c.Type == "Ready" && c.Status == metav1.ConditionTrue && c.ObservedGeneration == d.Generation
		})
		if !ready || !strings.HasSuffix(d.Status.LastAppliedRevision, commit) {
			return errors.New(l.ready())
		}
		return nil
	})
}

// await polls until nothing is wrong.
func (l *line) await(what string, limit time.Duration, wrong func() error) {
	l.t.Helper()
	started, said := time.Now(), ""
	for {
		err := wrong()
		if err == nil {
			l.t.Logf("%s after %.1f s", what, time.Since(started).Seconds())
			return
		}
		if time.Since(started) > limit {
			l.t.Fatalf("%s: not within %s: %v", what, limit, err)
		}
		if said != err.Error() && testing.Verbose() {
			said = err.Error()
			l.t.Logf("  %5.1f s  %s", time.Since(started).Seconds(), said)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// images returns the distinct images of all pods there are, terminating ones included.
func (l *line) images() []string {
	var pods corev1.PodList
	if err := l.kube.List(l.ctx, &pods, client.InNamespace(l.namespace)); err != nil {
		return nil
	}
	var out []string
	for _, p := range pods.Items {
		out = append(out, p.Spec.Containers[0].Image)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// count returns how many sessions and carts are at a version, by the field that only that version has.
func (l *line) count(v version) (int, error) {
	field, member := "name", `"owner"`
	if v == demo.V2 {
		field, member = "full_name", `"customer"`
	}
	n := 0
	for from := 0; from < units; from += 1000 {
		pipe := l.redis.Pipeline()
		hashes, texts := make([]*redis.BoolCmd, 1000), make([]*redis.StringCmd, 1000)
		for i := range 1000 {
			hashes[i] = pipe.HExists(l.ctx, fmt.Sprintf("session:%d", from+i), field)
			texts[i] = pipe.Get(l.ctx, fmt.Sprintf("cart:%d", from+i))
		}
		if _, err := pipe.Exec(l.ctx); err != nil && !errors.Is(err, redis.Nil) {
			return 0, err
		}
		for i := range 1000 {
			if hashes[i].Val() {
				n++
			}
			if strings.Contains(texts[i].Val(), member) {
				n++
			}
		}
	}
	return n, nil
}
