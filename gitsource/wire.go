package gitsource

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	errTooManyBytes = errors.New("the cap on received bytes was reached")
	errCrossHost    = errors.New("the server redirects to another host")
	errLinkLocal    = errors.New("link-local addresses are refused")
)

// budget counts what the network delivers, all requests of a fetch together.
type budget struct{ left atomic.Int64 }

func newBudget(n int64) *budget {
	b := &budget{}
	b.left.Store(n)
	return b
}

// spent tells whether the cap was reached. It is asked after a failure, because go-git prints causes into text.
func (b *budget) spent() bool { return b.left.Load() < 0 }

// reader ends with errTooManyBytes once the budget is spent.
func (b *budget) reader(r io.Reader) io.Reader { return &meteredReader{r, b} }

type meteredReader struct {
	r io.Reader
	b *budget
}

func (m *meteredReader) Read(p []byte) (int, error) {
	if m.b.spent() {
		return 0, errTooManyBytes
	}
	n, err := m.r.Read(p)
	if m.b.left.Add(-int64(n)) < 0 {
		return 0, errTooManyBytes
	}
	return n, err
}

// meteredTransport applies the budget to the bodies of all answers, after transfer encodings are undone. It
// does not ask for compression, so that what is counted is what is held.
type meteredTransport struct {
	base *http.Transport
	b    *budget
}

func (m *meteredTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := m.base.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{m.b.reader(res.Body), res.Body}
	}
	return res, err
}

// newHTTPClient returns a client of its own for one fetch: no cookie, no connection shared with anyone. A
// redirect to another host is refused if the source has credentials, and so is one to a scheme or host that the
// source itself could not name.
func newHTTPClient(s Source, b *budget) (client *http.Client, release func()) {
	dialer := &net.Dialer{Timeout: 20 * time.Second, Control: refuseLinkLocal}
	base := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        tlsConfig(s.CABundle),
		TLSHandshakeTimeout:    20 * time.Second,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    1,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{
		Transport: &meteredTransport{base, b},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			t := s
			t.URL = next.URL.Scheme + "://" + next.URL.Host + next.URL.Path
			if _, err := t.validateURL(); err != nil {
				return err
			}
			if next.URL.Host != via[0].URL.Host && (s.Username != "" || s.Password != "") {
				return errCrossHost
			}
			return nil
		},
	}, base.CloseIdleConnections
}

func tlsConfig(bundle []byte) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(bundle) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM(bundle)
		c.RootCAs = pool
	}
	return c
}

// refuseLinkLocal keeps a repository's URL from reaching a cloud's metadata service, however it resolves.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err == nil && (ap.Addr().Unmap().IsLinkLocalUnicast() || ap.Addr().IsLinkLocalMulticast()) {
		return errLinkLocal
	}
	return nil
}

// contextReadSeeker ends a long computation over bytes once its context ends.
type contextReadSeeker struct {
	io.ReadSeeker
	ctx context.Context
}

func (c contextReadSeeker) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.ReadSeeker.Read(p)
}
