package gitsource

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/skeema/knownhosts"
	"golang.org/x/net/proxy"
)

// go-git dials ssh without the caller's context: a server that accepts and says nothing would hold a fetch for
// ever. It does let an endpoint name a proxy, whose dialer is looked up by URL scheme. So each ssh fetch
// registers its context under a number, names the proxy "keyshift-fetch://<number>", and its connection is
// closed when the context ends.
const fetchScheme = "keyshift-fetch"

var (
	sshOnce    sync.Once
	sshFetches sync.Map // number → sshFetch
	sshNumber  atomic.Uint64
)

type sshFetch struct {
	ctx context.Context
	b   *budget
}

// openSSH connects and returns a session, and a function that frees what belongs to it.
func openSSH(ctx context.Context, s Source, ep *transport.Endpoint, b *budget) (transport.UploadPackSession, func(), error) {
	sshOnce.Do(func() {
		gitssh.DefaultSSHConfig = nil // an ssh_config of this machine must not send a fetch elsewhere
		proxy.RegisterDialerType(fetchScheme, fetchDialer)
	})
	auth, err := sshAuth(s, ep)
	if err != nil {
		return nil, nil, err
	}
	number := strconv.FormatUint(sshNumber.Add(1), 10)
	sshFetches.Store(number, sshFetch{ctx, b})
	ep.Proxy.URL = fetchScheme + "://" + number
	session, err := gitssh.NewClient(nil).NewUploadPackSession(ep, auth)
	if err != nil {
		sshFetches.Delete(number)
		return nil, nil, err
	}
	return session, func() { sshFetches.Delete(number) }, nil
}

// sshAuth takes the key and the host keys from the source alone: no agent, no file of the user's home.
func sshAuth(s Source, ep *transport.Endpoint) (*gitssh.PublicKeys, error) {
	auth, err := gitssh.NewPublicKeys(ep.User, s.SSHKey, s.SSHPassword)
	if err != nil {
		return nil, &Error{Reason: GitAuth, Where: s.URL, Message: "the ssh key cannot be read",
			Hint: "give a PEM private key, and its password if it is encrypted"}
	}
	db, err := hostKeys(s.KnownHosts)
	if err != nil {
		return nil, &Error{Reason: GitAuth, Where: s.URL, Message: "the known_hosts lines cannot be read",
			Hint: "give the output of ssh-keyscan for this host, once you trust it"}
	}
	auth.HostKeyCallback = db.HostKeyCallback()
	auth.HostKeyAlgorithms = db.HostKeyAlgorithms(net.JoinHostPort(ep.Host, strconv.Itoa(or(ep.Port, gitssh.DefaultPort))))
	return auth, nil
}

// hostKeys parses known_hosts lines. The parser reads files only; the lines are public.
func hostKeys(lines []byte) (*knownhosts.HostKeyDB, error) {
	f, err := os.CreateTemp("", "keyshift-known-hosts-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(lines); err != nil {
		f.Close()
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return knownhosts.NewDB(f.Name())
}

// fetchConn is a connection that counts what it receives.
type fetchConn struct {
	net.Conn
	b    *budget
	stop func() bool
}

func (c *fetchConn) Read(p []byte) (int, error) { return c.b.reader(c.Conn).Read(p) }

func (c *fetchConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

func fetchDialer(u *url.URL, _ proxy.Dialer) (proxy.Dialer, error) {
	return registeredFetch{u.Host}, nil
}

// registeredFetch dials for the fetch of that number.
type registeredFetch struct{ number string }

func (r registeredFetch) Dial(network, addr string) (net.Conn, error) {
	return r.DialContext(context.Background(), network, addr)
}

func (r registeredFetch) DialContext(_ context.Context, network, addr string) (net.Conn, error) {
	v, ok := sshFetches.Load(r.number)
	if !ok {
		return nil, fmt.Errorf("fetch %s has ended", r.number)
	}
	f := v.(sshFetch)
	dialer := &net.Dialer{Timeout: 20 * time.Second, Control: refuseLinkLocal}
	conn, err := dialer.DialContext(f.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(f.ctx, func() { conn.Close() })
	return &fetchConn{conn, f.b, stop}, nil
}
