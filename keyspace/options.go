package keyspace

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options say how to reach a store. Only Address is needed.
type Options struct {
	Store    string // its name in the spec, for messages and for the ledger
	Address  string // redis://host:port/db, or rediss:// for TLS
	Username string // wins over one in Address
	Password string // wins over one in Address; never part of an error
	Database int    // wins over one in Address, unless 0
	TLS      *tls.Config

	Timeout  time.Duration // of one command; default 5 s
	MaxValue int64         // bytes of one unit; a larger one is not read and counts as unfit; default 1 MiB
	LeaseTTL time.Duration // how long the lease of a holder that died keeps others out; default 12 s
	Holder   string        // who we are, shown to whoever finds our lease held; default the host name
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.MaxValue <= 0 {
		o.MaxValue = 1 << 20
	}
	if o.LeaseTTL <= 0 {
		o.LeaseTTL = 12 * time.Second
	}
	if o.Holder == "" {
		o.Holder, _ = os.Hostname() // only shown to people
	}
	return o
}

// client makes the options of the Redis client: no retries, because a lost answer does not mean that a
// command was not executed.
func (o Options) client() (*redis.Options, error) {
	c, err := redis.ParseURL(o.Address)
	if err != nil {
		// The parser's own text may quote the address with a password in it.
		return nil, &Error{
			Reason: AddressInvalid, Store: o.Store,
			Hint: "write redis://host:port/db, or rediss:// for TLS",
			Err:  errors.New("the address " + quoteAddress(o.Address) + " cannot be read"),
		}
	}
	if o.Username != "" {
		c.Username = o.Username
	}
	if o.Password != "" {
		c.Password = o.Password
	}
	if o.Database != 0 {
		c.DB = o.Database
	}
	if o.TLS != nil {
		c.TLSConfig = o.TLS
	}
	c.MaxRetries, c.DialerRetries = -1, 1
	c.Protocol = 2
	c.DisableIdentity = true
	c.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	c.ContextTimeoutEnabled = true
	c.DialTimeout, c.ReadTimeout, c.WriteTimeout = o.Timeout, o.Timeout, o.Timeout
	c.PoolSize = 2 * writers // and the lease is renewed beside them
	c.OnConnect = noTouch
	return c, nil
}

// noTouch asks the server not to count our reads as use of the keys (Redis 7.2). Older ones refuse, harmlessly.
func noTouch(ctx context.Context, conn *redis.Conn) error {
	err := conn.Do(ctx, "client", "no-touch", "on").Err()
	if _, answered := errors.AsType[redis.Error](err); answered {
		return nil
	}
	return err
}

// quoteAddress quotes an address without what stands before its '@'.
func quoteAddress(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		address = "…" + address[i:]
	}
	return `"` + strings.ToValidUTF8(address, "?") + `"`
}
