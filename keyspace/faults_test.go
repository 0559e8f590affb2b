package keyspace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

func TestLostAnswersAreReadAgain(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	fill(t, s.client, 1000)
	before := snapshot(t, s.client)
	p := newProxy(t, s.real.Addr, scribes[opHash].script.shebangHash)
	st := openWith(t, Options{Store: "main", Address: "redis://" + p.addr + "/0"})
	l := acquire(t, st, "session")
	if _, err := st.Rewrite(ctx, l, Job{Keyspace: sessions(), To: "1.0.0", Unlogged: true}, nil); err != nil {
		t.Fatal(err)
	}
	p.lose.Store(5)
	o, err := st.Rewrite(ctx, l, job(sessions()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.lose.Load() > 0 {
		t.Fatal("no answer was lost: the test shows nothing")
	}
	if o.Rewritten != 1000 || counts(o.Counts) != "2.0.0:1000" {
		t.Errorf("%+v", o)
	}
	compareRest(t, before, snapshot(t, s.client))
}

func TestServerDiesInTheMiddle(t *testing.T) {
	s := running(t, "--appendonly", "yes", "--appendfsync", "always")
	ctx := context.Background()
	const n = 4000
	fill(t, s.client, n)
	before := snapshot(t, s.client)
	k := sessions()
	st := open(t, s)
	l := acquire(t, st, "session")
	var killed bool
	o, err := st.Rewrite(ctx, l, job(k), func(p Progress) {
		if p.Rewritten > 0 && !killed {
			killed = true
			s.real.Kill()
		}
	})
	if e := wantReason(t, err, StoreUnreachable); !e.Wait {
		t.Error("a store that is down may come back")
	}
	if o.Rewritten == 0 || o.Rewritten >= n {
		t.Fatalf("%d units rewritten before the kill: the test shows nothing", o.Rewritten)
	}
	_, err = st.Observe(ctx, []state.Keyspace{k})
	wantReason(t, err, StoreUnreachable)
	s.real.Start()
	var o2 Outcome
	for range 50 { // the client dials again once a second
		if o2, err = st.Rewrite(ctx, l, job(k), nil); err == nil {
			break
		}
		wantReason(t, err, StoreUnreachable)
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil || counts(o2.Counts) != fmt.Sprint("2.0.0:", n) || o2.Rewritten == 0 {
		t.Errorf("after the restart %+v, %v", o2, err)
	}
	compareRest(t, before, snapshot(t, s.client))
}

func TestServerDiesAndForgets(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	fill(t, s.client, 2000)
	st := open(t, s)
	l := acquire(t, st, "session")
	k := sessions()
	var killed bool
	o, err := st.Rewrite(ctx, l, job(k), func(p Progress) {
		if !killed {
			killed = true
			s.real.Kill()
			s.real.Start()
		}
	})
	wantReason(t, err, LeaseLost)
	if o.Rewritten >= 2000 {
		t.Fatalf("%+v: the test shows nothing", o)
	}
	if _, err := st.Verify(ctx, l, job(k), nil); err == nil {
		t.Error("an emptied store was verified under a lease that went with the data")
	}
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	rewrite := func(t *testing.T, st *Store) error {
		l, err := st.Acquire(ctx, "shop", "session")
		if err != nil {
			return err
		}
		defer l.Release(ctx)
		_, err = st.Rewrite(ctx, l, job(sessions()), nil)
		return err
	}
	config := func(s *server, name, value string) { s.client.ConfigSet(ctx, name, value) }
	for _, c := range []struct {
		name   string
		act    func(t *testing.T, s *server)
		reason string
		wait   bool
	}{
		{"full", func(_ *testing.T, s *server) { config(s, "maxmemory", "1") }, StoreFull, true},
		{"a replica", func(_ *testing.T, s *server) { s.client.Do(ctx, "replicaof", "127.0.0.1", "1") }, StoreReadOnly, true},
		{"too few replicas", func(_ *testing.T, s *server) { config(s, "min-replicas-to-write", "1") }, StoreReadOnly, true},
		{"no delete", func(_ *testing.T, s *server) { s.client.Do(ctx, "acl", "setuser", "default", "-hdel") }, StoreDenied, false},
		{"no scripts", func(_ *testing.T, s *server) { s.client.Do(ctx, "acl", "setuser", "default", "-eval", "-evalsha") }, StoreDenied, false},
		{"no scan", func(_ *testing.T, s *server) { s.client.Do(ctx, "acl", "setuser", "default", "-scan") }, StoreDenied, false},
		{"other keys only", func(_ *testing.T, s *server) {
			s.client.Do(ctx, "acl", "setuser", "default", "resetkeys", "~keyshift:*", "~other:*")
		}, StoreDenied, false},
		{"cannot save", func(t *testing.T, s *server) { breakSaving(t, s) }, StoreFailing, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := running(t, "--enable-protected-configs", "local")
			fill(t, s.client, 50)
			before := snapshot(t, s.client)
			st := open(t, s)
			c.act(t, s)
			e := wantReason(t, rewrite(t, st), c.reason)
			if e.Wait != c.wait {
				t.Errorf("wait is %v", e.Wait)
			}
			if e.Hint == "" || strings.Contains(e.Error(), "Ada") {
				t.Errorf("error %v", e)
			}
			s.client.Do(ctx, "acl", "setuser", "default", "allkeys", "allcommands")
			for key, is := range snapshot(t, s.client) {
				if before[key] != is {
					t.Errorf("%s was %s and is %s", key, before[key], is)
				}
			}
		})
	}
}

func breakSaving(t *testing.T, s *server) {
	ctx := context.Background()
	s.client.ConfigSet(ctx, "save", "3600 1")
	s.client.ConfigSet(ctx, "dbfilename", "gone.rdb")
	if err := s.client.Do(ctx, "config", "set", "dir", "/proc").Err(); err != nil {
		t.Fatal(err)
	}
	s.client.BgSave(ctx)
	for range 100 {
		if strings.Contains(s.client.Info(ctx, "persistence").Val(), "rdb_last_bgsave_status:err") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("saving did not fail")
}

// TestFullInTheMiddle fills a server after the rewrite began: it stops, no unit is half written, and goes on later.
func TestFullInTheMiddle(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	fill(t, s.client, 3000)
	st := open(t, s)
	l := acquire(t, st, "session")
	k := sessions()
	_, err := st.Rewrite(ctx, l, job(k), func(Progress) { s.client.ConfigSet(ctx, "maxmemory", "1") })
	wantReason(t, err, StoreFull)
	live, err := st.Observe(ctx, []state.Keyspace{k})
	if err != nil {
		t.Fatal(err)
	}
	if got := counts(live[0].Counts); strings.Contains(got, "?") || !strings.Contains(got, "1.0.0") || !strings.Contains(got, "2.0.0") {
		t.Errorf("a full server left %s", got)
	}
	s.client.ConfigSet(ctx, "maxmemory", "0")
	if o, err := st.Rewrite(ctx, l, job(k), nil); err != nil || counts(o.Counts) != "2.0.0:3000" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	ctx := context.Background()
	const secret = "hunter2-never-print-me"
	s := running(t, "--requirepass", "the-real-password")
	for _, c := range []struct {
		name    string
		options Options
		reason  string
		wait    bool
	}{
		{"nobody listens", Options{Address: "redis://127.0.0.1:1/0"}, StoreUnreachable, true},
		{"no such host", Options{Address: "redis://nobody.invalid:6379/0"}, StoreUnreachable, true},
		{"no password", Options{Address: s.url}, StoreDenied, false},
		{"a wrong password", Options{Address: s.url, Password: secret}, StoreDenied, false},
		{"a wrong password in the address", Options{Address: strings.Replace(s.url, "//", "//x:"+secret+"@", 1)}, StoreDenied, false},
		{"no address at all", Options{Address: ""}, AddressInvalid, false},
		{"a bad address with a password", Options{Address: "redis://x:" + secret + "@host:port/%zz"}, AddressInvalid, false},
		{"a bad scheme with a password", Options{Address: "http://x:" + secret + "@host/0"}, AddressInvalid, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Store = "main"
			_, err := Open(ctx, c.options)
			e := wantReason(t, err, c.reason)
			if e.Wait != c.wait || e.Hint == "" || strings.Contains(e.Error(), secret) {
				t.Errorf("%+v: %v", e, e)
			}
		})
	}
	st := openWith(t, Options{Store: "main", Address: s.url, Password: "the-real-password"})
	if live, err := st.Observe(ctx, []state.Keyspace{sessions()}); err != nil || len(live) != 1 {
		t.Errorf("with the password: %v, %v", live, err)
	}
}

// TestPasswordNotAsked gives a password to a server that has none.
func TestPasswordNotAsked(t *testing.T) {
	s := running(t)
	_, err := Open(context.Background(), Options{Store: "main", Address: s.url, Username: "nobody", Password: "pw-never-print"})
	if e := wantReason(t, err, StoreDenied); strings.Contains(e.Error(), "pw-never-print") {
		t.Error(e)
	}
}

func TestLoading(t *testing.T) {
	s := running(t, "--appendonly", "yes", "--key-load-delay", "50", "--loading-process-events-interval-bytes", "1024")
	ctx := context.Background()
	s.client.Do(ctx, "debug", "populate", 10000, "filler", 100)
	s.client.BgRewriteAOF(ctx)
	for strings.Contains(s.client.Info(ctx, "persistence").Val(), "aof_rewrite_in_progress:1") {
		time.Sleep(10 * time.Millisecond)
	}
	s.real.Kill()
	s.real.Launch()
	saw := false
	for range 1000 {
		st, err := Open(ctx, Options{Store: "main", Address: s.url})
		if err == nil {
			st.Close()
			break
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.Wait || e.Reason != StoreLoading && e.Reason != StoreUnreachable {
			t.Fatalf("while it loads: %v", err)
		}
		saw = saw || e.Reason == StoreLoading
		time.Sleep(10 * time.Millisecond)
	}
	if !saw {
		t.Error("the server was never seen loading")
	}
}

// TestFrozenServer stops a server that holds requests in its buffers, and lets it go on later.
func TestFrozenServer(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	fill(t, s.client, 2000)
	before := snapshot(t, s.client)
	st := openWith(t, Options{Store: "main", Address: s.url, Timeout: 150 * time.Millisecond})
	l := acquire(t, st, "session")
	_, err := st.Rewrite(ctx, l, job(sessions()), func(p Progress) {
		if p.Rewritten > 0 && p.Rewritten < 2000 {
			s.real.Stop()
		}
	})
	e := wantReason(t, err, StoreUnreachable)
	s.real.Cont()
	if !e.Wait {
		t.Error("a frozen server may go on")
	}
	if o, err := st.Rewrite(ctx, l, job(sessions()), nil); err != nil || counts(o.Counts) != "2.0.0:2000" {
		t.Errorf("%+v, %v", o, err)
	}
	compareRest(t, before, snapshot(t, s.client))
}

func TestVerifyWaitsForReplicas(t *testing.T) {
	s := running(t, "--repl-diskless-sync-delay", "0")
	ctx := context.Background()
	fill(t, s.client, 100)
	replica := testbed.Redis(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", s.real.Port))
	st := openWith(t, Options{Store: "main", Address: s.url, Timeout: 1500 * time.Millisecond})
	for range 200 {
		if strings.Contains(s.client.Info(ctx, "replication").Val(), "state=online") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	l := acquire(t, st, "session")
	if _, err := st.Rewrite(ctx, l, job(sessions()), nil); err != nil {
		t.Fatal(err)
	}
	if o, err := st.Verify(ctx, l, job(sessions()), nil); err != nil || !o.Clean("2.0.0") {
		t.Errorf("%+v, %v", o, err)
	}
	replica.Stop()
	defer replica.Cont()
	_, err := st.Verify(ctx, l, job(sessions()), nil)
	if e := wantReason(t, err, ReplicasBehind); !e.Wait {
		t.Error("a replica may catch up")
	}
}

// TestTwoWriters lets two rewrites run at once, as if the lease had lied to one: the comparison alone keeps every
// unit from being converted twice.
func TestTwoWriters(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		const n = 1500
		fill(t, s.client, n)
		l := acquire(t, open(t, s), "cart")
		var wg sync.WaitGroup
		var total atomic.Int64
		for range 2 {
			wg.Go(func() {
				st := open(t, s)
				same := &Lease{store: st, system: l.system, keyspace: l.keyspace, key: l.key, token: l.token, lost: make(chan struct{})}
				o, err := st.Rewrite(ctx, same, job(carts()), nil)
				if err != nil || counts(o.Counts) != fmt.Sprint("2.0.0:", n) {
					t.Errorf("%+v, %v", o, err)
				}
				total.Add(o.Rewritten)
			})
		}
		wg.Wait()
		if total.Load() != n {
			t.Errorf("%d writes for %d units", total.Load(), n)
		}
	})
}
