package testbed_test

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"keyshift.dev/testbed"
)

// Every kind starts as itself, and what newer servers alone can do can be done there.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		kind          testbed.Kind
		line, expires string // of INFO, in it; what HPEXPIRE answers
	}{
		{testbed.System, "redis_version:", ""},
		{testbed.Redis8, "redis_version:8.0.", "*1\r\n:1\r\n"},
		{testbed.Valkey8, "valkey_version:8.1.", "-ERR unknown command"},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			r := testbed.RedisOf(t, c.kind)
			if info := bulk(t, r.Addr, "INFO server"); !strings.Contains(info, "\r\n"+c.line) {
				t.Errorf("no %q in %s", c.line, info)
			}
			if got := command(t, r.Addr, "HSET h f v"); got != ":1\r\n" {
				t.Fatalf("HSET: %q", got)
			}
			if got := whole(t, r.Addr, "HPEXPIRE h 100000 FIELDS 1 f"); c.expires != "" && !strings.HasPrefix(got, c.expires) {
				t.Errorf("HPEXPIRE: %q, want %q", got, c.expires)
			}
			r.Kill()
			r.Start()
			if got := command(t, r.Addr, "EXISTS h"); got != ":0\r\n" {
				t.Errorf("without persistence EXISTS after a kill: %q", got)
			}
		})
	}
}

// bulk returns one long answer.
func bulk(t *testing.T, addr, line string) string {
	t.Helper()
	_, text, _ := strings.Cut(whole(t, addr, line), "\r\n")
	return "\r\n" + text
}

// whole returns everything that a server says until it has hung up.
func whole(t *testing.T, addr, line string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(line + "\r\nQUIT\r\n")); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if _, err := bufio.NewReader(c).WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
