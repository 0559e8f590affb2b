package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// server is the Redis of the demo.
type server struct {
	name     string // "redis-server 7.0.15", "embedded" or the address that was given
	address  string // host:port
	embedded bool
	stop     func()
}

// leastMajor is the oldest redis-server that tells expiry times to the millisecond (PEXPIRETIME).
const leastMajor = 7

// findRedis returns a server at the given address, else a redis-server from the PATH as a child process,
// else an embedded one. The caller stops it.
func findRedis(ctx context.Context, address string) (server, error) {
	switch address {
	case "":
	case "embedded":
		return embedded()
	default:
		return guest(ctx, address)
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return embedded()
	}
	version := versionOf(ctx, path)
	major, _ := strconv.Atoi(strings.SplitN(version, ".", 2)[0])
	if major < leastMajor {
		return embedded()
	}
	return child(ctx, path, version)
}

// guest returns the server that was asked for, if it answers and is empty: the demo writes no key beside a
// stranger's.
func guest(ctx context.Context, address string) (server, error) {
	keys, err := size(ctx, address)
	switch {
	case err != nil:
		return server{}, fmt.Errorf("--redis %s: %w; start a redis-server there, or leave --redis out", address, err)
	case keys > 0:
		return server{}, fmt.Errorf("--redis %s: it holds %s, and the demo writes among them; name an empty server, or leave --redis out", address, plural(keys, "key"))
	}
	return server{name: address, address: address, stop: func() {}}, nil
}

// size asks a server how many keys it holds. It connects by itself first, because the Redis client prints what
// it cannot reach.
func size(ctx context.Context, address string) (int64, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, cause(err)
	}
	_ = conn.Close() // nothing was sent
	c := Dial(address)
	defer c.Close()
	return c.DBSize(ctx).Result()
}

// cause takes the reason out of a failed connection, without the addresses around it.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		return failed.Err
	}
	return err
}

func embedded() (server, error) {
	m, err := miniredis.Run()
	if err != nil {
		return server{}, fmt.Errorf("start the embedded Redis: %w", err)
	}
	return server{name: "embedded", address: m.Addr(), embedded: true, stop: m.Close}, nil
}

var versionPattern = regexp.MustCompile(`v=(\d+\.\d+\.\d+)`)

// versionOf asks the program; empty if it does not say.
func versionOf(ctx context.Context, path string) string {
	out, _ := exec.CommandContext(ctx, path, "--version").Output() // what it does not say is empty
	if found := versionPattern.FindSubmatch(out); found != nil {
		return string(found[1])
	}
	return ""
}

// child starts a redis-server that keeps nothing on disk, on a free port.
func child(ctx context.Context, path, version string) (server, error) {
	dir, err := os.MkdirTemp("", "keyshift-demo-")
	if err != nil {
		return server{}, err
	}
	remove := func() { _ = os.RemoveAll(dir) } // a temporary folder that stays is no failure
	for try := 0; ; try++ {
		address, err := freeAddress()
		if err != nil {
			remove()
			return server{}, err
		}
		stop, err := launch(ctx, path, dir, address)
		if err == nil {
			return server{name: "redis-server " + version, address: address, stop: func() { stop(); remove() }}, nil
		}
		if try == 2 { // somebody may take the port in between, but not every time
			remove()
			return server{}, err
		}
	}
}

// freeAddress returns a loopback address that nobody listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// launch starts the server and returns once it answers.
func launch(ctx context.Context, path, dir, address string) (stop func(), err error) {
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no")
	bind(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() { _ = cmd.Process.Kill(); <-ended }
	c := Dial(address)
	defer c.Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if err = c.Ping(ctx).Err(); err == nil {
			return stop, nil
		}
		select {
		case <-ended:
			return nil, fmt.Errorf("redis-server ended at once: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			stop()
			return nil, fmt.Errorf("redis-server does not answer on %s: %w", address, err)
		}
	}
}
