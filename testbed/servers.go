package testbed

import (
	"os"
	"path/filepath"
	"testing"
)

// Kind is a server that speaks Redis's protocol, by its name and version.
type Kind string

// The kinds of servers. The newer ones run beside the system's, from the folder that testbed/servers makes.
const (
	System  Kind = "redis"   // redis-server on the PATH: 7.0 on Debian 12
	Redis8  Kind = "redis8"  // Redis 8.0
	Valkey8 Kind = "valkey8" // Valkey 8.1
)

// Kinds are all of them, the oldest first: tests that depend on the server run on each.
var Kinds = []Kind{System, Redis8, Valkey8}

// newer is what there is to know about a kind that is not the system's.
type newer struct {
	name     string // of the server, for messages and as the name under which its program is started
	program  string // below usr/bin of the folder: server and checker are one program, its name chooses
	variable string // environment variable that names another program to start instead
}

var newers = map[Kind]newer{
	Redis8:  {name: "redis-server", program: "redis-check-rdb", variable: "KEYSHIFT_REDIS8"},
	Valkey8: {name: "valkey-server", program: "valkey-check-rdb", variable: "KEYSHIFT_VALKEY8"},
}

// command returns the program that starts a server of the kind, with its first arguments, and ends the test if there
// is none. What testbed/servers has unpacked needs a newer libc than the system's, so it runs through its own loader.
func (k Kind) command(t testing.TB) []string {
	t.Helper()
	n, isNewer := newers[k]
	if !isNewer {
		return []string{program(t, "redis-server", "apt-get install redis-server")}
	}
	if path := os.Getenv(n.variable); path != "" {
		return []string{program(t, path, n.variable+" names no program")}
	}
	folder := ""
	if cache, err := os.UserCacheDir(); err == nil {
		folder = filepath.Join(cache, "keyshift", "testbed", "trixie", "usr")
	}
	path := filepath.Join(folder, "bin", n.program)
	loaders, _ := filepath.Glob(filepath.Join(folder, "lib", "*-linux-gnu", "ld-linux-*.so.*")) // the pattern is good
	if _, err := os.Stat(path); err != nil || len(loaders) == 0 {
		Missing(t, string(k), "run testbed/servers once, or set "+n.variable)
	}
	return []string{loaders[0], "--argv0", n.name, "--library-path", filepath.Dir(loaders[0]), path}
}
