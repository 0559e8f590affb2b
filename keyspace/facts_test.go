package keyspace

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/state"
)

func TestFindings(t *testing.T) {
	const gib = 1 << 30
	fine := Facts{Server: "redis", Version: "8.2.2", Used: gib, Max: 4 * gib, Policy: "noeviction", AOF: true, Asked: true,
		Replicas: []Follower{{Address: "r:1", State: "online"}}, Room: 10 * gib, Needed: gib, Convert: 1000}
	for _, c := range []struct {
		name  string
		spoil func(*Facts)
		check string
		level Level
		says  string
	}{
		{"fine", func(*Facts) {}, "", FindingOK, ""},
		{"it will be full", func(f *Facts) { f.Convert, f.Growth = 30_000_000, 110 }, "memory", FindingHold, "1.0 GiB of 4.0 GiB (maxmemory) and the rewrite adds about 3.1 GiB"},
		{"it will be nearly full", func(f *Facts) { f.Convert, f.Growth = 27_000_000, 100 }, "memory", FindingWarn, "3.5 GiB of 4.0 GiB"},
		{"it shrinks", func(f *Facts) { f.Convert, f.Growth = 30_000_000, -100 }, "", FindingOK, ""},
		{"it is full", func(f *Facts) { f.Used = 4 * gib }, "memory", FindingHold, "4.0 GiB of 4.0 GiB"},
		{"it fills the machine", func(f *Facts) { f.Max, f.Physical, f.Resident, f.Convert, f.Growth = 0, 4*gib, 3*gib, 10_000_000, 100 }, "memory", FindingHold, "the machine's memory"},
		{"fragmented", func(f *Facts) { f.Fragmentation, f.Resident = 2.5, 2*gib }, "memory", FindingWarn, "2.5 times"},
		{"small and fragmented", func(f *Facts) { f.Fragmentation, f.Resident = 20, 20<<20 }, "", FindingOK, ""},
		{"forked", func(f *Facts) { f.Fork = "a snapshot" }, "memory", FindingWarn, "a snapshot"},
		{"a cache", func(f *Facts) { f.Policy = "allkeys-lru" }, "eviction", FindingWarn, "allkeys-lru"},
		{"a full cache whose units shrink", func(f *Facts) { f.Policy, f.Used, f.Growth = "allkeys-lru", 4*gib, -1 }, "eviction", FindingWarn, "evict units"},
		{"a full cache whose units grow", func(f *Facts) { f.Policy, f.Used, f.Growth = "allkeys-lru", 4*gib, 1 }, "memory", FindingHold, "maxmemory"},
		{"volatile", func(f *Facts) { f.Policy = "volatile-ttl" }, "eviction", FindingWarn, "that expire"},
		{"append-only file fails", func(f *Facts) { f.AOFFailing = true }, "persistence", FindingHold, "refuses writes"},
		{"snapshot fails", func(f *Facts) { f.SnapshotFailing = true }, "persistence", FindingWarn, "snapshot"},
		{"nothing is kept", func(f *Facts) { f.AOF = false }, "persistence", FindingWarn, "restarts"},
		{"replica behind", func(f *Facts) { f.Replicas[0].Behind = 20 << 20 }, "replicas", FindingWarn, "20.0 MiB behind"},
		{"replica lost", func(f *Facts) { f.Replicas[0].Behind = 100 << 20 }, "replicas", FindingHold, "100.0 MiB behind"},
		{"replica copies", func(f *Facts) { f.Replicas[0].State = "send_bulk" }, "replicas", FindingWarn, "send_bulk"},
		{"buffers", func(f *Facts) { f.Buffers = 100 << 20 }, "replicas", FindingWarn, "100.0 MiB wait"},
		{"a replica", func(f *Facts) { f.Replica = true }, "server", FindingHold, "a replica"},
		{"loading", func(f *Facts) { f.Loading = true }, "server", FindingHold, "loading"},
		{"rights", func(f *Facts) { f.Refused = []string{"HDEL", "SET"} }, "rights", FindingHold, "HDEL, SET"},
		{"no room", func(f *Facts) { f.Room = gib / 2 }, "room", FindingHold, "512.0 MiB"},
		{"little room", func(f *Facts) { f.Room = gib + 1 }, "room", FindingWarn, "1.0 GiB"},
		{"old", func(f *Facts) { f.Version = "7.0.15" }, "version", FindingWarn, "CVE-2025-49844"},
		{"nothing is known", func(f *Facts) { *f = Facts{} }, "", FindingOK, ""},
	} {
		f := fine
		f.Replicas = []Follower{fine.Replicas[0]}
		c.spoil(&f)
		found := ""
		for _, x := range f.Findings() {
			if x.Level != FindingOK {
				found += fmt.Sprintf("%s %s: %s\n", x.Check, x.Level, x.Reason)
				if x.WayOut == "" {
					t.Errorf("%s: no way out of %q", c.name, x.Reason)
				}
			}
		}
		want := ""
		if c.check != "" {
			want = fmt.Sprintf("%s %s: ", c.check, c.level)
		}
		if !strings.HasPrefix(found, want) || want == "" && found != "" || !strings.Contains(found, c.says) {
			t.Errorf("%s: %q, want %q with %q", c.name, found, want, c.says)
		}
	}
}

// TestFindingsAreTotal: whatever a server says, each check judges it, and more trouble is never judged milder.
func TestFindingsAreTotal(t *testing.T) {
	rank := map[Level]int{FindingOK: 0, FindingWarn: 1, FindingHold: 2}
	worst := func(f Facts) (n int) {
		for _, x := range f.Findings() {
			if x.Reason == "" || x.Check == "" {
				t.Fatalf("%+v", x)
			}
			n = max(n, rank[x.Level])
		}
		return n
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 1<<40)
		f := Facts{Server: "redis", Version: rapid.SampledFrom([]string{"", "7.0.15", "8.2.2", "x", "255.255.255"}).Draw(t, "version"),
			Used: size.Draw(t, "used"), Max: size.Draw(t, "max"), Physical: size.Draw(t, "physical"), Policy: rapid.SampledFrom([]string{"", "noeviction", "allkeys-lru"}).Draw(t, "policy"),
			Convert: rapid.Int64Range(0, 1<<30).Draw(t, "convert"), Growth: rapid.Float64Range(-1000, 1000).Draw(t, "growth"), Room: size.Draw(t, "room"), Needed: size.Draw(t, "needed")}
		more := f
		more.Growth += rapid.Float64Range(0, 1000).Draw(t, "more")
		more.Needed += size.Draw(t, "more needed")
		if worst(more) < worst(f) {
			t.Fatalf("%+v is judged milder than %+v", more, f)
		}
	})
}

func TestVersions(t *testing.T) {
	for version, safe := range map[string]bool{
		"redis 6.2.19": false, "redis 6.2.20": true, "redis 7.0.15": false, "redis 7.2.11": true, "redis 7.4.5": false, "redis 8.0.4": true,
		"redis 8.2.1": false, "redis 8.2.2": true, "redis 8.4.0": true, "redis 5.0.7": false,
		"valkey 8.1.1": false, "valkey 8.1.4": true, "valkey 8.0.6": true, "valkey 7.2.4": false, "valkey 9.0.0": true,
		"dragonfly 1.0.0": true, "redis unknown": true,
	} {
		server, number, _ := strings.Cut(version, " ")
		if got := checkVersion(Facts{Server: server, Version: number}); (len(got) == 0) != safe {
			t.Errorf("%s: %v", version, got)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1<<20 - 1: "1.0 MiB", 5 << 30: "5.0 GiB", 1<<63 - 1: "8.0 EiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestForecast(t *testing.T) {
	k := sessions()
	live := state.Live{Counts: []state.Count{{Class: "1.0.0", Units: 900_000}, {Class: "1.0.0|2.0.0", Units: 50}, {Class: "2.0.0", Units: 100_000}, {Class: state.Unfit, Units: 7}}}
	f, v := ForecastRewrite(k, live, 2_000_000, "2.0.0"), ForecastPass(k, live, 2_000_000)
	if f.Units != 900_000 || v.Units != 1_000_057 || f.Millis <= 2*v.Millis || v.Millis != 5000 {
		t.Errorf("%+v, %+v", f, v)
	}
	k.Policy.Throttle = state.ThrottleGentle
	if slow := ForecastRewrite(k, live, 2_000_000, "2.0.0"); slow.Millis < 4*f.Millis {
		t.Errorf("gentle %+v, fast %+v", slow, f)
	}
	live.Profile = &state.Profile{Elapsed: 60_000, Bytes: state.Spread{Total: 77}}
	if measured := ForecastPass(k, live, 2_000_000); measured.Millis < 5*60_000 || measured.Bytes != 77 {
		t.Errorf("%+v", measured)
	}
}
