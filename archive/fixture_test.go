package archive

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// raw is text of any bytes.
func raw() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")) })
}

func list[T any](g *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.Custom(func(t *rapid.T) []T {
		l := rapid.SliceOfN(g, 0, 5).Draw(t, "list")
		if len(l) == 0 {
			return nil
		}
		return l
	})
}

func anyEntry() *rapid.Generator[keyspace.Entry] {
	return rapid.Custom(func(t *rapid.T) keyspace.Entry {
		moment := rapid.Int64()
		return keyspace.Entry{
			Key: raw().Draw(t, "key"), Type: state.Redis(raw().Draw(t, "type")), ExpireAt: moment.Draw(t, "expiry"),
			Continues: rapid.Bool().Draw(t, "continues"), Text: raw().Draw(t, "text"), Elements: list(raw()).Draw(t, "elements"),
			Fields: list(rapid.Custom(func(t *rapid.T) keyspace.EntryField {
				return keyspace.EntryField{Name: raw().Draw(t, "name"), Value: raw().Draw(t, "value"), ExpireAt: moment.Draw(t, "expiry")}
			})).Draw(t, "fields"),
			Members: list(rapid.Custom(func(t *rapid.T) keyspace.Member {
				return keyspace.Member{Member: raw().Draw(t, "member"), Score: raw().Draw(t, "score")}
			})).Draw(t, "members"),
			Messages: list(rapid.Custom(func(t *rapid.T) keyspace.Message {
				return keyspace.Message{ID: raw().Draw(t, "id"), Values: list(raw()).Draw(t, "values")}
			})).Draw(t, "messages"),
			LastID: raw().Draw(t, "last id"),
			Groups: list(rapid.Custom(func(t *rapid.T) keyspace.Group {
				return keyspace.Group{Name: raw().Draw(t, "group"), LastID: raw().Draw(t, "last id")}
			})).Draw(t, "groups"),
		}
	})
}

func anyUnit(key string) *rapid.Generator[transform.Unit] {
	return rapid.Custom(func(t *rapid.T) transform.Unit {
		return transform.Unit{
			Key: key, Type: state.Redis(raw().Draw(t, "type")), Text: raw().Draw(t, "text"), TTL: rapid.Int64().Draw(t, "ttl"),
			Fields: list(rapid.Custom(func(t *rapid.T) transform.Field {
				return transform.Field{Name: raw().Draw(t, "name"), Value: raw().Draw(t, "value")}
			})).Draw(t, "fields"),
		}
	})
}

func anyPreimage() *rapid.Generator[keyspace.Preimage] {
	return rapid.Custom(func(t *rapid.T) keyspace.Preimage {
		before := raw().Draw(t, "key")
		after := rapid.OneOf(rapid.Just(before), raw()).Draw(t, "new key")
		return keyspace.Preimage{
			Keyspace: raw().Draw(t, "keyspace"), Job: raw().Draw(t, "job"), From: state.Version(raw().Draw(t, "from")),
			To: state.Version(raw().Draw(t, "to")), Before: anyUnit(before).Draw(t, "before"), After: anyUnit(after).Draw(t, "after"),
			ExpireAt: rapid.Int64().Draw(t, "expiry"), SetTTL: rapid.Bool().Draw(t, "set"), GivenAt: rapid.Int64().Draw(t, "given"), Replaced: rapid.Bool().Draw(t, "replaced"),
			Expires: list(rapid.Custom(func(t *rapid.T) keyspace.FieldExpiry {
				return keyspace.FieldExpiry{Name: raw().Draw(t, "name"), At: rapid.Int64().Draw(t, "at")}
			})).Draw(t, "expires"),
		}
	})
}

// images makes pre-images that are numbered from first on.
func images(first, n int) []keyspace.Preimage {
	out := make([]keyspace.Preimage, n)
	for i := range out {
		key := fmt.Sprint("session:", first+i)
		out[i] = keyspace.Preimage{
			Keyspace: "session", Job: "7f3c", From: "1.0.0", To: "2.0.0", ExpireAt: 4102444800123,
			Before: transform.Unit{Key: key, Fields: []transform.Field{{Name: "created_ms", Value: "1700000000123"}, {Name: "legacy", Value: "x\xff\x00"}, {Name: "name", Value: "Ada"}, {Name: "user_id", Value: "1"}}},
			After:  transform.Unit{Key: key, Fields: []transform.Field{{Name: "created", Value: "1700000000"}, {Name: "full_name", Value: "Ada"}, {Name: "plan", Value: "free"}, {Name: "user_id", Value: "1"}}},
		}
	}
	return out
}

// readImages returns a log in the order in which it was written.
func readImages(t testing.TB, s Storage, p Place, job string) []keyspace.Preimage {
	t.Helper()
	out, err := tryImages(s, p, job)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryImages(s Storage, p Place, job string) ([]keyspace.Preimage, error) {
	var out []keyspace.Preimage
	err := UndoLog(s, p, job).Images(context.Background(), func(batch []keyspace.Preimage) error {
		out = append(out, batch...)
		return nil
	})
	slices.Reverse(out)
	return out, err
}

func wantImages(t testing.TB, got, want []keyspace.Preimage) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d pre-images, want %d", len(got), len(want))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("pre-image %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

var shop = Place{System: "shop", Store: "main", Keyspace: "session"}

func openFolder(t testing.TB) Storage {
	t.Helper()
	s, err := Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func openJournal(t testing.TB, s Storage) *Journal {
	t.Helper()
	j, err := OpenJournal(context.Background(), s, shop, "7f3c")
	if err != nil {
		t.Fatal(err)
	}
	return j
}
