package keyspace

import (
	"context"
	"errors"
	"slices"
	"testing"

	"keyshift.dev/state"
)

func TestPreflight(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		fill(t, s.client, 2000)
		st, ctx := open(t, s), t.Context()
		live, err := st.Observe(ctx, []state.Keyspace{sessions()})
		if err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, s.client)
		p, err := st.Preflight(ctx, sessions(), "2.0.0", PreflightOptions{Live: live[0], Archived: 2, Room: func(context.Context) (int64, error) { return 1 << 40, nil }})
		if err != nil {
			t.Fatal(err)
		}
		f := p.Facts
		if f.Convert != 2000 || f.Units != 2000 || f.Sampled < 200 || f.Needed != 2*live[0].Profile.Bytes.Total || p.Forecast.Units != 2000 || p.Forecast.Millis <= 0 {
			t.Errorf("%+v", p)
		}
		// name to full_name, created_ms loses its milliseconds, legacy vanishes, plan comes: about ten bytes less.
		if f.Growth < -20 || f.Growth > 0 {
			t.Errorf("a unit grows by %.1f bytes", f.Growth)
		}
		if held := p.Of(FindingHold); held != nil {
			t.Errorf("held: %+v", held)
		}
		if after := snapshot(t, s.client); len(after) != len(before) {
			t.Error("a preflight wrote")
		}
		if s.real != nil && (f.Version == "" || f.Used == 0 || !f.Asked || f.Refused != nil || f.Policy != "noeviction" || len(p.Of(FindingWarn)) == 0) {
			t.Errorf("%+v", p)
		}
	})
}

// TestPreflightFull: a server without the memory that a growing keyspace needs holds the rewrite before it fills.
func TestPreflightFull(t *testing.T) {
	s := running(t)
	fill(t, s.client, 3000)
	st, ctx := open(t, s), t.Context()
	if err := s.client.ConfigSet(ctx, "maxmemory", "4mb").Err(); err != nil {
		t.Fatal(err)
	}
	k := carts()
	k.Migrations[0].Up = program(carry("owner"), carry("note"), set("total", call(state.OpMul, path("cents"), worded("1"+zeros(600)))))
	live := state.Live{Keyspace: "cart", Counts: []state.Count{{Class: "1.0.0", Units: 3000}}}
	p, err := st.Preflight(ctx, k, "2.0.0", PreflightOptions{Live: live})
	if err != nil {
		t.Fatal(err)
	}
	held := p.Of(FindingHold)
	if len(held) != 1 || held[0].Check != "memory" || p.Facts.Growth < 500 {
		t.Errorf("%+v", p)
	}
}

func worded(digits string) state.Expr {
	return state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Int, Text: digits}}
}

func zeros(n int) string { return string(slices.Repeat([]byte{'0'}, n)) }

// TestPreflightRights: a user who may read and not delete is found before the first write, and one who may not ask is
// not judged.
func TestPreflightRights(t *testing.T) {
	s := running(t)
	fill(t, s.client, 50)
	ctx := t.Context()
	for _, rule := range [][]any{
		{"acl", "setuser", "reader", "on", ">x", "~*", "+@all", "-hdel", "-set"},
		{"acl", "setuser", "blind", "on", ">x", "~*", "+@all", "-hdel", "-acl", "+acl|whoami"},
	} {
		if err := s.client.Do(ctx, rule...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[string][]string{"reader": {"HDEL"}, "blind": nil} {
		st := openWith(t, Options{Store: "main", Address: s.url, Username: user, Password: "x"})
		p, err := st.Preflight(ctx, sessions(), "2.0.0", PreflightOptions{})
		if err != nil || !slices.Equal(p.Facts.Refused, want) || p.Facts.Asked != (want != nil) {
			t.Errorf("%s: %+v, %v", user, p, err)
		}
	}
}

func TestPreflightRoom(t *testing.T) {
	s := embedded(t)
	broken := errors.New("the volume is gone")
	_, err := open(t, s).Preflight(t.Context(), sessions(), "2.0.0", PreflightOptions{Room: func(context.Context) (int64, error) { return 0, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("a room that cannot be asked for: %v", err)
	}
}

func TestFactsOf(t *testing.T) {
	f := factsOf(map[string]string{
		"redis_version": "7.2.4", "valkey_version": "8.1.1", "server_name": "valkey", "role": "master", "master_repl_offset": "1000",
		"slave0": "ip=10.0.0.7,port=6379,state=online,offset=900,lag=0", "slave1": "ip=10.0.0.8,port=6379,state=wait_bgsave,offset=0,lag=0",
		"slave_read_only": "1", "rdb_bgsave_in_progress": "1", "aof_enabled": "1", "aof_last_write_status": "err", "mem_fragmentation_ratio": "1.25",
	})
	if f.Server != "valkey" || f.Version != "8.1.1" || !slices.Equal(f.Replicas, []Follower{{"10.0.0.7:6379", "online", 100}, {"10.0.0.8:6379", "wait_bgsave", 0}}) ||
		f.Fork != "a snapshot" || !f.AOFFailing || f.Fragmentation != 1.25 || f.Replica {
		t.Errorf("%+v", f)
	}
}
