package keyspace

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// TestDeadConnectionsAreReplaced: of the connections that wait all may have died meanwhile, each of which took one of the
// three attempts.
func TestDeadConnectionsAreReplaced(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	k := sessions()
	s.client.HSet(ctx, "session:1", "user_id", 1, "name", "Ada", "created_ms", 5000, "note", "n")
	st := open(t, s)
	var all []*wire
	for range wireLimit {
		w, _, err := st.wire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	for _, w := range all {
		st.put(w, false)
	}
	if err := s.client.Do(ctx, "client", "kill", "type", "normal", "skipme", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	routes, err := st.newRoutes([]state.Keyspace{k})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.reread(ctx, routes, []target{{key: "session:1"}}); err != nil {
		t.Error(err)
	}
	if err := st.Dump(ctx, k, nil, func([]Entry) error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestOldPrimaryProvesNothing: behind an address that moves, connections that only read went on with the old primary, and
// what they found there was taken for what the new one holds.
func TestOldPrimaryProvesNothing(t *testing.T) {
	a, b := running(t), running(t)
	ctx := context.Background()
	k := sessions()
	seed := func(c *redis.Client, old bool) {
		for i := range 10 {
			if old {
				c.HSet(ctx, fmt.Sprint("session:", i), "user_id", i, "name", "n", "created_ms", 1000, "note", "x")
			} else {
				c.HSet(ctx, fmt.Sprint("session:", i), "user_id", i, "full_name", "n", "created", 1, "note", "x", "plan", "free")
			}
		}
	}
	seed(a.client, false)
	seed(b.client, true) // what writers wrote after the failover
	var mu sync.Mutex
	to := a.real.Addr
	ln, listening := net.Listen("tcp", "127.0.0.1:0")
	if listening != nil {
		t.Fatal(listening)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			at := to
			mu.Unlock()
			srv, err := net.Dial("tcp", at)
			if err != nil {
				c.Close()
				continue
			}
			go func() { _, _ = io.Copy(c, srv); c.Close() }()
			go func() { _, _ = io.Copy(srv, c); srv.Close() }()
		}
	}()
	st := openWith(t, Options{Store: "main", Address: "redis://" + ln.Addr().String() + "/0", Holder: "test"})
	if _, err := st.Observe(ctx, []state.Keyspace{k}); err != nil {
		t.Fatal(err)
	}
	// failover: a becomes a replica of somebody, new connections go to b
	mu.Lock()
	to = b.real.Addr
	mu.Unlock()
	a.client.Do(ctx, "replicaof", "127.0.0.1", "1")
	var l *Lease
	var err error
	for range 10 {
		if l, err = st.Acquire(ctx, "sys", k.Name); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "there", Unlogged: true, Compare: true}, nil)
	if got := contents(ctx, b.client, "session:1"); err == nil && strings.Contains(got, "created_ms") {
		t.Errorf("the rewrite says %+v, and the primary has %s", o, got)
	}
}

// Script calls go together only where the server turns to others between two of them.
func TestSmallScriptsGoAlone(t *testing.T) {
	small := scriptCall{keys: []string{"lease", "k"}, args: []any{"v"}}
	value := strings.Repeat("v", serverReads)
	large := scriptCall{keys: []string{"lease", "k"}, args: []any{&value}}
	for _, c := range []struct {
		calls []scriptCall
		want  bool
	}{
		{[]scriptCall{small}, false}, {[]scriptCall{small, large}, false}, {[]scriptCall{large, small, large}, false},
		{[]scriptCall{large, large}, true}, {[]scriptCall{large, small}, true},
	} {
		if got := together(c.calls); got != c.want {
			t.Errorf("%d calls, the first of %d bytes: together %t", len(c.calls), c.calls[0].size(), got)
		}
	}
}
