package rehearsal

import (
	"context"
	"fmt"
	"slices"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// system owns the keyspaces on the stage.
const system = "rehearsal"

// Stage is an embedded Redis on which tests are run, one at a time.
type Stage struct {
	server *miniredis.Miniredis
	client *redis.Client
	store  *keyspace.Store
}

// Open starts the server.
func Open(ctx context.Context) (*Stage, error) {
	server, err := miniredis.Run()
	if err != nil {
		return nil, fmt.Errorf("the embedded Redis does not start: %w", err)
	}
	s := &Stage{server: server, client: redis.NewClient(&redis.Options{Addr: server.Addr(), Protocol: 2, MaxRetries: -1})}
	if s.store, err = keyspace.Open(ctx, keyspace.Options{Store: "embedded", Address: "redis://" + server.Addr() + "/0"}); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the server.
func (s *Stage) Close() {
	if s.store != nil {
		s.store.Close()
	}
	_ = s.client.Close() // the server goes away next
	s.server.Close()
}

// Run takes one test there and back on the server. What the server holds in the end must be what the programs alone
// make of the test's values (transform.RunTest says whether that is what the test expects). A difference is a
// *transform.Difference; any other error is the server's.
func (s *Stage) Run(ctx context.Context, k state.Keyspace, t state.Test) error {
	m, ok := k.FindMigration(t.To)
	if !ok {
		return &transform.Difference{What: fmt.Sprintf("no migration leads to %s", t.To), Lines: []string{"declare migrations: \"" + string(t.To) + "\""}}
	}
	p, err := transform.Compile(k)
	if err != nil {
		return err
	}
	if err := s.take(ctx, p, k, scene{"old", t.Old, t.Key, m.From, m.To}); err != nil {
		return err
	}
	return s.take(ctx, p, k, scene{"new", t.New, t.Key, m.To, m.From})
}

// scene is one direction of a test.
type scene struct {
	name     string
	value    state.Value
	key      map[string]string
	from, to state.Version
}

func (x scene) what() string {
	return fmt.Sprintf("%s to %s of %s on the embedded server is not what the program makes", x.from, x.to, x.name)
}

func (s *Stage) take(ctx context.Context, p *transform.Programs, k state.Keyspace, x scene) error {
	before, err := p.Encode(x.from, x.key, x.value)
	if err != nil {
		return &transform.Difference{What: fmt.Sprintf("%s is not a unit of %s", x.name, x.from), Lines: []string{err.Error()}}
	}
	want, err := p.Convert(before, x.from, x.to)
	if err != nil {
		return &transform.Difference{What: fmt.Sprintf("%s to %s of %s", x.from, x.to, x.name), Lines: []string{err.Error()}}
	}
	source, _ := k.FindShape(x.from)
	target, _ := k.FindShape(x.to)
	if source.Type == state.Document || target.Type == state.Document {
		return nil // the embedded server has no JSON module
	}
	s.server.FlushAll()
	if keyspace.Unsupported(k) != "" {
		err = s.put(ctx, want, target.Type)
	} else if err = s.put(ctx, before, source.Type); err == nil {
		err = s.rewrite(ctx, k, x.to)
	}
	if err != nil {
		return err
	}
	got, err := s.get(ctx, want.Key, target.Type)
	if err != nil {
		return err
	}
	if lines := differences(want, got); len(lines) > 0 {
		return &transform.Difference{What: x.what(), Lines: lines}
	}
	return nil
}

// rewrite lets the engine bring the keyspace to a version.
func (s *Stage) rewrite(ctx context.Context, k state.Keyspace, to state.Version) error {
	lease, err := s.store.Acquire(ctx, system, k.Name)
	if err != nil {
		return err
	}
	outcome, err := s.store.Rewrite(ctx, lease, keyspace.Job{Keyspace: k, To: to, ID: "rehearsal " + string(to), Unlogged: true}, func(keyspace.Progress) {})
	if err == nil && !outcome.Clean(to) {
		err = &transform.Difference{What: fmt.Sprintf("the engine does not bring the unit to %s", to), Lines: reasons(outcome.Samples)}
	}
	if e := lease.Release(ctx); err == nil {
		err = e
	}
	return err
}

func reasons(samples []state.Sample) []string {
	lines := make([]string, len(samples))
	for i, s := range samples {
		lines[i] = s.Key + ": " + s.Reason
	}
	return lines
}

// differences compares two units byte by byte; the values are the spec's own.
func differences(want, got transform.Unit) []string {
	if want.Text != got.Text {
		return []string{fmt.Sprintf("value: want %s, got %s", want.Text, got.Text)}
	}
	var lines []string
	if want.TTL != got.TTL {
		lines = append(lines, fmt.Sprintf("time to live: want %d ms, got %d ms", want.TTL, got.TTL))
	}
	for _, f := range want.Fields {
		i := slices.IndexFunc(got.Fields, func(g transform.Field) bool { return g.Name == f.Name })
		switch {
		case i < 0:
			lines = append(lines, fmt.Sprintf("%s: want %s, got none", f.Name, f.Value))
		case got.Fields[i].Value != f.Value:
			lines = append(lines, fmt.Sprintf("%s: want %s, got %s", f.Name, f.Value, got.Fields[i].Value))
		}
	}
	for _, f := range got.Fields {
		if !slices.ContainsFunc(want.Fields, func(w transform.Field) bool { return w.Name == f.Name }) {
			lines = append(lines, fmt.Sprintf("%s: want none, got %s", f.Name, f.Value))
		}
	}
	slices.Sort(lines)
	return lines
}
