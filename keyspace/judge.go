package keyspace

import (
	"cmp"
	"strings"
)

// limit is the memory that the server can have, and what that is called.
func (f Facts) limit() (bytes, used int64, name string) {
	if f.Max > 0 {
		return f.Max, f.Used, "maxmemory"
	}
	return f.Physical, cmp.Or(f.Resident, f.Used), "the machine's memory"
}

// checkMemory compares what the keyspace will take with what there is. A server at its maxmemory refuses the writes, or
// evicts keys to make them: either way the rewrite must not be what fills it.
func checkMemory(f Facts) (out []Finding) {
	limit, used, name := f.limit()
	grow := f.growth()
	after := float64(used + grow)
	switch {
	case limit == 0 || used == 0:
	case after > memoryFull*float64(limit) && (grow > 0 || f.Max > 0 && used >= limit && f.Policy == "noeviction"):
		out = append(out, holdOn("give it more memory, or free some",
			"the server has %s of %s (%s) and the rewrite adds about %s", Bytes(used), Bytes(limit), name, Bytes(grow)))
	case after > memoryHigh*float64(limit) && !f.evicts(): // a cache is always full
		out = append(out, warn("watch it, or give it more",
			"the server will have %s of %s (%s) after the rewrite", Bytes(used+grow), Bytes(limit), name))
	}
	if f.Fragmentation > fragmented && f.Resident > fragmentedFrom {
		out = append(out, warn("turn activedefrag on, or restart a replica and fail over to it",
			"memory is fragmented: the process has %.1f times what it uses", f.Fragmentation))
	}
	if f.Fork != "" {
		out = append(out, warn("wait until it has ended, or have room for a copy of every page that is written",
			"the server is forked (%s): each write costs a copy of a page", f.Fork))
	}
	return out
}

func fineMemory(f Facts) string {
	limit, used, name := f.limit()
	if limit == 0 || used == 0 {
		return ""
	}
	return Bytes(used) + " of " + Bytes(limit) + " (" + name + ") are used and the rewrite adds about " + Bytes(f.growth())
}

// evicts tells whether the server drops keys to make room.
func (f Facts) evicts() bool {
	return f.Max > 0 && (strings.HasPrefix(f.Policy, "allkeys-") || strings.HasPrefix(f.Policy, "volatile-"))
}

// checkEviction warns where the server may drop units, or Keyshift's own record, to make room.
func checkEviction(f Facts) []Finding {
	if f.Max == 0 {
		return nil
	}
	const wayOut = "set maxmemory-policy noeviction while the rewrite runs, or raise maxmemory"
	switch {
	case strings.HasPrefix(f.Policy, "allkeys-"):
		return []Finding{warn(wayOut, "maxmemory-policy %s may evict units, and the ledger, to make room (%d keys since the server started)", f.Policy, f.Evicted)}
	case strings.HasPrefix(f.Policy, "volatile-"):
		return []Finding{warn(wayOut, "maxmemory-policy %s may evict units that expire, and a lease, to make room (%d keys since the server started)", f.Policy, f.Evicted)}
	}
	return nil
}

func checkPersistence(f Facts) (out []Finding) {
	if f.AOFFailing {
		out = append(out, holdOn("mend its disk", "the server cannot write its append-only file and refuses writes"))
	}
	if f.SnapshotFailing {
		out = append(out, warn("mend its disk: with save points set, the server refuses writes until a snapshot succeeds",
			"the last snapshot of the server failed"))
	}
	if f.Version != "" && !f.AOF && !f.Snapshots {
		out = append(out, warn("leave it so if the data may be lost; else turn on the append-only file",
			"the server has no append-only file and has taken no snapshot: when it restarts, the data and the ledger are gone"))
	}
	return out
}

func checkReplicas(f Facts) (out []Finding) {
	for _, r := range f.Replicas {
		switch {
		case r.State != "online":
			out = append(out, warn("wait until it is online", "replica %s is copying the data set (%s): the server is forked for it, and keeps every write for it in memory", r.Address, r.State))
		case r.Behind > replicaLost:
			out = append(out, holdOn("find out what holds it back, and wait until it has caught up", "replica %s is %s behind: more writes may make the server drop it", r.Address, Bytes(r.Behind)))
		case r.Behind > replicaBehind:
			out = append(out, warn("use the throttle gentle", "replica %s is %s behind", r.Address, Bytes(r.Behind)))
		}
	}
	if f.Buffers > replicaLost {
		out = append(out, warn("use the throttle gentle, or raise client-output-buffer-limit replica", "%s wait in the server's memory for its replicas", Bytes(f.Buffers)))
	}
	return out
}

func checkRights(f Facts) []Finding {
	if len(f.Refused) == 0 {
		return nil
	}
	return []Finding{holdOn("grant the user these commands and the keys of the keyspace", "the ACL refuses %s", strings.Join(f.Refused, ", "))}
}

func checkRoom(f Facts) []Finding {
	switch {
	case f.Room == 0:
		return nil
	case f.Room < f.Needed:
		return []Finding{holdOn("free some, or name a larger one", "the state storage has room for %s and the archive takes about %s", Bytes(f.Room), Bytes(f.Needed))}
	case float64(f.Room) < roomSpare*float64(f.Needed):
		return []Finding{warn("free some", "the state storage has room for %s and the archive takes about %s", Bytes(f.Room), Bytes(f.Needed))}
	}
	return nil
}
