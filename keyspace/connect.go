package keyspace

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"keyshift.dev/state"
)

// The keys of the Secrets that a spec names, as Kubernetes and Flux call them.
const (
	keyUsername = "username"
	keyPassword = "password"
	keyCA       = "ca.crt"
	keyCert     = "tls.crt"
	keyCertKey  = "tls.key"
)

// OptionsOf returns how to reach a store of a spec. Read returns the data of a Secret; it is called once for each that
// the store names. The error is Read's, or an *Error: of a topology that cannot be reached yet, of a Secret without
// what it must hold, of a certificate that cannot be read. It never holds what a Secret does.
func OptionsOf(s state.Store, read func(name string) (map[string][]byte, error)) (Options, error) {
	o := Options{Store: s.Name, Address: s.Address, Database: s.Database, Username: s.User}
	if s.Sentinel != nil || s.Cluster != nil {
		return o, &Error{
			Reason: StoreUnsupported, Store: s.Name, Err: errors.New("a store behind sentinels or in a cluster can be declared and planned, and is not opened yet"),
			Hint: "give the address of its primary, if it is one standalone server",
		}
	}
	if s.Auth != nil {
		data, err := read(s.Auth.Name)
		if err != nil {
			return o, fmt.Errorf("store %s: %w", s.Name, err)
		}
		if o.Username == "" {
			o.Username = string(data[keyUsername])
		}
		password, ok := data[keyPassword]
		if !ok {
			return o, invalidSecret(s, s.Auth.Name, "holds no password", "add the key password, and username for an ACL user")
		}
		o.Password = string(password)
	}
	if s.TLS == nil {
		return o, nil
	}
	var err error
	o.TLS, err = tlsOf(s, read)
	return o, err
}

// tlsOf makes the configuration of TLS, with the certificates in the Secrets that the store names.
func tlsOf(s state.Store, read func(name string) (map[string][]byte, error)) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.TLS.ServerName}
	if ca := s.TLS.CA; ca != nil {
		data, err := read(ca.Name)
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", s.Name, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data[keyCA]) {
			return nil, invalidSecret(s, ca.Name, "holds no certificate under ca.crt", "put the PEM text of the authority's certificate there")
		}
	}
	if cert := s.TLS.Cert; cert != nil {
		data, err := read(cert.Name)
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", s.Name, err)
		}
		pair, err := tls.X509KeyPair(data[keyCert], data[keyCertKey])
		if err != nil { // which may quote the key
			return nil, invalidSecret(s, cert.Name, "holds no certificate and key that belong together", "put PEM text under tls.crt and tls.key")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func invalidSecret(s state.Store, name, what, hint string) *Error {
	return &Error{Reason: SecretInvalid, Store: s.Name, Err: fmt.Errorf("its Secret %s %s", name, what), Hint: hint}
}
