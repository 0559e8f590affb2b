package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/examples"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// Result is what came of it, measured by the application but for the counts of rewritten units.
type Result struct {
	Store            string  `json:"store"`            // which Redis: "redis-server 7.0.15" or "embedded"
	Keys             int     `json:"keys"`             // seeded
	Rewritten        int64   `json:"rewritten"`        // units by the upgrade's rewrite
	Restored         int64   `json:"restored"`         // units brought back by the revert, from the undo log and by its rewrite
	LostUpdates      int64   `json:"lostUpdates"`      // acknowledged writes of the application that did not last
	UnreadableReads  int64   `json:"unreadableReads"`  // values that the release of a pod could not decode
	ConflictsRetried int64   `json:"conflictsRetried"` // writes of Keyshift that met one of the application
	Seconds          float64 `json:"seconds"`
}

// FaultError says that the demo ran to its end and did not show what it should.
type FaultError struct {
	Result   Result
	Findings []Finding
}

// Error names the counts and a few findings.
func (e *FaultError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d lost updates and %d unreadable reads", e.Result.LostUpdates, e.Result.UnreadableReads)
	for _, f := range e.Findings[:min(len(e.Findings), 5)] {
		fmt.Fprintf(&b, "; %s", f)
	}
	return b.String()
}

// Run shows a service and its data move from one version to the next and back, by a push and a revert, with
// pods that read and write throughout. It ends by itself in well under a minute. The error is a *FaultError if
// anything was lost or could not be read.
func Run(ctx context.Context, o Options, out io.Writer) error {
	result, err := perform(ctx, o, out)
	_, atEnd := errors.AsType[*FaultError](err)
	switch {
	case !o.JSON:
		return err
	case err == nil || atEnd:
		return errors.Join(err, printLine(out, result))
	}
	return errors.Join(err, printLine(out, struct {
		Error string `json:"error"`
	}{err.Error()}))
}

func printLine(out io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(out, "%s\n", line)
	}
	return err
}

// perform runs the demo and returns what came of it.
func perform(ctx context.Context, o Options, out io.Writer) (Result, error) {
	if err := o.validate(); err != nil {
		return Result{}, err
	}
	began := time.Now()
	s, err := open(ctx, o.withDefaults(), out)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	if err := s.play(ctx); err != nil {
		return s.result, err
	}
	s.result.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	report := s.app.Report()
	s.print.summary(s.result, report)
	if report.LostUpdates+report.UnreadableReads > 0 {
		return s.result, &FaultError{s.result, report.Findings}
	}
	return s.result, nil
}

// stage is everything the demo starts.
type stage struct {
	options Options
	print   *printer
	server  server
	client  *redis.Client
	app     *Application
	cluster *cluster.Memory
	git     *GitServer
	store   *keyspace.Store
	edges   apply.Edges
	last    string // revision delivered last
	result  Result
	closers []func()
}

// open starts the servers. What was started before an error is stopped again.
func open(ctx context.Context, o Options, out io.Writer) (*stage, error) {
	s := &stage{options: o, print: &printer{out: out}, app: NewApplication(Sessions())}
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) open(ctx context.Context) (err error) {
	if s.server, err = findRedis(ctx, s.options.Redis); err != nil {
		return err
	}
	s.closers = append(s.closers, s.server.stop)
	s.client = Dial(s.server.address)
	s.closers = append(s.closers, func() { _ = s.client.Close() })
	if s.server.embedded {
		s.ease()
	}
	if s.git, err = NewGitServer(); err != nil {
		return err
	}
	s.closers = append(s.closers, func() { _ = s.git.Close() })
	mirror, err := os.MkdirTemp("", "keyshift-demo-")
	if err != nil {
		return err
	}
	kept := &apply.Storage{Address: mirror}
	s.closers = append(s.closers, func() { _ = errors.Join(kept.Close(), os.RemoveAll(mirror)) })
	if s.store, err = keyspace.Open(ctx, keyspace.Options{Store: "main", Address: "redis://" + s.server.address + "/0"}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.store.Close)
	s.cluster = cluster.NewMemory(cluster.MemoryOptions{Start: 150 * time.Millisecond, Terminate: s.options.Terminate})
	s.closers = append(s.closers, s.cluster.Close)
	s.edges = apply.Edges{
		Cluster: s.cluster, Stores: map[string]*keyspace.Store{"main": s.store}, Mirror: apply.FileMirror{Dir: mirror},
		State:          kept,
		RolloutTimeout: time.Minute, Watch: 250 * time.Millisecond,
	}
	s.result = Result{Store: s.server.name, Keys: s.options.Keys}
	return nil
}

// ease spares the embedded Redis, which shares our processors and interprets its scripts slowly. Its clock
// stands still between two commands, so that expiry times move a little.
func (s *stage) ease() {
	s.app.Tolerance, s.app.Pause = time.Hour, 8*time.Millisecond
	percent := debug.SetGCPercent(400)
	s.closers = append(s.closers, func() { debug.SetGCPercent(percent) })
}

func (s *stage) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}

// play is the story: a service is live, a push moves it and its data on, a revert moves both back.
func (s *stage) play(ctx context.Context) error {
	history := examples.Shop()
	s.print.opening(s)
	s.print.chapter("The service is live")
	if err := s.push(history[0]); err != nil {
		return err
	}
	if err := s.populate(ctx); err != nil {
		return err
	}
	if _, err := s.deliver(ctx); err != nil {
		return err
	}
	s.print.chapter("A push moves the service and its data on")
	if err := s.push(history[1]); err != nil {
		return err
	}
	up, err := s.move(ctx, V2)
	if err != nil {
		return err
	}
	s.app.Turn()
	s.print.chapter("A revert moves both back")
	if err := s.revert(); err != nil {
		return err
	}
	back, err := s.move(ctx, V1)
	if err != nil {
		return err
	}
	undone := back.Undone()
	s.result.Rewritten, s.result.Restored = up.Rewritten(), back.Rewritten()+undone.Restored+undone.Merged
	s.result.ConflictsRetried = up.Conflicts() + back.Conflicts()
	return nil
}

// move delivers what was pushed and lets the application check every key.
func (s *stage) move(ctx context.Context, v state.Version) (apply.Outcome, error) {
	outcome, err := s.deliver(ctx)
	if err != nil {
		return outcome, err
	}
	report, err := s.app.Check(ctx, s.client)
	if err != nil {
		return outcome, err
	}
	s.result.LostUpdates, s.result.UnreadableReads = report.LostUpdates, report.UnreadableReads
	s.print.checked(report)
	for _, h := range report.Held {
		if h.Version != v {
			return outcome, fmt.Errorf("%d units of %s are at %q after the delivery of %s", h.Units, h.Keyspace, h.Version, v)
		}
	}
	return outcome, nil
}
