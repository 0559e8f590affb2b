package keyspace

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

var histContext = context.Background()

// histRaw is what a key holds, as the server says it.
type histRaw struct {
	kind   string // Redis type
	parts  []string
	expire int64
}

func (r histRaw) String() string { return fmt.Sprintf("%s %q", r.kind, r.parts) }

// glance reads keys whole, with their types and when they expire, at one moment.
var histLook = redis.NewScript(`
local out = {}
for i, key in ipairs(KEYS) do
  local kind, parts = redis.call('TYPE', key)['ok'], {}
  if kind == 'hash' then parts = redis.call('HGETALL', key)
  elseif kind == 'string' then parts = {redis.call('GET', key)}
  elseif kind == 'list' then parts = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'set' then parts = redis.call('SMEMBERS', key)
  elseif kind == 'zset' then parts = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  end
  out[i] = {kind, redis.call('PEXPIRETIME', key), parts}
end
return out`)

// glance reads keys.
func glance(on redis.Scripter, keys ...string) ([]histRaw, error) {
	answer, err := histLook.Run(histContext, on, keys).Slice()
	if err != nil {
		return nil, err
	}
	out := make([]histRaw, len(answer))
	for i, a := range answer {
		one := a.([]any)
		out[i].kind, out[i].expire = one[0].(string), one[1].(int64)
		for _, p := range one[2].([]any) {
			out[i].parts = append(out[i].parts, p.(string))
		}
	}
	return out, nil
}

// item turns what was read into what the model knows.
func (k *histKind) item(raw histRaw) histItem {
	if raw.kind == "none" {
		return histNothing
	}
	return histItem{exists: true, value: k.canon(raw), expire: raw.expire}
}

// histClient is a writer of the application: one connection, which loses some answers, and values of its own.
type histClient struct {
	id    int
	run   *histRun
	kind  *histKind
	mint  histMint
	rng   *rand.Rand
	redis *redis.Client
	conn  atomic.Int64 // its id on the server
	moves []histMove
	ops   []*histOp
	fault string // what ended it

	writes, lost int
}

func newHistClient(r *histRun, id int) *histClient {
	rng := rand.New(rand.NewPCG(r.seed, uint64(id)))
	c := &histClient{id: id, run: r, kind: &r.kind, rng: rng, mint: histMint{id: id, rng: rng}}
	c.redis = redis.NewClient(&redis.Options{
		Addr: r.lossy.addr, Protocol: 2, PoolSize: 1, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true,
		OnConnect: func(ctx context.Context, cn *redis.Conn) error {
			id, err := cn.ClientID(ctx).Result()
			c.conn.Store(id)
			return err
		},
	})
	c.moves = append([]histMove{{30, readKey}, {6, createKey}, {4, replaceKey}, {4, deleteKey}, {4, expireKey}}, r.kind.extra...)
	return c
}

// release is the version that the client's release writes.
func (c *histClient) release() state.Version { return c.run.release }

// loop does one move after the other until it is told to stop.
func (c *histClient) loop(stop <-chan struct{}) {
	total := 0
	for _, m := range c.moves {
		total += m.weight
	}
	for {
		select {
		case <-stop:
			return
		default:
		}
		c.run.gate.RLock()
		n := c.rng.IntN(total)
		for _, m := range c.moves {
			if n -= m.weight; n < 0 {
				m.do(c, c.rng.IntN(c.run.hot))
				break
			}
		}
		c.run.gate.RUnlock()
		if c.fault != "" {
			return
		}
	}
}

// do sends one request and records it. An answer that is lost leaves open whether it was done; the server has made up
// its mind once it no longer knows the connection.
func (c *histClient) do(i int, what string, send func() (string, error), effect func(histWorld) (histWorld, string)) {
	op := &histOp{Client: c.id, Key: i, What: what, Call: c.run.now(), effect: effect}
	answer, err := send()
	op.Answer = answer
	if err != nil {
		op.Lost, op.Answer = true, "lost"
		c.settle(err)
	}
	op.Return = c.run.now()
	c.ops = append(c.ops, op)
}

// settle returns once a request whose answer was lost can no longer be done.
func (c *histClient) settle(err error) {
	if _, answered := errors.AsType[redis.Error](err); answered {
		c.fault = fmt.Sprintf("client %d: %v", c.id, err)
		return
	}
	c.lost++
	id := c.conn.Load()
	if id == 0 {
		return // it was not even connected
	}
	if err := c.run.client.Do(histContext, "client", "kill", "id", id).Err(); err != nil {
		c.fault = fmt.Sprintf("client %d: asking to end its lost connection: %v", c.id, err)
	}
}

// readKey reads a key under all its names.
func readKey(c *histClient, i int) {
	c.do(i, "read", func() (string, error) { return c.read(i) }, histRead)
}

func (c *histClient) read(i int) (string, error) {
	var keys []string
	for slot := range c.kind.slots() {
		keys = append(keys, c.kind.key(slot, i))
	}
	raws, err := glance(c.redis, keys...)
	if err != nil {
		return "", err
	}
	var w histWorld
	for slot, raw := range raws {
		w.items[slot] = c.kind.item(raw)
	}
	return w.String(), nil
}

// histRead is the effect of a read.
func histRead(w histWorld) (histWorld, string) { return w, histWorld{items: w.items}.String() }

// createKey makes a key hold a new unit of the release's version, whatever was there.
func createKey(c *histClient, i int) {
	v := c.release()
	slot := c.kind.slot(v)
	key := c.kind.key(slot, i)
	now := histItem{exists: true, value: c.kind.fresh(&c.mint, v), expire: c.mint.expire(time.Now().UnixMilli())}
	c.writes++
	c.do(i, "create "+key+" "+now.String(), func() (string, error) {
		p := c.redis.TxPipeline()
		c.kind.place(p, key, now)
		_, err := p.Exec(histContext)
		return "OK", err
	}, func(w histWorld) (histWorld, string) { return w.with(slot, now), "OK" })
}

// place queues what makes a key hold an item.
func (k *histKind) place(p redis.Pipeliner, key string, now histItem) {
	p.Del(histContext, key)
	k.put(p, key, now.value)
	if now.expire >= 0 {
		p.PExpireAt(histContext, key, time.UnixMilli(now.expire))
	}
}

// replaceKey writes a whole new unit in place of the one that it read, if nothing was written since, and keeps the TTL.
func replaceKey(c *histClient, i int) {
	v := c.release()
	c.watch(i, c.kind.slot(v), func(p redis.Pipeliner, key string, was histItem) (string, bool) {
		now := was
		now.value = c.kind.fresh(&c.mint, v)
		c.kind.place(p, key, now)
		return now.value, true
	})
}

// watch changes what it reads, if nothing was written since. Change queues the writes and returns the new value.
func (c *histClient) watch(i, slot int, change func(p redis.Pipeliner, key string, was histItem) (string, bool)) {
	key := c.kind.key(slot, i)
	began, sent := c.run.now(), (*histOp)(nil)
	err := c.redis.Watch(histContext, func(tx *redis.Tx) error {
		raws, err := glance(tx, key)
		if err != nil || raws[0].kind == "none" {
			return err
		}
		was := c.kind.item(raws[0])
		c.ops = append(c.ops, &histOp{
			Client: c.id, Key: i, What: "read " + key, Answer: was.String(), Call: began, Return: c.run.now(),
			effect: func(w histWorld) (histWorld, string) { return w, w.items[slot].String() },
		})
		p := tx.TxPipeline()
		next, ok := change(p, key, was)
		if !ok {
			return nil
		}
		sent = &histOp{Client: c.id, Key: i, What: "if " + key + " is as read: " + next, Answer: "OK", Call: c.run.now(), effect: swap(slot, was, next)}
		_, err = p.Exec(histContext)
		return err
	}, key)
	if errors.Is(err, redis.TxFailedErr) {
		return
	}
	if err != nil {
		c.settle(err)
	}
	if sent == nil {
		return
	}
	c.writes++
	sent.Return, sent.Lost = c.run.now(), err != nil
	c.ops = append(c.ops, sent)
}

// swap is the effect of a write on condition that nothing changed.
func swap(slot int, was histItem, next string) func(histWorld) (histWorld, string) {
	return func(w histWorld) (histWorld, string) {
		if w.items[slot] != was {
			return w, impossible
		}
		w.items[slot].value = next
		return w, "OK"
	}
}

// deleteKey deletes a key under all its names.
func deleteKey(c *histClient, i int) {
	var keys []string
	for slot := range c.kind.slots() {
		keys = append(keys, c.kind.key(slot, i))
	}
	c.writes++
	c.do(i, "DEL "+strings.Join(keys, " "), func() (string, error) {
		n, err := c.redis.Del(histContext, keys...).Result()
		return strconv.FormatInt(n, 10), err
	}, func(w histWorld) (histWorld, string) {
		n := 0
		for slot, item := range w.items {
			if item.exists {
				n++
			}
			w = w.with(slot, histNothing)
		}
		return w, strconv.Itoa(n)
	})
}

// expireKey gives a key another time to live, or none.
func expireKey(c *histClient, i int) {
	slot := c.kind.slot(c.release())
	key, at := c.kind.key(slot, i), c.mint.expire(time.Now().UnixMilli())
	c.writes++
	c.do(i, fmt.Sprintf("PEXPIREAT %s %d", key, at), func() (string, error) {
		var done bool
		var err error
		if at < 0 {
			done, err = c.redis.Persist(histContext, key).Result()
		} else {
			done, err = c.redis.PExpireAt(histContext, key, time.UnixMilli(at)).Result()
		}
		return strconv.FormatBool(done), err
	}, func(w histWorld) (histWorld, string) {
		item := w.items[slot]
		if !item.exists || at < 0 && item.expire < 0 {
			return w, "false"
		}
		item.expire = at
		return w.with(slot, item), "true"
	})
}
