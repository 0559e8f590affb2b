package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyshift.dev/state"
	"keyshift.dev/testbed"
	"keyshift.dev/transform"
)

func small(url string) Options { return Options{Redis: url, Keys: 1000, Rounds: 1} }

// Every lane is in the table, with ratios, and what it wrote is right: the run looks at that itself.
func TestRun(t *testing.T) {
	server := testbed.Redis(t)
	result, err := Run(t.Context(), small(server.URL), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]Row{}
	for _, row := range result.Rows {
		rows[row.Lane+" "+row.Part] = row
		if row.Rate <= 0 || row.Wire <= 0 {
			t.Errorf("%s has the figures %+v", row.Lane, row.Figures)
		}
		if row.Base != "" && row.RateRatio <= 0 {
			t.Errorf("%s has no ratio to %s", row.Lane, row.Base)
		}
	}
	for _, l := range lanes {
		part := "whole"
		if l.result != nil {
			part = "write"
		}
		if row, there := rows[l.name+" "+part]; !there || len(row.Targets) != len(l.want) {
			t.Errorf("%s is not in the table, or not compared with its targets: %+v", l.name, row)
		}
		if _, there := rows[l.name+" whole"]; l.whole != "" && !there {
			t.Errorf("%s has no row for its verification", l.name)
		}
	}
	if keys := dbSize(t, server.URL); keys != 0 {
		t.Errorf("%d keys were left behind", keys)
	}
}

func dbSize(t *testing.T, url string) int64 {
	t.Helper()
	c, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n, err := c.DBSize(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A run that is cut short removes what it wrote, too.
func TestInterrupted(t *testing.T) {
	server := testbed.Redis(t)
	ctx, stop := context.WithCancel(t.Context())
	o := small(server.URL)
	o.Rounds = 1000
	_, err := Run(ctx, o, func(string) { stop() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if keys := dbSize(t, server.URL); keys != 0 {
		t.Errorf("%d keys were left behind", keys)
	}
}

// A server that holds something is left alone, whatever database it is in.
func TestNotEmpty(t *testing.T) {
	server := testbed.Redis(t)
	other := strings.TrimSuffix(server.URL, "0") + "3"
	c, err := dial(other)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Set(t.Context(), "session:1", "theirs", 0).Err(); err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), small(server.URL), nil)
	if err == nil || !strings.Contains(err.Error(), "database 3 holds 1 keys") {
		t.Fatalf("got %v", err)
	}
	if theirs := c.Get(t.Context(), "session:1").Val(); theirs != "theirs" {
		t.Errorf("their key is %q now", theirs)
	}
}

// Beside our keys, a key of somebody else that came meanwhile stays.
func TestClear(t *testing.T) {
	url := testbed.Redis(t).URL
	s, err := guest(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.fill(t.Context(), mixed, 10); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"session:x", "keyshift:lease:shop:session", "keyshift:lease:keyshift-bench:session"} {
		if err := s.client.Set(t.Context(), key, "1", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.clear(t.Context(), mixed, 10); err != nil {
		t.Fatal(err)
	}
	if n := s.client.Exists(t.Context(), "session:x", "keyshift:lease:shop:session").Val(); n != 2 || dbSize(t, url) != 2 {
		t.Errorf("%d of 2 keys of others are left, and %d keys in all", n, dbSize(t, url))
	}
}

// A server of our own goes when the run ends, with its folder.
func TestOwnServer(t *testing.T) {
	testbed.Redis(t) // it is there
	t.Setenv("TMPDIR", t.TempDir())
	o := small("")
	o.Only = []string{"usual"}
	result, err := Run(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Rows) != 3 || result.Rows[2].Longest <= 0 || len(result.Rows[2].Targets) != 1 {
		t.Errorf("it is measured beside read and unsafe, with the longest script: %+v", result)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v were left behind, %v", left, err)
	}
}

func TestNoServer(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Run(t.Context(), Options{}, nil); err == nil || !strings.Contains(err.Error(), "apt-get install redis-server") {
		t.Errorf("got %v", err)
	}
}

// The lanes do what their names say: the exact migration is proved exact, the lossy one is not.
func TestExact(t *testing.T) {
	for _, c := range []struct {
		k     state.Keyspace
		exact bool
	}{{exactSessions(), true}, {lossySessions(), false}} {
		p, err := transform.Compile(c.k)
		if err != nil {
			t.Fatal(err)
		}
		if exact, losses := p.Exact(v1, v2); exact != c.exact {
			t.Errorf("exact is %v, want %v: %v", exact, c.exact, losses)
		}
	}
}
