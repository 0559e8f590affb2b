package keyspace

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Level says what a finding means for a run.
type Level string

// The levels of a finding.
const (
	FindingOK   Level = "ok"
	FindingWarn Level = "warn" // a person should know; the run goes on
	FindingHold Level = "hold" // the run does not begin
)

// Finding is one thing that a preflight looked at.
type Finding struct {
	Check  string `json:"check"` // memory, eviction, persistence, replicas, version, rights or room
	Level  Level  `json:"level"`
	Reason string `json:"reason"`
	WayOut string `json:"wayOut,omitempty"` // what to do; empty if nothing has to be done
}

// Facts are what a preflight gathered. What the server did not tell is zero.
type Facts struct {
	Server  string `json:"server,omitempty"` // redis or valkey
	Version string `json:"version,omitempty"`

	Used          int64   `json:"used"`               // bytes of memory that count against Max
	Max           int64   `json:"max,omitempty"`      // maxmemory; 0: no limit
	Physical      int64   `json:"physical,omitempty"` // bytes of the machine
	Resident      int64   `json:"resident,omitempty"` // bytes that the process has of it
	Fragmentation float64 `json:"fragmentation,omitempty"`
	Policy        string  `json:"policy,omitempty"`  // maxmemory-policy
	Evicted       int64   `json:"evicted,omitempty"` // keys since the server started

	Replica         bool   `json:"replica,omitempty"` // it is one itself
	Loading         bool   `json:"loading,omitempty"`
	AOF             bool   `json:"aof,omitempty"`
	AOFFailing      bool   `json:"aofFailing,omitempty"`
	SnapshotFailing bool   `json:"snapshotFailing,omitempty"`
	Snapshots       bool   `json:"snapshots,omitempty"` // one was taken since the server started, or it has loaded one
	Fork            string `json:"fork,omitempty"`      // what a child process does now: a snapshot, or a rewrite of the append-only file

	Replicas []Follower `json:"replicas,omitempty"`
	Buffers  int64      `json:"buffers,omitempty"` // bytes that wait for replicas

	Refused []string `json:"refused,omitempty"` // commands that the ACL refuses, sorted
	Asked   bool     `json:"asked,omitempty"`   // the ACL was asked

	Units   int64   `json:"units"`             // of the keyspace
	Convert int64   `json:"convert"`           // of them, that are to be converted
	Bytes   int64   `json:"bytes,omitempty"`   // of memory that the keyspace takes, by a sample
	Sampled int64   `json:"sampled,omitempty"` // units that were converted to see how they grow
	Growth  float64 `json:"growth,omitempty"`  // bytes that one grew, on average

	Needed int64 `json:"needed,omitempty"` // bytes that the state storage gets
	Room   int64 `json:"room,omitempty"`   // bytes that it has; 0 if it was not asked or does not tell
}

// Follower is a replica as its primary sees it.
type Follower struct {
	Address string `json:"address"`
	State   string `json:"state"`  // online, or how far the copying of the data set is
	Behind  int64  `json:"behind"` // bytes of the replication stream
}

// The bounds of the findings.
const (
	memoryFull     = 0.95     // of maxmemory, or of the machine: held above
	memoryHigh     = 0.85     // warned above
	replicaBehind  = 16 << 20 // bytes: warned above
	replicaLost    = 64 << 20 // bytes: held above; the server's own default drops a replica 64 MB behind for a minute
	fragmented     = 1.8
	fragmentedFrom = 256 << 20 // bytes: below, fragmentation is the size of the program
	roomSpare      = 1.2       // of what is needed: warned below
)

// growth is how much memory the keyspace grows by.
func (f Facts) growth() int64 { return max(int64(f.Growth*float64(f.Convert)), 0) }

// Findings judges facts: one finding a check and one more for each further trouble, in the order of the checks.
func (f Facts) Findings() (out []Finding) {
	for _, check := range checks {
		found := check.find(f)
		if len(found) == 0 && check.fine != nil {
			if fine := check.fine(f); fine != "" {
				found = []Finding{{Level: FindingOK, Reason: fine}}
			}
		}
		for _, x := range found {
			x.Check = check.name
			out = append(out, x)
		}
	}
	return out
}

// check is one row of what a preflight looks at: what is wrong, and what to say if nothing is (empty: nothing).
type check struct {
	name string
	find func(Facts) []Finding
	fine func(Facts) string
}

var checks = []check{
	{"server", checkServer, nil},
	{"version", checkVersion, func(f Facts) string {
		if f.Version == "" {
			return ""
		}
		return f.Server + " " + f.Version
	}},
	{"memory", checkMemory, fineMemory},
	{"eviction", checkEviction, func(f Facts) string {
		if f.Max == 0 && f.Policy != "" {
			return "no maxmemory is set, so nothing is evicted"
		}
		return f.Policy
	}},
	{"persistence", checkPersistence, nil},
	{"replicas", checkReplicas, func(f Facts) string {
		if len(f.Replicas) == 0 {
			return ""
		}
		return fmt.Sprintf("%s, none far behind", plural(len(f.Replicas), "replica"))
	}},
	{"rights", checkRights, func(f Facts) string {
		if !f.Asked {
			return ""
		}
		return "the ACL allows every command that is needed"
	}},
	{"room", checkRoom, func(f Facts) string {
		if f.Room == 0 {
			return ""
		}
		return fmt.Sprintf("%s of %s free are needed for the archive", Bytes(f.Needed), Bytes(f.Room))
	}},
}

func warn(wayOut, format string, args ...any) Finding {
	return Finding{Level: FindingWarn, Reason: fmt.Sprintf(format, args...), WayOut: wayOut}
}

func holdOn(wayOut, format string, args ...any) Finding {
	return Finding{Level: FindingHold, Reason: fmt.Sprintf(format, args...), WayOut: wayOut}
}

func checkServer(f Facts) (out []Finding) {
	if f.Replica {
		out = append(out, holdOn("give the address of the primary", "the server is a replica"))
	}
	if f.Loading {
		out = append(out, holdOn("wait until it has loaded", "the server is loading its data set"))
	}
	return out
}

// luaFixed holds the first version of each line in which a script can no longer take over the server (CVE-2025-49844).
// A line that is not in it, and is older than the newest, has no such version.
var luaFixed = map[string][][3]int{
	"redis":  {{6, 2, 20}, {7, 2, 11}, {7, 4, 6}, {8, 0, 4}, {8, 2, 2}},
	"valkey": {{7, 2, 11}, {8, 0, 6}, {8, 1, 4}},
}

// checkVersion warns of servers on which whoever may run scripts may do anything. It cannot know what a distribution
// has mended under an old number.
func checkVersion(f Facts) []Finding {
	v, ok := parseVersion(f.Version)
	fixed := luaFixed[f.Server]
	if !ok || len(fixed) == 0 {
		return nil
	}
	newest := fixed[len(fixed)-1]
	safe := slices.Compare(v[:], newest[:]) >= 0 || slices.ContainsFunc(fixed, func(x [3]int) bool {
		return x[0] == v[0] && x[1] == v[1] && v[2] >= x[2]
	})
	if safe {
		return nil
	}
	return []Finding{warn("upgrade, unless the distribution has mended it; let no untrusted user run EVAL",
		"%s %s lets a user who may run scripts take over the server (CVE-2025-49844)", f.Server, f.Version)}
}

func parseVersion(text string) (v [3]int, ok bool) {
	parts := strings.SplitN(text, ".", 3)
	if len(parts) < 3 {
		return v, false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

// Bytes writes a number of bytes for people: "12 B", "3.4 MiB".
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	x, at := float64(n)/1024, 0
	for ; x >= 1023.95 && at < len(units)-1; at++ {
		x /= 1024
	}
	return fmt.Sprintf("%.1f %ciB", x, units[at])
}
