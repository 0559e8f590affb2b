package keyspace

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// PreflightOptions say what is known before a preflight.
type PreflightOptions struct {
	Live   state.Live // the keyspace as it was observed
	Sample int        // units that are converted to see how they grow; 200

	// Room returns the free bytes of the state storage, and 0 where it cannot tell; nil: there is none to ask.
	Room func(context.Context) (int64, error)
	// Archived is how often the bytes of the keyspace go there: once for a backup, once for an undo log.
	Archived int
}

// Preflight is what was looked at before a rewrite, and what follows from it.
type Preflight struct {
	Keyspace string        `json:"keyspace"`
	To       state.Version `json:"to"`
	Facts    Facts         `json:"facts"`
	Findings []Finding     `json:"findings"`
	Forecast Forecast      `json:"forecast"` // of the rewrite
}

// Of returns the findings of one level.
func (p Preflight) Of(l Level) (out []Finding) {
	for _, f := range p.Findings {
		if f.Level == l {
			out = append(out, f)
		}
	}
	return out
}

// Preflight looks at whether a server can bear the rewrite of a keyspace to a version: its memory and what the units
// will take, eviction, persistence, replicas, its version, the rights of our user, and room in the state storage. It
// writes nothing. What a server does not tell (INFO is cut down, ACL DRYRUN is refused) is not judged. The error is an
// *Error, or what Room returned.
func (s *Store) Preflight(ctx context.Context, k state.Keyspace, to state.Version, o PreflightOptions) (Preflight, error) {
	stored, err := s.client.DBSize(ctx).Result()
	if err != nil {
		return Preflight{}, classify(ctx, s.name, "asking for the number of keys", err)
	}
	facts, err := s.facts(ctx)
	if err != nil {
		return Preflight{}, err
	}
	p := Preflight{Keyspace: k.Name, To: to, Forecast: ForecastRewrite(k, o.Live, stored, to)}
	facts.Units, facts.Convert, facts.Bytes = ForecastPass(k, o.Live, stored).Units, p.Forecast.Units, p.Forecast.Bytes
	key, err := s.grow(ctx, k, to, cmp.Or(o.Sample, 200), &facts)
	if err != nil {
		return Preflight{}, err
	}
	if facts.Refused, facts.Asked, err = s.refused(ctx, k, key); err != nil {
		return Preflight{}, err
	}
	if o.Room != nil {
		facts.Needed = facts.Bytes * int64(o.Archived)
		if facts.Room, err = o.Room(ctx); err != nil {
			return Preflight{}, err
		}
	}
	p.Facts, p.Findings = facts, facts.Findings()
	return p, nil
}

// facts reads what INFO says.
func (s *Store) facts(ctx context.Context) (Facts, error) {
	all := map[string]string{}
	for _, section := range []string{"server", "memory", "persistence", "replication", "stats"} {
		part, err := s.info(ctx, section)
		if err != nil {
			return Facts{}, err
		}
		for name, value := range part {
			all[name] = value
		}
	}
	return factsOf(all), nil
}

// factsOf reads the facts out of the lines of INFO.
func factsOf(info map[string]string) Facts {
	number := func(name string) int64 { n, _ := strconv.ParseInt(info[name], 10, 64); return n }
	f := Facts{
		Server: "redis", Version: cmp.Or(info["valkey_version"], info["redis_version"]),
		Used: number("used_memory"), Max: number("maxmemory"), Physical: number("total_system_memory"), Resident: number("used_memory_rss"),
		Policy: info["maxmemory_policy"], Evicted: number("evicted_keys"),
		Replica: info["role"] == "slave", Loading: info["loading"] == "1",
		AOF: info["aof_enabled"] == "1", AOFFailing: info["aof_enabled"] == "1" && info["aof_last_write_status"] == "err",
		SnapshotFailing: info["rdb_last_bgsave_status"] == "err",
		Snapshots:       number("rdb_saves") > 0 || number("rdb_last_load_keys_loaded") > 0 || number("rdb_last_cow_size") > 0,
		Buffers:         number("mem_clients_slaves"),
	}
	f.Fragmentation, _ = strconv.ParseFloat(info["mem_fragmentation_ratio"], 64)
	if info["server_name"] == "valkey" || info["valkey_version"] != "" {
		f.Server = "valkey"
	}
	if f.Version == "" {
		f.Server = ""
	}
	switch {
	case info["rdb_bgsave_in_progress"] == "1":
		f.Fork = "a snapshot"
	case info["aof_rewrite_in_progress"] == "1":
		f.Fork = "a rewrite of the append-only file"
	}
	for name, value := range info {
		digits, isReplica := strings.CutPrefix(name, "slave")
		if _, err := strconv.Atoi(digits); isReplica && err == nil {
			f.Replicas = append(f.Replicas, follower(value, number("master_repl_offset")))
		}
	}
	slices.SortFunc(f.Replicas, func(a, b Follower) int { return cmp.Compare(a.Address, b.Address) })
	return f
}

// follower reads "ip=10.0.0.7,port=6379,state=online,offset=1234,lag=0".
func follower(line string, offset int64) Follower {
	var r Follower
	var host, port string
	var at int64
	for part := range strings.SplitSeq(line, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "ip":
			host = value
		case "port":
			port = value
		case "state":
			r.State = value
		case "offset":
			at, _ = strconv.ParseInt(value, 10, 64)
		}
	}
	r.Address = host + ":" + port
	if r.State == "online" {
		r.Behind = max(offset-at, 0)
	}
	return r
}

// grow converts a sample of units to see how much memory they gain, and returns one key of the keyspace.
func (s *Store) grow(ctx context.Context, k state.Keyspace, to state.Version, keys int, f *Facts) (key string, err error) {
	routes, err := s.newRoutes([]state.Keyspace{k})
	if err != nil {
		return "", err
	}
	units, _, err := s.draw(ctx, routes, DriftOptions{Keys: keys, Scanned: int64(keys) * 20})
	if err != nil {
		return "", err
	}
	gained := int64(0)
	for i := range units {
		if units[i].gone || units[i].unfit != "" {
			continue
		}
		key = units[i].key
		units[i].units(func(part transform.Unit, _ int, _ bool) {
			if after, ok := converted(&routes[0], part, to); ok {
				gained += weight(after) - weight(part)
				f.Sampled++
			}
		})
	}
	if f.Sampled > 0 {
		f.Growth = float64(gained) / float64(f.Sampled)
	}
	return key, nil
}

// converted is a unit as the rewrite would leave it, if it would write it.
func converted(r *route, u transform.Unit, to state.Version) (transform.Unit, bool) {
	class, _ := r.classify(u)
	if class == state.Unfit || class.Has(to) {
		return transform.Unit{}, false
	}
	from, ok := r.programs.Source(class, to)
	if !ok {
		return transform.Unit{}, false
	}
	after, err := r.programs.Convert(u, from, to)
	return after, err == nil
}

// weight is about what a unit takes in memory: its bytes, and what a field costs beside them in a small hash.
func weight(u transform.Unit) int64 {
	const field = 4
	n := int64(len(u.Text) + len(u.Key))
	for _, f := range u.Fields {
		n += int64(len(f.Name)+len(f.Value)) + field
	}
	return n
}

// rights are commands that a rewrite runs, by Redis type, as they are tried. KEY stands for a key of the keyspace.
var rights = map[state.Redis][]string{
	state.String:    {"GETRANGE KEY 0 1", "SET KEY x XX KEEPTTL"},
	state.Document:  {"JSON.GET KEY", "JSON.SET KEY $ 1"},
	state.Hash:      {"HGETALL KEY", "HMGET KEY a", "HSET KEY a b", "HDEL KEY a", "HLEN KEY"},
	state.Map:       {"HSCAN KEY 0", "HMGET KEY a", "HSET KEY a b", "HDEL KEY a", "HLEN KEY"},
	state.List:      {"LRANGE KEY 0 1", "LSET KEY 0 a", "LLEN KEY"},
	state.Set:       {"SSCAN KEY 0", "SADD KEY a", "SREM KEY a", "SCARD KEY"},
	state.SortedSet: {"ZSCAN KEY 0", "ZADD KEY 1 a", "ZREM KEY a", "ZCARD KEY"},
	state.Stream:    {"XRANGE KEY - +", "XLEN KEY"},
}

// refused asks the server which commands on a key its ACL would refuse our user (ACL DRYRUN, Redis 7.0). Asked is false
// where it does not let us ask, or knows no ACL, or there is no key to try.
func (s *Store) refused(ctx context.Context, k state.Keyspace, key string) (out []string, asked bool, err error) {
	user, err := s.client.Do(ctx, "acl", "whoami").Text()
	if unknown(err) {
		return nil, false, classify(ctx, s.name, "asking who we are", err)
	}
	if err != nil || key == "" {
		return nil, false, nil
	}
	tries := map[string]bool{"PTTL KEY": true, "MEMORY USAGE KEY": true}
	for _, shape := range k.Shapes {
		for _, t := range rights[shape.Type] {
			tries[t] = true
		}
	}
	pipe := s.client.Pipeline()
	answers := map[string]*redis.Cmd{}
	for t := range tries {
		args := []any{"acl", "dryrun", user}
		for _, word := range strings.Fields(t) {
			if word == "KEY" {
				word = key
			}
			args = append(args, word)
		}
		name, _, _ := strings.Cut(t, " KEY")
		answers[name] = pipe.Do(ctx, args...)
	}
	if _, err := pipe.Exec(ctx); unknown(err) {
		return nil, false, classify(ctx, s.name, "asking for our rights", err)
	}
	for name, answer := range answers {
		text, err := answer.Text()
		if err != nil {
			continue // we may not ask, or the server does not know the command
		}
		asked = true
		if text != "OK" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, asked, nil
}
