package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// dataset is what is in the server when a lane begins.
type dataset int

const (
	hashes dataset = iota // of eight fields, every third with a TTL
	texts                 // JSON of about 200 bytes, every third with a TTL
	mixed                 // half of each
)

const (
	sessionPrefix = "session:"
	cartPrefix    = "cart:"
)

// key returns the key of a number, which is a hash or a JSON string.
func (d dataset) key(i int) string {
	if d == texts || d == mixed && i%2 == 1 {
		return cartPrefix + strconv.Itoa(i)
	}
	return sessionPrefix + strconv.Itoa(i)
}

func isCart(key string) bool { return strings.HasPrefix(key, cartPrefix) }

const lifetime = 24 * time.Hour

func seed(ctx context.Context, p redis.Pipeliner, key string, i int) {
	if isCart(key) {
		p.Set(ctx, key, fmt.Sprintf(`{"owner":%d,"cents":%d,"note":%q}`, i, i, strings.Repeat("lorem ipsum ", 13)), 0)
	} else {
		p.HSet(ctx, key, "user_id", i, "name", "Ada Lovelace", "email", fmt.Sprintf("ada%d@example.com", i), "created_ms", 1700000000000+i,
			"ip", "10.1.2.3", "agent", "Mozilla/5.0 (X11; Linux x86_64)", "legacy", "x", "note", "[1,2,3,4]")
	}
	if i%3 == 0 {
		p.Expire(ctx, key, lifetime)
	}
}

// pageKeys is how many keys of ours go into one pipeline when data is written or removed.
const pageKeys = 1000

// fill writes n keys of a data set.
func (s *server) fill(ctx context.Context, d dataset, n int) error {
	for from := 0; from < n; from += pageKeys {
		pipe := s.client.Pipeline()
		for i := from; i < min(from+pageKeys, n); i++ {
			seed(ctx, pipe, d.key(i), i)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("writing the data to measure with: %w", cause(err))
		}
	}
	return nil
}

// system is whose keyspaces are rewritten: its name stands in every key that Keyshift keeps for them.
const system = "keyshift-bench"

// clear removes what we wrote. A server of ours is flushed; from another one, which held nothing, go the keys that a
// run makes and no other.
func (s *server) clear(ctx context.Context, d dataset, n int) error {
	if s.own {
		return s.client.FlushAll(ctx).Err()
	}
	for from := 0; from < n; from += pageKeys {
		var keys []string
		for i := from; i < min(from+pageKeys, n); i++ {
			keys = append(keys, d.key(i))
		}
		if err := s.client.Del(ctx, keys...).Err(); err != nil {
			return fmt.Errorf("removing the data: %w", cause(err))
		}
	}
	records := s.client.Scan(ctx, 0, "keyshift:*"+system+"*", pageKeys).Iterator()
	for records.Next(ctx) {
		if err := s.client.Del(ctx, records.Val()).Err(); err != nil {
			return fmt.Errorf("removing the record of the run: %w", cause(err))
		}
	}
	return records.Err()
}

// checked is about how many keys are looked at after a lane has written.
const checked = 1000

// check looks at some of the keys that a lane was to bring to the second version.
func (s *server) check(ctx context.Context, k state.Keyspace, d dataset, n int) error {
	programs, err := transform.Compile(k)
	if err != nil {
		return err
	}
	for i := 0; i < n; i += max(n/checked, 1) {
		u := transform.Unit{Key: d.key(i)}
		ttl := s.client.TTL(ctx, u.Key)
		if isCart(u.Key) {
			u.Text, err = s.client.Get(ctx, u.Key).Result()
		} else {
			var values map[string]string
			values, err = s.client.HGetAll(ctx, u.Key).Result()
			for name, value := range values {
				u.Fields = append(u.Fields, transform.Field{Name: name, Value: value})
			}
		}
		if err != nil {
			return fmt.Errorf("looking at what was written: %w", cause(err))
		}
		if class, reason := programs.Classify(u.Sorted()); !class.Has(v2) {
			return fmt.Errorf("%s is not at version %s afterwards but of class %q (%s)", u.Key, v2, class, reason)
		}
		if expires := ttl.Val() > 0; expires != (i%3 == 0) {
			return fmt.Errorf("%s has not the time to live it had before", u.Key)
		}
	}
	return nil
}
