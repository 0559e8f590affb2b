package reconciler

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/testbed"
)

// TestImageMissingOnKubernetes: of the second release of a plan the registry has no image. That is found before the first
// pod is replaced and the first unit is written; once it is pushed, the plan runs.
func TestImageMissingOnKubernetes(t *testing.T) {
	plane := testbed.SharedKubernetes(t)
	git, redis := testbed.Git(t), testbed.Redis(t)
	namespace := plane.Namespace(t)
	c := installed(t, plane)
	var pushed atomic.Bool
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasSuffix(q.URL.Path, "/manifests/2.0.0") && !pushed.Load() {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
	}))
	t.Cleanup(registry.Close)
	host := strings.TrimPrefix(registry.URL, "http://")
	commit := func(n int) string {
		files := tree(t, n, namespace, redis.Addr)
		for name := range files {
			files[name] = strings.ReplaceAll(files[name], "ghcr.io/acme", host)
		}
		git.Commit("a commit", files)
		return git.Head()
	}
	plane.Deploy(t, testbed.Deployment{Namespace: namespace, Name: "checkout", Replicas: 2, Images: map[string]string{"app": host + "/checkout:1.4.0"}})
	say(t, redis.Addr, "HSET session:1 user_id 1 name Ada created_ms 5000")
	first := commit(0)
	stopped := runController(t, Options{Config: asController(plane.Config), Namespaces: []string{namespace}, Concurrent: 1, State: t.TempDir()})
	d := newDelivery(namespace, "shop", git.URL)
	if err := c.Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	wantApplied(t, c, d, first, "1.4.0")
	second := commit(1)
	request(t, c, d, "second")
	wantFailed(t, c, d, v1alpha1.ReasonImageMissing, host+"/checkout:2.0.0")
	if live := d.Status.Components[0].Live; len(live) != 1 || live[0].Release != "1.4.0" || d.Status.Keyspaces[0].Live[0].Class != "1.0.0" {
		t.Errorf("something was begun: %+v, %+v", live, d.Status.Keyspaces[0].Live)
	}
	pushed.Store(true)
	request(t, c, d, "third")
	wantApplied(t, c, d, second, "2.0.0")
	stopped()
}

// say sends one command to a Redis.
func say(t *testing.T, address, command string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer := make([]byte, 64)
	if _, err = fmt.Fprintf(c, "%s\r\n", command); err == nil {
		_, err = c.Read(answer)
	}
	if err != nil || answer[0] == '-' {
		t.Fatalf("%s: %s, %v", command, answer, err)
	}
}
