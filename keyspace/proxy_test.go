package keyspace

import (
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between clients and their server and loses answers: the server has done what was asked, the client hears
// nothing, and its connection is cut.
type proxy struct {
	addr string
	kind string       // what the requests contain whose answers are counted in lose; empty: none
	lose atomic.Int64 // how many more requests of that kind lose their answer
	of   atomic.Int64 // of all answers one of so many is lost; 0 loses none
	lost atomic.Int64 // of these
}

func newProxy(t testing.TB, server, kind string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), kind: kind}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", server)
			if err != nil {
				c.Close()
				continue
			}
			wg.Go(func() { p.join(c, s) })
		}
	})
	return p
}

func (p *proxy) join(c, s net.Conn) {
	defer c.Close()
	defer s.Close()
	var mute atomic.Bool
	go func() {
		defer s.Close()
		pass(c, s, make([]byte, 1<<20), func(request []byte) bool {
			if p.kind != "" && strings.Contains(string(request), p.kind) && p.lose.Add(-1) >= 0 {
				mute.Store(true)
			}
			return true
		})
	}()
	pass(s, c, make([]byte, 1<<16), func([]byte) bool {
		if of := p.of.Load(); of > 0 && rand.Int64N(of) == 0 {
			p.lost.Add(1)
			return false
		}
		return !mute.Load()
	})
}

// pass copies what one end sends to the other, until either is closed or it may not go on.
func pass(from, to net.Conn, buffer []byte, may func([]byte) bool) {
	for {
		n, err := from.Read(buffer)
		if err != nil || !may(buffer[:n]) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
