package apply_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/apply"
	"keyshift.dev/demo"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// The variables that make this test binary a child which delivers the shop's second commit.
const (
	childVariable  = "KEYSHIFT_TEST_CHILD_REDIS"
	mirrorVariable = "KEYSHIFT_TEST_CHILD_MIRROR"
)

// child delivers without a cluster: its pods live in the parent. It says when it has begun to rewrite.
func child() int {
	_, after, err := shop()
	if err == nil {
		var said sync.Once
		err = deliverIn(context.Background(), os.Getenv(childVariable), os.Getenv(mirrorVariable), after, func(e apply.Event) {
			if e.Kind == apply.Progressed && e.Step.Kind == plan.Rewrite && e.Rewrite.Rewritten > 0 {
				said.Do(func() { fmt.Println("rewriting") })
			}
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func deliverIn(ctx context.Context, address, mirror string, commit state.Desired, report func(apply.Event)) error {
	for i := range commit.Keyspaces {
		commit.Keyspaces[i].Policy.Limits = &state.Limits{KeysPerSecond: 5000} // so that it can be killed in the middle
	}
	store, err := keyspace.Open(ctx, keyspace.Options{Store: "main", Address: "redis://" + address + "/0", LeaseTTL: 300 * time.Millisecond})
	if err != nil {
		return err
	}
	defer store.Close()
	e := apply.Edges{Stores: map[string]*keyspace.Store{"main": store}, Mirror: apply.FileMirror{Dir: mirror}, State: &apply.Storage{Address: mirror}}
	_, err = apply.Deliver(ctx, e, commit, report)
	return err
}

// killed runs children until one ends by itself. Every other is killed soon after it began to rewrite, the rest whenever
// it happens. Some of them must have been killed in the middle of the rewrite.
func killed(t *testing.T, client *redis.Client, address string) {
	t.Helper()
	mirror, middle := t.TempDir(), 0
	for kills := 0; ; kills++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"="+address, mirrorVariable+"="+mirror)
		cmd.Stderr = os.Stderr
		kill := func() { _ = cmd.Process.Signal(syscall.SIGKILL) } // it may have ended
		after := 30*time.Millisecond + rand.N(time.Duration(100+40*kills)*time.Millisecond)
		if kills%2 == 0 {
			after = time.Minute
			cmd.Stdout = hearing(func() { time.AfterFunc(rand.N(10*time.Millisecond), kill) })
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(after, kill)
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			t.Logf("killed %d times, %d of them with units of both versions", kills, middle)
			if middle == 0 {
				t.Error("no child was killed in the middle of the rewrite")
			}
			return
		}
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("child: %v", err)
		}
		if kills > 200 {
			t.Fatal("no child came to its end")
		}
		if mixed(t, client) {
			middle++
		}
	}
}

// hearing calls itself when a child says something.
type hearing func()

// Write takes what it says.
func (h hearing) Write(p []byte) (int, error) {
	h()
	return len(p), nil
}

// mixed tells whether a sample of the units has both versions.
func mixed(t *testing.T, client *redis.Client) bool {
	t.Helper()
	versions := map[bool]bool{}
	for i := range 100 {
		name, err := client.HExists(t.Context(), fmt.Sprintf("session:%d", i*37), "name").Result()
		if err != nil {
			t.Fatal(err)
		}
		versions[name] = true
	}
	return len(versions) == 2
}

// TestKillEndsInTheSameState compares a delivery that was killed again and again with one that was not.
func TestKillEndsInTheSameState(t *testing.T) {
	const units = 4000
	_, after, err := shop()
	if err != nil {
		t.Fatal(err)
	}
	servers := []*testbed.RedisServer{testbed.Redis(t), testbed.Redis(t)}
	dumps := make([]map[string]map[string]string, 2)
	ledgers := make([]state.Ledger, 2)
	for i, server := range servers {
		client := demo.Dial(server.Addr)
		defer client.Close()
		if err := demo.NewApplication(demo.Sessions()).Seed(t.Context(), client, demo.V1, units); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := deliverIn(t.Context(), server.Addr, t.TempDir(), after, nil); err != nil {
				t.Fatal(err)
			}
		} else {
			killed(t, client, server.Addr)
		}
		dumps[i] = dump(t, client)
		ledgers[i] = ledger(t, server.Addr)
	}
	if len(dumps[0]) != units || !reflect.DeepEqual(dumps[0], dumps[1]) {
		t.Errorf("%d and %d units differ", len(dumps[0]), len(dumps[1]))
	}
	if !reflect.DeepEqual(ledgers[0], ledgers[1]) {
		t.Errorf("ledgers differ:\n%+v\n%+v", ledgers[0].Records, ledgers[1].Records)
	}
}

// ledger reads a store's ledger, without what is random in it.
func ledger(t *testing.T, address string) state.Ledger {
	t.Helper()
	store, err := keyspace.Open(t.Context(), keyspace.Options{Store: "main", Address: "redis://" + address + "/0"})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	l, _, err := store.ReadLedger(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	l.Identity = ""
	for i := range l.Applied {
		l.Applied[i].At = ""
	}
	return l
}

// TestKillUnderWriters kills while pods of 2.0.0 write: every acknowledged write must be there.
func TestKillUnderWriters(t *testing.T) {
	server := testbed.Redis(t)
	client := demo.Dial(server.Addr)
	defer client.Close()
	app := demo.NewApplication(demo.Sessions())
	if err := app.Seed(t.Context(), client, demo.V1, 4000); err != nil {
		t.Fatal(err)
	}
	_, after, err := shop()
	if err != nil {
		t.Fatal(err)
	}
	release, _ := after.Components[0].FindRelease("2.0.0")
	ctx, cancel := context.WithCancel(t.Context())
	var pods sync.WaitGroup
	for i := range 3 {
		pods.Go(func() { app.RunPod(ctx, release, client, int64(i)) })
	}
	killed(t, client, server.Addr)
	cancel()
	pods.Wait()
	r, err := app.Check(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if r.LostUpdates+r.UnreadableReads > 0 || len(r.Held) != 1 || r.Held[0].Version != demo.V2 || r.Writes < 100 {
		t.Errorf("lost %d %v, unreadable %d, held %v after %d writes", r.LostUpdates, r.Findings, r.UnreadableReads, r.Held, r.Writes)
	}
}
