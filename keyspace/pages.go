package keyspace

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// pages reads a key of many units a page at a time. A scan inside of the key lists every unit that is there from
// beginning to end, some twice. A list has no such scan: its pages overlap by half, so that elements that are taken from
// its front meanwhile hide none, unless half a page of them goes between two reads.
type pages struct {
	target
	size    int    // units a page
	cursor  uint64 // of a scan
	index   int    // of a list: where the next page begins
	counted int    // of a list: elements that a page had before
	after   string // of a stream: the ID before the next page
	done    bool
}

const (
	pageUnitsMin = 16
	pageUnitsMax = 1024
)

// newPages prepares the reading of a key. Nil tells that it is gone, or of another type now.
func (s *Store) newPages(ctx context.Context, t target) (*pages, error) {
	pipe := s.client.Pipeline()
	count := redis.NewIntCmd(ctx, kindOf[t.paged].count, t.key)
	_ = pipe.Process(ctx, count) // queues; the error comes with Exec
	bytes := pipe.MemoryUsage(ctx, t.key, s.samples...)
	if _, err := pipe.Exec(ctx); unknown(err) {
		return nil, err
	}
	if redis.HasErrorPrefix(count.Err(), "WRONGTYPE") || bytes.Err() == redis.Nil { //nolint:errorlint // go-redis returns it bare
		return nil, nil
	}
	if err := count.Err(); err != nil {
		return nil, err
	}
	each := max(bytes.Val()/max(count.Val(), 1), 1)
	return &pages{target: t, after: "0", size: int(min(max(s.options.MaxValue/each, pageUnitsMin), pageUnitsMax))}, nil
}

// next reads one page. It sets done with the last.
func (p *pages) next(ctx context.Context, c *redis.Client) (u unit, err error) {
	u = unit{target: p.target}
	var flat []string
	k := kindOf[p.paged]
	switch p.paged {
	case readMap:
		flat, p.cursor, err = c.HScan(ctx, p.key, p.cursor, "", int64(p.size)).Result()
		p.done = p.cursor == 0
	case readSet:
		flat, p.cursor, err = c.SScan(ctx, p.key, p.cursor, "", int64(p.size)).Result()
		p.done = p.cursor == 0
	case readSorted:
		flat, p.cursor, err = c.ZScan(ctx, p.key, p.cursor, "", int64(p.size)).Result()
		p.done = p.cursor == 0
	case readList:
		flat, err = c.LRange(ctx, p.key, int64(p.index), int64(p.index+p.size-1)).Result()
		u.first, u.repeated, p.done = p.index, min(max(p.counted-p.index, 0), len(flat)), len(flat) < p.size
		p.counted = max(p.counted, p.index+len(flat))
		p.index += p.size / 2
	case readStream:
		return u, p.stream(ctx, c, &u)
	}
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		u.mode, u.gone, p.done = mistyped, false, true
		return u, nil
	}
	if err != nil {
		return u, err
	}
	u.parts = k.parts(p.key, flat)
	return u, nil
}

func (p *pages) stream(ctx context.Context, c *redis.Client, u *unit) error {
	messages, err := c.XRangeN(ctx, p.key, "("+p.after, "+", int64(p.size)).Result()
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		u.mode, p.done = mistyped, true
		return nil
	}
	if err != nil {
		return err
	}
	p.done = len(messages) < p.size
	if len(messages) > 0 {
		p.after = messages[len(messages)-1].ID
	}
	u.parts = messagesOf(p.key, messages)
	return nil
}
