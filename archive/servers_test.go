package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/testbed"
)

// farAhead is a moment at which no test runs.
var farAhead = time.UnixMilli(4102444800123)

// enrich adds what only some servers have, and what only streams have. It tells whether fields can expire there.
func enrich(t *testing.T, c *redis.Client) bool {
	t.Helper()
	ctx := context.Background()
	p := c.Pipeline()
	for i := range 100 {
		p.XGroupCreate(ctx, fmt.Sprint("any:stream:", i), "workers", fmt.Sprintf("%d-1", i))
		p.XAdd(ctx, &redis.XAddArgs{Stream: fmt.Sprint("any:stream:", i), ID: "900-1", Values: []any{"a", "b"}})
		p.XDel(ctx, fmt.Sprint("any:stream:", i), "900-1")
	}
	for from := range 40 {
		fields := make([]any, 0, 2000)
		for i := range 1000 {
			fields = append(fields, fmt.Sprint("f", from*1000+i), i)
		}
		p.HSet(ctx, "any:huge", fields...)
	}
	p.PExpireAt(ctx, "any:huge", farAhead)
	if _, err := p.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	if c.Do(ctx, "hpexpireat", "any:hash:1", farAhead.UnixMilli(), "fields", 1, "empty").Err() != nil {
		return false
	}
	for i := range 100 {
		c.Do(ctx, "hpexpireat", fmt.Sprint("any:hash:", i), farAhead.UnixMilli()+int64(i), "fields", 1, "empty")
		c.Do(ctx, "hpexpireat", "any:huge", farAhead.UnixMilli()+int64(i), "fields", 1, fmt.Sprint("f", i*399))
	}
	return true
}

// finer is what digests do not see: when fields expire, and how far streams and their groups are.
func finer(t *testing.T, c *redis.Client, fading bool) map[string]string {
	t.Helper()
	ctx := context.Background()
	out := map[string]string{}
	for i := range 100 {
		key := fmt.Sprint("any:stream:", i)
		about, err := c.XInfoStream(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		groups, err := c.XInfoGroups(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		out[key] = about.LastGeneratedID
		for _, g := range groups {
			out[key] += " " + g.Name + " " + g.LastDeliveredID
		}
		if fading {
			out[fmt.Sprint("field ", i)] = fmt.Sprint(c.Do(ctx, "hpexpiretime", fmt.Sprint("any:hash:", i), "fields", 1, "empty").Val(),
				c.Do(ctx, "hpexpiretime", "any:huge", "fields", 1, fmt.Sprint("f", i*399)).Val())
		}
	}
	return out
}

// TestBackupWipeRestoreOnEveryServer: from the archive alone every key comes back equal, with its time, the times of its
// fields, and the position of streams.
func TestBackupWipeRestoreOnEveryServer(t *testing.T) {
	fadingServers := 0
	for _, kind := range testbed.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			ctx := context.Background()
			s := openFolder(t)
			c, store := startOn(t, kind)
			fading := enrich(t, c)
			if fading {
				fadingServers++
			}
			want, details := digests(t, c), finer(t, c, fading)
			m, at, err := MakeBackup(ctx, store, s, BackupOf{System: "shop", Keyspace: everything}, nil)
			if err != nil || m.Keys != 3001 {
				t.Fatalf("%+v, %v", m, err)
			}
			if err := c.FlushAll(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			if o := restoreFrom(t, s, at, store); o.Restored != m.Keys {
				t.Fatalf("%+v", o)
			}
			if got := digests(t, c); !maps.Equal(got, want) {
				t.Fatal("another content came back")
			}
			if got := finer(t, c, fading); !maps.Equal(got, details) {
				for _, key := range slices.Sorted(maps.Keys(got)) {
					if got[key] != details[key] {
						t.Fatalf("%s is %s, was %s", key, got[key], details[key])
					}
				}
			}
		})
	}
	if fadingServers == 0 && !t.Failed() {
		t.Error("no server has fields that expire")
	}
}
