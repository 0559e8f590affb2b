package testbed_test

import (
	"bufio"
	"net"
	"testing"

	"keyshift.dev/testbed"
)

func command(t *testing.T, addr, line string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(line + "\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestRedisSurvivesKillOnlyWithItsFile(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"without persistence", nil, ":0\r\n"},
		{"with an append-only file", []string{"--appendonly", "yes", "--appendfsync", "always"}, ":1\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := testbed.Redis(t, c.args...)
			if got := command(t, r.Addr, "SET k v"); got != "+OK\r\n" {
				t.Fatalf("SET: %q", got)
			}
			r.Kill()
			r.Start()
			if got := command(t, r.Addr, "EXISTS k"); got != c.want {
				t.Errorf("after kill and start EXISTS = %q, want %q", got, c.want)
			}
		})
	}
}
