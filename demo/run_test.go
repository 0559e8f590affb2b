package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"keyshift.dev/sandbox"
	"keyshift.dev/testbed"
)

func TestMain(m *testing.M) {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	os.Exit(m.Run())
}

// show runs a small demo and checks its result line.
func show(t *testing.T, redis, store string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	err := Run(ctx, Options{Keys: 1500, Pods: 2, Redis: redis, JSON: true, Terminate: 300 * time.Millisecond}, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var r Result
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		t.Fatalf("the last line is no JSON: %v\n%s", err, out.String())
	}
	if !strings.HasPrefix(r.Store, store) || r.Keys != 1500 || r.Rewritten == 0 || r.Restored == 0 || r.LostUpdates != 0 || r.UnreadableReads != 0 {
		t.Errorf("%+v\n%s", r, out.String())
	}
	for _, want := range []string{"rollout checkout 1.4.0 → 1.5.0", "rewrite session 1.0.0 → 2.0.0", "rewrite session 2.0.0 → 1.0.0", "git revert"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the output:\n%s", want, out.String())
		}
	}
}

func TestRunEmbedded(t *testing.T) { show(t, "embedded", "embedded") }

func TestRunRedis(t *testing.T) {
	server := testbed.Redis(t)
	show(t, server.Addr, server.Addr)
}

func TestRunFindsRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		testbed.Missing(t, "redis-server", "apt-get install redis-server")
	}
	s, err := findRedis(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.name, "redis-server ") {
		t.Errorf("found %q", s.name)
	}
	c := Dial(s.address)
	defer c.Close()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	s.stop()
	if err := c.Ping(t.Context()).Err(); err == nil {
		t.Error("it still answers after it was stopped")
	}
}

// TestRunStops ends a demo in its middle: everything it started must be gone.
func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := Run(ctx, Options{Keys: 500, Redis: "embedded"}, io.Discard)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 15*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}
