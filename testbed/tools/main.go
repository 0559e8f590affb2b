// Command tools builds the servers of the tests that no package manager brings: kube-apiserver,
// kube-controller-manager, kube-scheduler, etcd and kwok, each from its published Go module.
//
//	go run ./testbed/tools            builds what is missing, prints the folder
//
// The binaries go to a folder outside the tree, ${XDG_CACHE_HOME:-~/.cache}/keyshift/testbed/VERSIONS, each
// by a rename, so an interrupted build leaves nothing half done. A second run finds them there and does
// nothing. What $KUBEBUILDER_ASSETS holds is not built. The modules that pin the versions are the folders
// beside this file; they are no part of the product's go.mod.
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// versions names the folder of the cache; the package testbed embeds the same file to find it.
//
//go:embed versions.txt
var versions string

// server is one binary, made from a package of one of the modules beside this file.
type server struct {
	name   string
	module string // folder beside this file, and name in versions.txt
	path   string // module path, to compare go.mod with versions.txt
	pkg    string
}

var servers = []server{
	{"etcd", "etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"},
	{"kwok", "kwok", "sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwok"},
	{"kube-apiserver", "kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"},
	{"kube-controller-manager", "kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"},
	{"kube-scheduler", "kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"},
}

func main() {
	dir, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed/tools:", err)
		os.Exit(1)
	}
	fmt.Println(dir)
}

// build makes what is missing and returns the folder it is in.
func build() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w; set XDG_CACHE_HOME", err)
	}
	dir := filepath.Join(cache, "keyshift", "testbed", strings.Join(strings.Fields(versions), "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(dir, ".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	leftovers, _ := filepath.Glob(filepath.Join(dir, ".build-*")) // of a build that was killed
	for _, l := range leftovers {
		if err := os.RemoveAll(l); err != nil {
			return "", err
		}
	}
	for _, s := range servers {
		if present(dir, s.name) || present(os.Getenv("KUBEBUILDER_ASSETS"), s.name) {
			continue
		}
		if err := s.build(dir); err != nil {
			return "", fmt.Errorf("build %s: %w", s.name, err)
		}
	}
	return dir, nil
}

// present tells whether the folder holds an executable of that name.
func present(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return dir != "" && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// lock waits for other builds into the same folder to end.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// build compiles the server beside its final place and renames it there. Without its version a Kubernetes
// server calls itself v0.0.0-master, which clients refuse to parse.
func (s server) build(dir string) error {
	src, err := s.source()
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp(dir, ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	fmt.Fprintf(os.Stderr, "testbed/tools: building %s %s, once (minutes)\n", s.name, s.version())
	began := time.Now()
	flags := "-s -w"
	if s.module == "kubernetes" {
		flags += " -X k8s.io/component-base/version.gitVersion=" + s.version()
	}
	out := filepath.Join(temp, s.name)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", flags, "-o", out, s.pkg)
	cmd.Dir, cmd.Stderr = src, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	if err := cmd.Run(); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "testbed/tools: built %s in %s\n", s.name, time.Since(began).Round(time.Second))
	return os.Rename(out, filepath.Join(dir, s.name))
}

// source returns the folder of the module that builds the server, once its go.mod agrees with versions.txt.
func (s server) source() (string, error) {
	here, err := output("", "go", "list", "-f", "{{.Dir}}", "keyshift.dev/testbed/tools")
	if err != nil {
		return "", fmt.Errorf("run this inside the keyshift repository: %w", err)
	}
	src := filepath.Join(here, s.module)
	if _, err := os.Stat(filepath.Join(src, "go.mod")); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no module in %s", src)
	}
	pinned, err := output(src, "go", "list", "-m", "-f", "{{.Version}}", s.path)
	if err != nil {
		return "", err
	}
	if pinned != s.version() {
		return "", fmt.Errorf("go.mod pins %s %s but versions.txt says %q; make them agree", s.path, pinned, s.version())
	}
	return src, nil
}

// version returns what versions.txt says of the server's module.
func (s server) version() string {
	for line := range strings.Lines(versions) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == s.module {
			return f[1]
		}
	}
	return ""
}

func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
