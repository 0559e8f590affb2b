package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// server is the Redis that is measured.
type server struct {
	address string // URL
	client  *redis.Client
	own     bool // started by us: it may be flushed
	pid     int  // if it is
	stop    func()
}

// install says how to get a server.
const install = "install redis-server (apt-get install redis-server, brew install redis), or name an empty server with --redis redis://host:port/0"

// findServer returns the server of --redis, else one started from the PATH. The caller closes it.
func findServer(ctx context.Context, where string) (*server, error) {
	if strings.Contains(where, "://") {
		return guest(ctx, where)
	}
	path, err := exec.LookPath(orDefault(where, "redis-server"))
	switch {
	case err != nil && where == "":
		return nil, errors.New("there is no redis-server on the PATH; " + install)
	case err != nil:
		return nil, fmt.Errorf("--redis %s: there is no program of that name; %s", where, install)
	}
	return start(ctx, path)
}

func orDefault(word, other string) string {
	if word == "" {
		return other
	}
	return word
}

func (s *server) close() {
	_ = s.client.Close() // nothing is buffered
	s.stop()
}

// dial makes a client that never sends a command twice.
func dial(address string) (*redis.Client, error) {
	o, err := redis.ParseURL(address)
	if err != nil { // whose text may quote a password
		return nil, errors.New("--redis: the address cannot be read; write redis://host:port/db, or the path of a redis-server")
	}
	o.MaxRetries, o.Protocol, o.DisableIdentity = -1, 2, true
	o.ReadTimeout, o.WriteTimeout = time.Minute, time.Minute
	return redis.NewClient(o), nil
}

// guest returns the server that was named, if it answers and holds nothing: neither are a stranger's keys measured, nor
// do ours stand among them.
func guest(ctx context.Context, address string) (*server, error) {
	redis.SetLogger(silence{})
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	s := &server{address: address, client: c, stop: func() {}}
	name := "--redis " + c.Options().Addr
	info, err := c.Info(ctx, "keyspace").Result()
	if err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w; start a server there, or leave --redis out", name, cause(err))
	}
	for line := range strings.Lines(info) {
		if database, counts, found := strings.Cut(strings.TrimSpace(line), ":"); found && strings.HasPrefix(database, "db") {
			s.close()
			keys, _, _ := strings.Cut(strings.TrimPrefix(counts, "keys="), ",")
			return nil, fmt.Errorf("%s: its database %s holds %s keys; name an empty server, or leave --redis out", name, database[2:], keys)
		}
	}
	return s, nil
}

// silence keeps the Redis client from printing: what it has to say comes back as errors.
type silence struct{}

// Printf prints nothing.
func (silence) Printf(context.Context, string, ...any) {}

// cause takes the reason out of a failed connection, without the addresses around it.
func cause(err error) error {
	var failed *net.OpError
	for errors.As(err, &failed) {
		err = failed.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}

// start starts a server on loopback that keeps nothing on disk and dies with us. A free port may be taken by somebody
// else meanwhile, but not every time.
func start(ctx context.Context, path string) (*server, error) {
	dir, err := os.MkdirTemp("", "keyshift-bench-")
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		s, err := launch(ctx, path, dir)
		if err == nil {
			return s, nil
		}
		if try == 2 || ctx.Err() != nil {
			_ = os.RemoveAll(dir) // it is empty
			return nil, err
		}
	}
}

func launch(ctx context.Context, path, dir string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := "redis://127.0.0.1:" + port + "/0"
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(silence{})
	cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no")
	bind(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // a killed server is no failure
	s := &server{address: address, client: c, own: true, pid: cmd.Process.Pid, stop: func() {
		_ = cmd.Process.Kill() // fails only if it is gone
		<-ended
		_ = os.RemoveAll(dir) // a temporary folder that stays is no failure
	}}
	if err := s.wait(ctx, ended); err != nil {
		_ = cmd.Process.Kill()
		<-ended
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// The longest run of a script is the hundredth percentile. A server before Redis 7.0 does not keep it.
	_ = c.ConfigSet(ctx, "latency-tracking-info-percentiles", "100").Err()
	return s, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port, l.Close()
}

// wait returns once the server answers.
func (s *server) wait(ctx context.Context, ended <-chan struct{}) error {
	for deadline := time.Now().Add(10 * time.Second); ; {
		err := s.client.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("it ended at once; is it a redis-server?")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not answer: %w", cause(err))
		}
	}
}
