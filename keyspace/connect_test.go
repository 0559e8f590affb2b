package keyspace

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// A server that speaks TLS, asks for a client certificate and knows an ACL user is reached by what a spec says of it,
// in the database that it names.
func TestOptionsOfReachAStoreWithTLSAndACL(t *testing.T) {
	dir := t.TempDir()
	pems := certificates(t)
	args := []string{"--user", "app", "on", ">hush", "~*", "&*", "+@all"}
	for name, data := range pems {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port := anyPort(t)
	args = append(args, "--tls-port", fmt.Sprint(port), "--tls-cert-file", filepath.Join(dir, keyCert), "--tls-key-file", filepath.Join(dir, keyCertKey),
		"--tls-ca-cert-file", filepath.Join(dir, keyCA), "--tls-auth-clients", "yes")
	testbed.Redis(t, args...)

	spec := state.Store{
		Name: "main", Address: fmt.Sprintf("rediss://127.0.0.1:%d", port), Database: 3, User: "app", Auth: &state.SecretRef{Name: "login"},
		TLS: &state.TLS{CA: &state.SecretRef{Name: "tls"}, Cert: &state.SecretRef{Name: "tls"}, ServerName: "redis.test"},
	}
	secrets := map[string]map[string][]byte{"login": {keyPassword: []byte("hush")}, "tls": pems}
	read := func(name string) (map[string][]byte, error) { return secrets[name], nil }

	o, err := OptionsOf(spec, read)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	who, err := s.client.Do(t.Context(), "acl", "whoami").Text()
	if err != nil || who != "app" {
		t.Errorf("we are %q, %v; want app", who, err)
	}
	if info, err := s.client.ClientInfo(t.Context()).Result(); err != nil || info.DB != 3 {
		t.Errorf("we are in database %v, %v; want 3", info, err)
	}

	for name, change := range map[string]func(*state.Store){
		"without a client certificate": func(x *state.Store) { x.TLS.Cert = nil },
		"without the authority":        func(x *state.Store) { x.TLS.CA = nil },
		"for another server":           func(x *state.Store) { x.TLS.ServerName = "other.test" },
	} {
		other := spec
		tls := *spec.TLS
		other.TLS = &tls
		change(&other)
		o, err := OptionsOf(other, read)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := Open(t.Context(), o); err == nil {
			s.Close()
			t.Errorf("%s: the store was opened", name)
		}
	}
}

func TestOptionsOfRefuses(t *testing.T) {
	secret := func(data map[string][]byte) func(string) (map[string][]byte, error) {
		return func(string) (map[string][]byte, error) { return data, nil }
	}
	ref := &state.SecretRef{Name: "x"}
	for _, c := range []struct {
		name, reason string
		store        state.Store
		data         map[string][]byte
	}{
		{"sentinel", StoreUnsupported, state.Store{Sentinel: &state.Sentinel{Master: "m"}}, nil},
		{"cluster", StoreUnsupported, state.Store{Cluster: &state.Cluster{}}, nil},
		{"no password", SecretInvalid, state.Store{Auth: ref}, map[string][]byte{keyUsername: []byte("tell-nobody")}},
		{"no authority", SecretInvalid, state.Store{TLS: &state.TLS{CA: ref}}, map[string][]byte{keyCA: []byte("tell-nobody")}},
		{"no pair", SecretInvalid, state.Store{TLS: &state.TLS{Cert: ref}}, map[string][]byte{keyCert: []byte("tell-nobody")}},
	} {
		_, err := OptionsOf(c.store, secret(c.data))
		var refused *Error
		if !errors.As(err, &refused) || refused.Reason != c.reason || refused.Hint == "" || strings.Contains(err.Error(), "tell-nobody") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	gone := errors.New("gone")
	if _, err := OptionsOf(state.Store{Auth: ref}, func(string) (map[string][]byte, error) { return nil, gone }); !errors.Is(err, gone) {
		t.Errorf("a Secret that cannot be read: %v", err)
	}
}

func anyPort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// certificates returns an authority and one pair of it that serves redis.test and its clients.
func certificates(t *testing.T) map[string][]byte {
	t.Helper()
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	}
	authority := template(1, "authority")
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	leaf := template(2, "redis.test")
	leaf.DNSNames = []string{"redis.test"}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	keys := [2]*ecdsa.PrivateKey{}
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	ca, err := x509.CreateCertificate(rand.Reader, authority, authority, &keys[0].PublicKey, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(rand.Reader, leaf, authority, &keys[1].PublicKey, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(keys[1])
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	return map[string][]byte{keyCA: block("CERTIFICATE", ca), keyCert: block("CERTIFICATE", cert), keyCertKey: block("PRIVATE KEY", key)}
}
