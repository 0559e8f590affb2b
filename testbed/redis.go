package testbed

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// RedisServer is a running Redis or Valkey that dies with its test.
type RedisServer struct {
	Addr string // host:port
	Port int
	URL  string // redis://host:port/0
	Log  string // file
	Dir  string // working folder: snapshots, append-only files

	t       testing.TB
	command []string // program and first arguments
	args    []string
	process *process
}

// Redis starts an empty redis-server of the system without persistence and waits until it answers. Arguments are those
// of redis-server and come last, so that they win: Redis(t, "--appendonly", "yes").
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	return RedisOf(t, System, args...)
}

// RedisOf starts an empty server of one kind as Redis does.
func RedisOf(t testing.TB, kind Kind, args ...string) *RedisServer {
	t.Helper()
	r := &RedisServer{t: t, command: kind.command(t)}
	r.Dir = logFolder(t, string(kind))
	r.Log = filepath.Join(r.Dir, "redis.log")
	r.args = args
	r.Port = freePort(t)
	r.Addr = fmt.Sprintf("127.0.0.1:%d", r.Port)
	r.URL = "redis://" + r.Addr + "/0"
	t.Cleanup(r.Kill)
	r.Start()
	return r
}

// Start starts the server again on its port, with the files in its folder, and waits until it answers.
func (r *RedisServer) Start() {
	r.t.Helper()
	r.Launch()
	if err := r.wait(20 * time.Second); err != nil {
		r.t.Fatalf("redis-server on %s: %v (log: %s)", r.Addr, err, r.Log)
	}
}

// Launch starts the server without waiting: it may still be loading when the first command reaches it.
func (r *RedisServer) Launch() {
	r.t.Helper()
	if r.process != nil && r.process.running() {
		r.t.Fatalf("redis-server on %s is running already", r.Addr)
	}
	fixed := []string{
		"--port", fmt.Sprint(r.Port), "--bind", "127.0.0.1", "--dir", r.Dir,
		"--save", "", "--appendonly", "no", "--enable-debug-command", "local",
	}
	p, err := startProcess(r.Log, r.command[0], slices.Concat(r.command[1:], fixed, r.args)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.process = p
}

// Kill ends the server as kill -9 does. Killing it twice is no error.
func (r *RedisServer) Kill() {
	if r.process != nil {
		r.process.kill()
	}
}

// Stop freezes the server: connections stay open and nothing answers, until Cont.
func (r *RedisServer) Stop() { r.process.signal(syscall.SIGSTOP) }

// Cont lets a frozen server go on.
func (r *RedisServer) Cont() { r.process.signal(syscall.SIGCONT) }

// wait returns once the server answers PING, or asks for a password.
func (r *RedisServer) wait(limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		answer, err := ping(r.Addr)
		if err == nil && (strings.HasPrefix(answer, "+PONG") || strings.HasPrefix(answer, "-NOAUTH")) {
			return nil
		}
		if !r.process.running() {
			return fmt.Errorf("it ended at once")
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no PONG within %s: %q, %w", limit, answer, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func ping(addr string) (string, error) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return "", err
	}
	return bufio.NewReader(c).ReadString('\n')
}
