package transform

import (
	"testing"

	"keyshift.dev/state"
)

// session8 is a session of eight fields: the shop's, and four that are only carried.
func session8(redis state.Redis) state.Keyspace {
	k := shop(redis)
	for _, name := range []string{"agent", "ip", "locale", "visits"} {
		kind := state.Str
		if name == "visits" {
			kind = state.Int
		}
		for i := range k.Shapes {
			a := &k.Shapes[i].Value.Alts[0]
			a.Fields = append(a.Fields, req(name, kind))
		}
		k.Migrations[0].Up.Body.Fields = append(k.Migrations[0].Up.Body.Fields, carried(name))
		k.Migrations[0].Down.Body.Fields = append(k.Migrations[0].Down.Body.Fields, carried(name))
	}
	return k
}

var (
	hash8 = hash("user_id", "12345", "name", "Ada Lovelace", "created_ms", "1700000000123", "legacy", "x",
		"agent", "Mozilla/5.0", "ip", "192.0.2.7", "locale", "en", "visits", "17")
	json8 = Unit{Key: "session:1", Text: `{"user_id": 12345, "name": "Ada Lovelace", "created_ms": 1700000000123, "legacy": "x", ` +
		`"agent": "Mozilla/5.0", "ip": "192.0.2.7", "locale": "en", "visits": 17}`}
)

func compiled(tb testing.TB, k state.Keyspace) *Programs {
	tb.Helper()
	p, err := Compile(k)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func BenchmarkClassify(b *testing.B) {
	for name, u := range map[string]Unit{"hash": hash8, "json": json8} {
		redis := state.Hash
		if !u.IsHash() {
			redis = state.String
		}
		p := compiled(b, session8(redis))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if class, reason := p.Classify(u); class != "1.0.0" {
					b.Fatal(class, reason)
				}
			}
		})
	}
}

func BenchmarkConvert(b *testing.B) {
	for name, u := range map[string]Unit{"hash": hash8, "json": json8} {
		redis := state.Hash
		if !u.IsHash() {
			redis = state.String
		}
		p := compiled(b, session8(redis))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Convert(u, "1.0.0", "2.0.0"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The whole way of one unit of a rewrite: classify, convert, and the edit for the script.
func BenchmarkClassifyConvertDiff(b *testing.B) {
	p := compiled(b, session8(state.Hash))
	reads := p.Reads("1.0.0", "2.0.0")
	b.ReportAllocs()
	for b.Loop() {
		class, _ := p.Classify(hash8)
		from, _ := p.Source(class, "2.0.0")
		after, err := p.Convert(hash8, from, "2.0.0")
		if err != nil {
			b.Fatal(err)
		}
		if e := Diff(hash8, after, reads, new(Room)); len(e.Set) == 0 {
			b.Fatal("nothing to do")
		}
	}
}

// What a rewrite does with each of many units.
func BenchmarkBring(b *testing.B) {
	for name, u := range map[string]Unit{"hash": hash8, "json": json8} {
		redis := state.Hash
		if !u.IsHash() {
			redis = state.String
		}
		p := compiled(b, session8(redis))
		var room Room
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%500 == 0 {
					room.Reset()
				}
				if got := p.Bring(u, "2.0.0", &room); got.From != "1.0.0" {
					b.Fatal(got.Reason)
				}
			}
		})
	}
}
