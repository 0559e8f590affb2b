package testbed

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// ControlPlane is a running etcd, kube-apiserver, kube-controller-manager and kube-scheduler, with one node
// and its pods played by kwok: Deployments really roll, ReplicaSets are really owned, pods really terminate,
// only no container runs. Its user is a cluster administrator.
type ControlPlane struct {
	Config     *rest.Config // not to be changed; copy it with rest.CopyConfig
	Kubeconfig string       // file
	Client     kubernetes.Interface
	Dir        string // logs, one file a server; keys; etcd's data

	processes []*process
}

// Kubernetes starts a control plane that dies with the test, and waits until its node is ready: about four
// seconds and half a gigabyte.
func Kubernetes(t testing.TB) *ControlPlane {
	t.Helper()
	bin := controlPlaneBinaries(t)
	c, err := startControlPlane(bin, logFolder(t, "kubernetes"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	return c
}

// SharedKubernetes returns the one control plane of this test binary, started by its first caller. It dies
// with the binary. Tests that share it keep apart by namespace, see Namespace.
func SharedKubernetes(t testing.TB) *ControlPlane {
	t.Helper()
	bin := controlPlaneBinaries(t)
	c, err := shared(bin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the shared control plane keeps its logs in %s until the next one starts", c.Dir)
		}
	})
	return c
}

var sharedPlane struct {
	sync.Mutex
	plane *ControlPlane
	err   error
}

// shared starts the shared control plane once; a failed start is not tried again.
func shared(bin map[string]string) (*ControlPlane, error) {
	sharedPlane.Lock()
	defer sharedPlane.Unlock()
	if sharedPlane.plane == nil && sharedPlane.err == nil {
		root := filepath.Join(os.TempDir(), "keyshift-testbed")
		sweep(root)
		dir := filepath.Join(root, fmt.Sprintf("%s%d", sharedPrefix, os.Getpid()))
		sharedPlane.plane, sharedPlane.err = startControlPlane(bin, dir)
	}
	return sharedPlane.plane, sharedPlane.err
}

const sharedPrefix = "kubernetes-shared-"

// sweep removes what shared control planes of test binaries that are gone have left.
func sweep(root string) {
	dirs, _ := filepath.Glob(filepath.Join(root, sharedPrefix+"*"))
	for _, dir := range dirs {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), sharedPrefix+"%d", &pid); err != nil || syscall.Kill(pid, 0) != nil {
			_ = os.RemoveAll(dir)
		}
	}
}

// versions names the folder into which testbed/tools builds the servers.
//
//go:embed tools/versions.txt
var versions string

// controlPlaneBinaries returns the path of each server: from $KUBEBUILDER_ASSETS where it has it, else from
// the cache that testbed/tools fills. The test ends if one is missing.
func controlPlaneBinaries(t testing.TB) map[string]string {
	t.Helper()
	var dirs []string
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		dirs = append(dirs, dir)
	}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "keyshift", "testbed", strings.Join(strings.Fields(versions), "-")))
	}
	bin := map[string]string{}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"} {
		for _, dir := range dirs {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && bin[name] == "" {
				bin[name] = path
			}
		}
		if bin[name] == "" {
			Missing(t, name, "run `go run ./testbed/tools` once, it takes some minutes")
		}
	}
	return bin
}

// stop ends the servers, the last started first.
func (c *ControlPlane) stop() {
	for i := len(c.processes) - 1; i >= 0; i-- {
		c.processes[i].kill()
	}
}

// start starts one server with its log beside those of the others.
func (c *ControlPlane) start(path string, args ...string) (*process, error) {
	p, err := startProcess(filepath.Join(c.Dir, filepath.Base(path)+".log"), path, args...)
	if err != nil {
		return nil, err
	}
	c.processes = append(c.processes, p)
	return p, nil
}

// until calls ok again and again until it answers nil, the server ends, or the limit has passed.
func (p *process) until(what string, limit time.Duration, ok func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil {
			return nil
		}
		if !p.running() {
			return fmt.Errorf("%s: the server ended: %w", what, err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %s: %w", what, limit, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
