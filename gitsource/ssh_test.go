package gitsource

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"keyshift.dev/testbed"
)

// sshKey returns a new key, as a signer and as PEM.
func sshKey(t *testing.T) (ssh.Signer, []byte) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return signer, pem.EncodeToMemory(block)
}

// sshServer serves git-upload-pack of one repository to one key, and returns its address.
func sshServer(t *testing.T, bare string, host ssh.Signer, allowed ssh.PublicKey) string {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(allowed.Marshal()) {
			return nil, errors.New("not you")
		}
		return &ssh.Permissions{}, nil
	}}
	config.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveSSH(c, config, bare)
		}
	}()
	return l.Addr().String()
}

func serveSSH(c net.Conn, config *ssh.ServerConfig, bare string) {
	_, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for newChannel := range channels {
		channel, requests, err := newChannel.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "exec", nil)
				if r.Type != "exec" {
					continue
				}
				cmd := exec.Command("git", "upload-pack", bare)
				cmd.Stdin, cmd.Stdout = channel, channel
				if err := cmd.Run(); err == nil {
					_, _ = channel.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
				}
				channel.Close()
			}
		}()
	}
}

func knownHostsLine(addr string, key ssh.PublicKey) []byte {
	host, port, _ := net.SplitHostPort(addr)
	return []byte("[" + host + "]:" + port + " " + string(ssh.MarshalAuthorizedKey(key)))
}

func TestFetchOverSSH(t *testing.T) {
	g := testbed.Git(t)
	first := g.Commit("first", map[string]string{"a": "1"})
	hostKey, _ := sshKey(t)
	signer, private := sshKey(t)
	_, stranger := sshKey(t)
	addr := sshServer(t, g.Bare, hostKey, signer.PublicKey())
	s := Source{URL: "ssh://git@" + addr + "/repo.git", SSHKey: private, KnownHosts: knownHostsLine(addr, hostKey.PublicKey())}

	snap, err := Fetch(t.Context(), s, "")
	if err != nil || snap.Commit != first {
		t.Fatalf("got %+v, %v", snap, err)
	}
	if _, err := Fetch(t.Context(), s, snap.Revision); !errors.Is(err, ErrUnchanged) {
		t.Errorf("second fetch: %v", err)
	}
	for name, change := range map[string]func(*Source){
		"unknown host":  func(s *Source) { s.KnownHosts = knownHostsLine(addr, signer.PublicKey()) },
		"other key":     func(s *Source) { s.SSHKey = stranger },
		"not a key":     func(s *Source) { s.SSHKey = []byte("hello") },
		"no known host": func(s *Source) { s.KnownHosts = knownHostsLine("127.0.0.2:22", hostKey.PublicKey()) },
	} {
		bad := s
		change(&bad)
		var e *Error
		if _, err := Fetch(t.Context(), bad, ""); !errors.As(err, &e) || e.Reason != GitAuth {
			t.Errorf("%s: error is %v, want GitAuth", name, err)
		}
	}
	s.Limits.Wire = 500
	var e *Error
	if _, err := Fetch(t.Context(), s, ""); !errors.As(err, &e) || e.Reason != TreeTooLarge {
		t.Errorf("cap on bytes: error is %v", err)
	}
}

// go-git alone would wait for ever on a server that accepts and says nothing.
func TestStalledSSHServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	hostKey, private := sshKey(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = Fetch(ctx, Source{URL: "ssh://" + l.Addr().String() + "/x", SSHKey: private,
		KnownHosts: knownHostsLine(l.Addr().String(), hostKey.PublicKey())}, "")
	var e *Error
	if !errors.As(err, &e) || e.Reason != GitUnreachable || !strings.Contains(e.Message, "in time") {
		t.Errorf("error is %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}
