package keyspace

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

// errOversize ends a read whose answer is larger than a page may be.
var errOversize = errors.New("the answer is larger than what is read at once")

// cappedClient makes a client for reads of many keys that are not measured before. The answer to what is sent at once
// may have so many bytes: of a larger one the rest is not read, and its connection is closed. So a key that is much
// larger than the others costs one read, and never our memory.
func cappedClient(o *redis.Options, limit int64) *redis.Client {
	capped := *o
	dial := redis.NewDialer(&capped)
	capped.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &cappedConn{Conn: c, limit: limit}, nil
	}
	capped.PoolSize = 2
	return redis.NewClient(&capped)
}

// cappedConn counts the bytes of an answer, which begins after a question.
type cappedConn struct {
	net.Conn
	limit, read int64
}

// Write sends a question.
func (c *cappedConn) Write(b []byte) (int, error) {
	c.read = 0
	return c.Conn.Write(b)
}

// Read reads some of the answer, or fails with errOversize.
func (c *cappedConn) Read(b []byte) (int, error) {
	if c.read > c.limit {
		return 0, errOversize
	}
	n, err := c.Conn.Read(b)
	c.read += int64(n)
	return n, err
}
