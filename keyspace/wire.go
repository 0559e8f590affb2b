package keyspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// errOversize ends a read whose answer is larger than what may be read at once.
var errOversize = errors.New("the answer is larger than what is read at once")

// wire is a connection on which pages are read. The Redis client dials it, with TLS, password and database; what is
// asked and answered passes by the client, because each value that it reads costs it an allocation and a copy, and pages
// are most of what a pass does (keyshift bench: client µs of the lane read, which is the client's, and of observe).
type wire struct {
	client  *redis.Client // owns the connection, and does nothing with it any more
	runID   string        // of the server's process
	waits   time.Time     // since then
	come    int64         // bytes of the last answers
	conn    net.Conn
	timeout time.Duration
	out     []byte
	asked   int
	tape    tape
}

// wires are the connections of a store that wait for the next page.
type wires chan *wire

// wireLimit is how many connections wait.
const wireLimit = 4

// wireIdle is how long a connection may wait: what stands between may have forgotten it then.
const wireIdle = 30 * time.Second

// wire takes a connection, or dials one.
func (s *Store) wire(ctx context.Context) (w *wire, fresh bool, err error) {
	for {
		select {
		case w := <-s.wires:
			if w.runID == s.serving.Load() && time.Since(w.waits) < wireIdle {
				return w, false, nil
			}
			w.close()
		default:
			w, err := s.dial(ctx)
			return w, true, err
		}
	}
}

// errElsewhere tells that two connections to one address reached two servers.
var errElsewhere = errors.New("another server answers than before")

// dial makes a connection, to the very process that is written to: behind an address that moves, such as a Service's, an
// old primary may answer still, and a pass over that would prove nothing.
func (s *Store) dial(ctx context.Context) (*wire, error) {
	o := *s.client.Options()
	o.PoolSize, o.MinIdleConns = 1, 0
	dial := redis.NewDialer(&o)
	w := &wire{timeout: s.options.Timeout}
	o.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		w.conn = c
		return c, err
	}
	w.client = redis.NewClient(&o)
	var n node
	text, err := w.client.Info(ctx, "server").Result()
	if err != nil && !unknown(err) && strings.Contains(err.Error(), "not supported") {
		err = nil // the embedded server
	}
	if n.read(text); err == nil && n.runID != s.serving.Load() {
		if _, err = s.node(ctx); err == nil && n.runID != s.serving.Load() {
			err = errElsewhere
		}
	}
	if err != nil {
		w.close()
		return nil, err
	}
	w.runID = n.runID
	return w, nil
}

// put gives a connection back. One that failed is closed: nobody knows what of its answer is still on the way.
func (s *Store) put(w *wire, failed bool) {
	if cap(w.tape.raw) > pageBytes/4 || cap(w.tape.tokens) > pageBytes/64 || cap(w.out) > pageBytes/4 {
		w.tape, w.out = tape{}, nil
	}
	w.tape.texts, w.waits = nil, time.Now()
	clear(w.tape.order.spare[:cap(w.tape.order.spare)])
	if !failed && !s.closed.Load() {
		select {
		case s.wires <- w:
			return
		default:
		}
	}
	w.close()
}

// over asks for something on a connection of its own and takes the answers, of at most so many bytes in all. Where one
// that waited turns out to be dead, so may be the others: a new one is dialled.
func (s *Store) over(ctx context.Context, limit int64, ask func(*wire), take func(*tape) error) error {
	w, fresh, err := s.wire(ctx)
	if err != nil {
		return err
	}
	ask(w)
	answers, err := w.read(ctx, limit)
	if err != nil && !fresh && w.come == 0 && ctx.Err() == nil {
		s.put(w, true)
		s.wires.closeAll()
		if w, err = s.dial(ctx); err != nil {
			return err
		}
		ask(w)
		answers, err = w.read(ctx, limit)
	}
	if err != nil {
		s.put(w, true)
		return err
	}
	err = take(answers)
	s.put(w, errors.Is(err, errProtocol))
	return err
}

func (w *wire) close() { _ = w.client.Close() } // nothing is buffered

// closeAll closes the connections that wait.
func (w wires) closeAll() {
	for {
		select {
		case c := <-w:
			c.close()
		default:
			return
		}
	}
}

// ask queues a command.
func (w *wire) ask(name string, args ...string) {
	w.asked++
	w.out = append(w.out, '*')
	w.out = strconv.AppendInt(w.out, int64(1+len(args)), 10)
	w.out = append(w.out, '\r', '\n')
	w.out = appendBulk(w.out, name)
	for _, a := range args {
		w.out = appendBulk(w.out, a)
	}
}

// askOf queues a command on a key, with what follows it.
func (w *wire) askOf(name, key string, rest []string) {
	if len(rest) == 0 {
		w.ask(name, key)
		return
	}
	w.ask(name, append([]string{key}, rest...)...)
}

func appendBulk(out []byte, s string) []byte {
	out = append(out, '$')
	out = strconv.AppendInt(out, int64(len(s)), 10)
	out = append(out, '\r', '\n')
	out = append(out, s...)
	return append(out, '\r', '\n')
}

// read sends what was asked and reads the answers, of at most so many bytes in all. The error is errOversize, ctx's or
// the network's; the connection is of no use after it.
func (w *wire) read(ctx context.Context, limit int64) (*tape, error) {
	t := &w.tape
	t.expect(w.asked)
	out := w.out
	w.out, w.asked, w.come = w.out[:0], 0, 0
	if len(out) == 0 {
		return t, nil
	}
	uncancelled := context.AfterFunc(ctx, func() { _ = w.conn.SetDeadline(time.Unix(1, 0)) }) // a read that waits ends
	t, err := w.answers(ctx, out, limit)
	if !uncancelled() && err == nil { // the deadline may come yet
		err = context.Cause(ctx)
	}
	return t, err
}

// answers sends what was asked and reads until every answer is there.
func (w *wire) answers(ctx context.Context, out []byte, limit int64) (*tape, error) {
	t := &w.tape
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.timeout)) // the write tells
	if _, err := w.conn.Write(out); err != nil {
		return nil, w.failed(ctx, err)
	}
	for {
		wanted, err := t.parse()
		if err != nil || wanted == 0 {
			return t, err
		}
		if w.come+int64(wanted) > limit {
			return nil, errOversize
		}
		t.grow(wanted)
		_ = w.conn.SetReadDeadline(time.Now().Add(w.timeout)) // the read tells
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		n, err := w.conn.Read(t.raw[len(t.raw):cap(t.raw)])
		t.raw, w.come = t.raw[:len(t.raw)+n], w.come+int64(n)
		if err != nil && n == 0 {
			return nil, w.failed(ctx, err)
		}
	}
}

// firstRead is how much room there is for an answer at first, and the least for what follows.
const firstRead = 16 << 10

// grow makes room for so many more bytes.
func (t *tape) grow(wanted int) {
	if free := cap(t.raw) - len(t.raw); free >= max(wanted, firstRead/4) {
		return
	}
	raw := make([]byte, len(t.raw), max(firstRead, 2*cap(t.raw), len(t.raw)+wanted))
	copy(raw, t.raw)
	t.raw = raw
}

// failed tells an end of the connection from one that the caller wanted.
func (w *wire) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading a page: %w", err)
}
