package gitsource

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestURLs(t *testing.T) {
	ssh := Source{SSHKey: []byte("key"), KnownHosts: []byte("hosts")}
	tests := []struct {
		url    string
		source Source
		ok     bool
	}{
		{"https://git.example/shop/spec.git", Source{}, true},
		{"https://git.example:8443/spec", Source{Password: "x"}, true},
		{"https://10.0.0.7/spec", Source{}, true},
		{"https://[2001:db8::1]/spec", Source{}, true},
		{"http://localhost:3000/spec", Source{Password: "x"}, true},
		{"http://127.0.0.1:3000/spec", Source{}, true},
		{"http://[::1]:3000/spec", Source{}, true},
		{"http://git.example/spec", Source{AllowHTTP: true}, true},
		{"ssh://git@git.example/spec.git", ssh, true},
		{"ssh://git.example:2222/spec.git", ssh, true},

		{"", Source{}, false},
		{"http://git.example/spec", Source{}, false},
		{"http://git.example/spec", Source{AllowHTTP: true, Password: "x"}, false},
		{"http://127.0.0.1.git.example/spec", Source{}, false},
		{"https://ada:secret@git.example/spec", Source{}, false},
		{"https://ada@git.example/spec", Source{}, false},
		{"https://git.example", Source{}, false},
		{"https://git.example/", Source{}, false},
		{"https://git.example/spec?x=1", Source{}, false},
		{"https://git.example/spec#x", Source{}, false},
		{"https:///spec", Source{}, false},
		{"https://-x/spec", Source{}, false},
		{"https://git.example\\@evil.example/spec", Source{}, false},
		{"https://git.example /spec", Source{}, false},
		{"file:///etc", Source{}, false},
		{"/etc/passwd", Source{}, false},
		{"./spec", Source{}, false},
		{"-oProxyCommand=x", Source{}, false},
		{"git@git.example:shop/spec.git", ssh, false},
		{"ext::sh -c touch% /tmp/x", ssh, false},
		{"git://git.example/spec", Source{}, false},
		{"ssh://-oProxyCommand=x/spec", ssh, false},
		{"ssh://git:secret@git.example/spec", ssh, false},
		{"ssh://-x@git.example/spec", ssh, false},
		{"ssh://git@git.example/spec", Source{}, false},
		{"ssh://git@git.example/spec", Source{SSHKey: []byte("key")}, false},
	}
	for _, test := range tests {
		s := test.source
		s.URL = test.url
		_, err := s.validate()
		if (err == nil) != test.ok {
			t.Errorf("%q: error is %v", test.url, err)
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Reason != URLRefused || e.Hint == "" || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%q: error is %v", test.url, err)
		}
	}
}

func TestRefs(t *testing.T) {
	commit := strings.Repeat("0a", 20)
	for _, s := range []Source{{}, {Branch: "main"}, {Branch: "feature/x"}, {Tag: "v1.0.0"}, {Commit: commit}, {Branch: "main", Commit: commit}} {
		if err := s.validateRef(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, s := range []Source{
		{Branch: "../x"}, {Branch: "--upload-pack=x"}, {Branch: "a b"}, {Branch: "a\x00b"}, {Branch: "a..b"}, {Branch: "refs/heads/main"},
		{Branch: "a:b"}, {Branch: "x.lock"}, {Branch: "a\nb"}, {Branch: strings.Repeat("x", 300)},
		{Tag: "a^b"}, {Tag: "-d"}, {Tag: "v1", Branch: "main"}, {Tag: "v1", Commit: commit},
		{Commit: "HEAD"}, {Commit: commit[:39]}, {Commit: strings.ToUpper(commit)}, {Commit: commit + "0"},
	} {
		var e *Error
		if err := s.validateRef(); !errors.As(err, &e) || e.Reason != RefRefused {
			t.Errorf("%+v: error is %v", s, err)
		}
	}
}

// Nothing malformed may reach the network: a listener would see it, and a name would be looked up.
func TestRefusalsNeedNoNetwork(t *testing.T) {
	begin := time.Now()
	for _, s := range []Source{{URL: "https://no-such-host.invalid/x", Branch: "a b"}, {URL: "file:///etc"}} {
		if _, err := Fetch(t.Context(), s, ""); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("took %s", took)
	}
}

// Git's transport for local folders runs a program of this machine. It is not even linked.
func TestLocalTransportIsNotLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "keyshift.dev/gitsource").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if dep == "github.com/go-git/go-git/v5" || strings.HasSuffix(dep, "/transport/file") || strings.HasSuffix(dep, "/transport/client") || dep == "os/exec" {
			t.Errorf("%s is linked", dep)
		}
	}
}

// Whatever the URL and the refs: no panic, what is accepted has one of three schemes and no credential, and a
// refusal tells no secret.
func FuzzValidate(f *testing.F) {
	f.Add("https://git.example/spec", "main", "", "")
	f.Add("ext::sh -c x", "../x", "v1", "0a")
	f.Add("ssh://git@host:22/x", "", "", strings.Repeat("0a", 20))
	f.Fuzz(func(t *testing.T, url, branch, tag, commit string) {
		s := Source{URL: url, Branch: branch, Tag: tag, Commit: commit, SSHKey: []byte("k"), KnownHosts: []byte("h")}
		addr, err := s.validate()
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || strings.ContainsAny(e.Error(), "\n\x00\x1b") {
				t.Errorf("refusal is not fit to print: %q", err)
			}
			return
		}
		ep := addr.endpoint
		if ep.Protocol != "https" && ep.Protocol != "http" && ep.Protocol != "ssh" {
			t.Errorf("%q: protocol %s", url, ep.Protocol)
		}
		if ep.Password != "" || ep.Protocol != "ssh" && ep.User != "" {
			t.Errorf("%q: credentials in the URL", url)
		}
		if strings.HasPrefix(ep.Host, "-") || ep.Host == "" {
			t.Errorf("%q: host %q", url, ep.Host)
		}
	})
}
