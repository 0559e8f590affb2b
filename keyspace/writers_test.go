package keyspace

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// writer is an application that owns some keys and knows, for each, the last value it had acknowledged. It reads
// both versions, changes units in the version it finds, and makes new ones in the version of its release.
type writer struct {
	release *atomic.Value // string, the version that it makes
	client  *redis.Client
	keys    []string
	last    map[string]string // key → name it wrote last; "" if it deleted the key
	expires map[string]int64
	writes  int
	serial  int
	id      int
}

// rename changes the name of a session by its own compare-and-set, in whichever version it finds.
var rename = redis.NewScript(`
local f
if redis.call('HEXISTS', KEYS[1], 'name') == 1 then f = 'name' elseif redis.call('HEXISTS', KEYS[1], 'full_name') == 1 then f = 'full_name' else return 0 end
redis.call('HSET', KEYS[1], f, ARGV[1])
return 1`)

func (w *writer) step(ctx context.Context, i int) error {
	key := w.keys[i%len(w.keys)]
	w.serial++
	name := fmt.Sprintf("w%d-%d", w.id, w.serial)
	switch {
	case i%7 == 3:
		if err := w.client.Del(ctx, key).Err(); err != nil {
			return err
		}
		w.last[key], w.expires[key] = "", -2
	case w.last[key] == "" && strings.HasPrefix(key, "cart:"):
		amount := map[string]string{"1.0.0": "cents", "2.0.0": "total"}[w.release.Load().(string)]
		if err := w.client.Set(ctx, key, fmt.Sprintf(`{"owner":%d,%q:%d,"note":%q}`, w.id, amount, w.serial, name), 0).Err(); err != nil {
			return err
		}
		w.last[key], w.expires[key] = name, -1
	case w.last[key] == "":
		pipe := w.client.TxPipeline()
		if w.release.Load() == "1.0.0" {
			pipe.HSet(ctx, key, "user_id", w.id, "name", name, "created_ms", 1700000000000, "note", "n", "legacy", "x")
		} else {
			pipe.HSet(ctx, key, "user_id", w.id, "full_name", name, "created", 1700000000, "note", "n", "plan", "pro")
		}
		pipe.PExpireAt(ctx, key, farAhead(w.serial))
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		w.last[key], w.expires[key] = name, farAhead(w.serial).UnixMilli()
	case strings.HasPrefix(key, "cart:"):
		if err := w.replace(ctx, key, name); err != nil {
			return err
		}
	default:
		n, err := rename.Run(ctx, w.client, []string{key}, name).Int()
		if err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("%s was not there to rename", key))
		}
		w.last[key] = name
	}
	w.writes++
	return nil
}

// replace changes the note of a cart by reading the whole value and writing it back if nobody wrote meanwhile.
func (w *writer) replace(ctx context.Context, key, name string) error {
	for {
		err := w.client.Watch(ctx, func(tx *redis.Tx) error {
			was, err := tx.Get(ctx, key).Result()
			if err != nil {
				return err
			}
			is := strings.Replace(was, strconv.Quote(w.last[key]), strconv.Quote(name), 1)
			if is == was {
				return fmt.Errorf("%s lost its last value", key)
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, key, is, redis.KeepTTL).Err() })
			return err
		}, key)
		if !errors.Is(err, redis.TxFailedErr) {
			if err == nil {
				w.last[key] = name
			}
			return err
		}
	}
}

func TestNoUpdateIsLost(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		const n = 2000
		fill(t, s.client, n)
		stop := make(chan struct{})
		var release atomic.Value
		release.Store("1.0.0")
		var wg sync.WaitGroup
		writers := make([]*writer, 4)
		for id := range writers {
			w := &writer{release: &release, client: s.client, id: id, last: map[string]string{}, expires: map[string]int64{}}
			for i := range 40 {
				for _, kind := range []string{"session:", "cart:"} {
					key := fmt.Sprint(kind, id+i*len(writers))
					s.client.Del(ctx, key)
					w.keys = append(w.keys, key)
				}
			}
			writers[id] = w
			wg.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					if err := w.step(ctx, i*5+i/len(w.keys)); err != nil {
						t.Errorf("writer %d: %v", w.id, err)
						return
					}
				}
			})
		}
		st := open(t, s)
		var conflicts, rewritten int64
		for round := range 4 {
			to := []string{"2.0.0", "1.0.0"}[round%2]
			release.Store(to)
			for _, k := range []state.Keyspace{sessions(), carts()} {
				l := acquireAgain(t, st, k.Name)
				o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: state.Version(to), ID: fmt.Sprint(round), Unlogged: true}, nil)
				if err != nil {
					t.Fatal(err)
				}
				conflicts += o.Conflicts
				rewritten += o.Rewritten
				if err := l.Release(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		close(stop)
		wg.Wait()
		total := 0
		for _, w := range writers {
			total += w.writes
			w.check(t, s.client)
		}
		if total < 100 || rewritten < 4*2*(n-200) {
			t.Errorf("only %d writes and %d rewrites: the test shows nothing", total, rewritten)
		}
		t.Logf("%d application writes, %d units rewritten, %d conflicts", total, rewritten, conflicts)
	})
}

// check compares what is there with what the application had acknowledged.
func (w *writer) check(t *testing.T, c *redis.Client) {
	ctx := context.Background()
	for _, key := range w.keys {
		is, want := contents(ctx, c, key), w.last[key]
		if want == "" && is != "none" || want != "" && !strings.Contains(is, `"`+want+`"`) {
			t.Errorf("%s is %s; last acknowledged %q", key, is, want)
		}
		expires := c.PExpireTime(ctx, key).Val()
		if got := expires.Milliseconds(); want != "" && expires > 0 && got != w.expires[key] {
			t.Errorf("%s expires %d, want %d", key, got, w.expires[key])
		}
		if want != "" && w.expires[key] > 0 && expires <= 0 {
			t.Errorf("%s lost its TTL", key)
		}
	}
}
