package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// everything is a keyspace of keys of every type.
var everything = state.Keyspace{
	Name: "session", Store: "main", Version: "1.0.0", Policy: state.Policy{Throttle: state.ThrottleFast},
	Shapes: []state.Shape{{Version: "1.0.0", Keys: "any:<id...>", Type: state.Hash}},
}

// start starts a server with keys of every type.
func start(t *testing.T) (*redis.Client, *keyspace.Store) {
	t.Helper()
	return startOn(t, testbed.System)
}

func startOn(t *testing.T, kind testbed.Kind) (*redis.Client, *keyspace.Store) {
	t.Helper()
	ctx := context.Background()
	server := testbed.RedisOf(t, kind)
	c := redis.NewClient(&redis.Options{Addr: server.Addr, Protocol: 2})
	t.Cleanup(func() { _ = c.Close() })
	p := c.Pipeline()
	for i := range 500 {
		p.Set(ctx, fmt.Sprint("any:string:", i), fmt.Sprint("\xff\x00", i), 0)
		p.HSet(ctx, fmt.Sprint("any:hash:", i), "name\xfe", i, "empty", "")
		p.RPush(ctx, fmt.Sprint("any:list:", i), "b", "a", i)
		p.SAdd(ctx, fmt.Sprint("any:set:", i), "x", i)
		p.ZAdd(ctx, fmt.Sprint("any:zset:", i), redis.Z{Score: 0.1 * float64(i), Member: "m"})
		p.XAdd(ctx, &redis.XAddArgs{Stream: fmt.Sprint("any:stream:", i), ID: fmt.Sprintf("%d-1", i+1), Values: []any{"b", i, "a", i}})
		if i%2 == 0 {
			p.Do(ctx, "pexpireat", fmt.Sprint("any:hash:", i), 4102444800123+i)
			p.Do(ctx, "pexpireat", fmt.Sprint("any:list:", i), 4102444800123+i)
		}
	}
	if _, err := p.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	store, err := keyspace.Open(ctx, keyspace.Options{Store: "main", Address: server.URL, Holder: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return c, store
}

// digests are what the server itself says of every key, and when each expires.
func digests(t *testing.T, c *redis.Client) map[string]string {
	t.Helper()
	ctx := context.Background()
	out := map[string]string{}
	it := c.Scan(ctx, 0, "any:*", 1000).Iterator()
	for it.Next(ctx) {
		pipe := c.Pipeline()
		digest, expires := pipe.Do(ctx, "debug", "digest-value", it.Val()), pipe.Do(ctx, "pexpiretime", it.Val())
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		out[it.Val()] = fmt.Sprint(digest.Val(), expires.Val())
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBackupWipeRestore(t *testing.T) {
	for _, kind := range storages {
		t.Run(kind.name, func(t *testing.T) {
			ctx := context.Background()
			s := kind.open(t)
			c, store := start(t)
			want := digests(t, c)
			m, at, err := MakeBackup(ctx, store, s, BackupOf{System: "shop", Keyspace: everything}, nil)
			if err != nil || m.Keys != 3000 || m.Records != 3000 || len(m.Parts) != 1 {
				t.Fatalf("%+v, %v", m, err)
			}
			if latest, ok, err := LatestBackup(ctx, s, shop); !ok || latest != at || err != nil {
				t.Fatalf("latest %q, %t, %v", latest, ok, err)
			}
			if err := c.FlushAll(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			o := restoreFrom(t, s, at, store)
			if o.Restored != m.Keys {
				t.Fatalf("%+v", o)
			}
			if got := digests(t, c); !maps.Equal(got, want) {
				t.Fatal("another content came back")
			}
		})
	}
}

func restoreFrom(t *testing.T, s Storage, at string, store *keyspace.Store) keyspace.RestoreOutcome {
	t.Helper()
	ctx := context.Background()
	l, err := store.Acquire(ctx, "shop", "session")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release(ctx)
	o, err := RestoreBackup(ctx, s, at, store, l, everything, keyspace.RestoreOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestADamagedBackupIsNotRestored harms a backup in several ways: nothing of it is written.
func TestADamagedBackupIsNotRestored(t *testing.T) {
	ctx := context.Background()
	c, store := start(t)
	for name, harm := range map[string]func(t *testing.T, s Storage, at string) string{
		"no manifest": func(t *testing.T, s Storage, at string) string {
			return errText(s.Delete(ctx, at+"/"+manifestName)) + ArchiveIncomplete
		},
		"no part": func(t *testing.T, s Storage, at string) string {
			return errText(s.Delete(ctx, at+"/"+partName(1))) + ArchiveMissing
		},
		"a flipped bit": func(t *testing.T, s Storage, at string) string {
			data := []byte(get(t, s, at+"/"+partName(1)))
			data[len(data)/2] ^= 4
			return errText(s.Put(ctx, at+"/"+partName(1), data, true)) + ArchiveDamaged
		},
		"a record less": func(t *testing.T, s Storage, at string) string {
			text := get(t, s, at+"/"+manifestName)
			return errText(s.Put(ctx, at+"/"+manifestName, []byte(strings.Replace(text, `"keys": 3000`, `"keys": 2999`, 1)), true)) + ArchiveDamaged
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openFolder(t)
			_, at, err := MakeBackup(ctx, store, s, BackupOf{System: "shop", Keyspace: everything}, nil)
			if err != nil {
				t.Fatal(err)
			}
			reason := harm(t, s, at)
			c.Del(ctx, "any:string:1")
			_, err = RestoreBackup(ctx, s, at, store, nil, everything, keyspace.RestoreOptions{}, nil)
			if e, ok := errors.AsType[*Error](err); !ok || e.Reason != reason {
				t.Fatalf("%v, want %s", err, reason)
			}
			if c.Exists(ctx, "any:string:1").Val() != 0 {
				t.Fatal("a key came back from a damaged backup")
			}
			c.Set(ctx, "any:string:1", "x", 0)
		})
	}
}

func errText(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestABackupOnAFullDiskIsNone fills the disk at several places: there is an error, and no archive.
func TestABackupOnAFullDiskIsNone(t *testing.T) {
	ctx := context.Background()
	_, store := start(t)
	for _, room := range []int{0, 5, 1000, 50_000} {
		s := &fullStorage{Storage: openFolder(t), room: room}
		_, _, err := MakeBackup(ctx, store, s, BackupOf{System: "shop", Keyspace: everything}, nil)
		if e, ok := errors.AsType[*Error](err); !ok || e.Reason != StateFull {
			t.Fatalf("room for %d bytes: %v", room, err)
		}
		all, err := Archives(ctx, s, shop, Backup)
		if err != nil || slices.ContainsFunc(all, func(f Found) bool { return f.Finished }) {
			t.Fatalf("%+v, %v", all, err)
		}
	}
}
