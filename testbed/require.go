package testbed

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RequireVariable is the environment variable that turns a missing server from a skip into a failure.
const RequireVariable = "KEYSHIFT_REQUIRE_SERVERS"

// Missing ends the test because a server cannot be started here: skipped, or failed if CI demands servers.
// It is the only place where a test may be skipped for want of a server. Hint says how to get the server.
func Missing(t testing.TB, server, hint string) {
	t.Helper()
	if os.Getenv(RequireVariable) == "1" {
		t.Fatalf("%s is needed and missing: %s", server, hint)
	}
	t.Skipf("%s is missing: %s", server, hint)
}

// program returns the path of an installed program, and ends the test if there is none.
func program(t testing.TB, name, hint string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name, hint)
	}
	return path
}

// logFolder makes a folder for the logs and files of one server. It goes with the test, but if the test
// fails it stays and its path is printed.
func logFolder(t testing.TB, server string) string {
	t.Helper()
	name := strings.NewReplacer("/", "_", " ", "_").Replace(t.Name())
	root := filepath.Join(os.TempDir(), "keyshift-testbed")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(root, server+"-"+name+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s kept its log in %s", server, dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

// freePort returns a loopback port that nothing listened on a moment ago.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
