package keyspace

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// SampleOptions bound a look at keys of which no spec says anything yet. What is 0 has its default.
type SampleOptions struct {
	Match    string // glob of SCAN
	Keys     int    // how many keys are read; 200
	Parts    int    // how many elements of a list, set, zset or stream; 20
	Fields   int    // a hash with more is read in part, as a map; 512
	KeyBytes int64  // a key that takes more memory is not read; 4 MiB
	Bytes    int64  // read in all; 64 MiB
	Scanned  int    // how many keys SCAN may pass; 1,000,000
}

// Sampled is what a look at keys found.
type Sampled struct {
	Samples  []transform.Sample
	Keys     int  // that were read
	TooLarge int  // that were not, because of their size
	Other    int  // that are of a kind no version can have
	Complete bool // every key that matches was looked at
}

func (o SampleOptions) withDefaults() SampleOptions {
	o.Keys, o.Parts, o.Fields = cmp.Or(o.Keys, 200), cmp.Or(o.Parts, 20), cmp.Or(o.Fields, 512)
	o.KeyBytes, o.Bytes, o.Scanned = cmp.Or(o.KeyBytes, 4<<20), cmp.Or(o.Bytes, 64<<20), cmp.Or(o.Scanned, 1_000_000)
	return o
}

// samplePage is the COUNT of one SCAN.
const samplePage = 100

// Sample reads a bounded number of keys that match a glob, as SCAN comes upon them. It writes nothing. The error is an
// *Error.
func (s *Store) Sample(ctx context.Context, o SampleOptions) (Sampled, error) {
	o = o.withDefaults()
	var out Sampled
	seen := map[string]bool{}
	size := int64(0)
	for cursor, passed := uint64(0), 0; ; {
		keys, next, err := s.client.Scan(ctx, cursor, o.Match, samplePage).Result()
		if err != nil {
			return out, classify(ctx, s.name, "scanning for keys", err)
		}
		keys = slices.DeleteFunc(keys, func(k string) bool { return seen[k] || strings.HasPrefix(k, Prefix) })
		for _, k := range keys[:min(len(keys), o.Keys-out.Keys)] {
			seen[k] = true
			n, err := s.sampleKey(ctx, k, o, &out)
			if err != nil {
				return out, classify(ctx, s.name, "reading a key for its shape", err)
			}
			size += n
		}
		cursor, passed = next, passed+samplePage
		switch {
		case out.Keys >= o.Keys, size >= o.Bytes, passed >= o.Scanned:
			return out, nil
		case cursor == 0:
			out.Complete = true
			return out, nil
		}
	}
}

// sampleKey reads one key, bounded, and returns how many bytes that were.
func (s *Store) sampleKey(ctx context.Context, key string, o SampleOptions, out *Sampled) (int64, error) {
	pipe := s.client.Pipeline()
	kind := pipe.Type(ctx, key)
	ttl := pipe.PTTL(ctx, key)
	memory := pipe.MemoryUsage(ctx, key)
	if _, err := pipe.Exec(ctx); kind.Err() != nil || ttl.Err() != nil {
		return 0, err
	}
	if memory.Err() == nil && memory.Val() > o.KeyBytes {
		out.TooLarge++
		out.Keys++
		return 0, nil
	}
	base := transform.Sample{Key: key}
	if ttl.Val() > 0 {
		base.TTL = int64(ttl.Val() / time.Millisecond)
	}
	read, known := sampleReaders[kind.Val()]
	if !known {
		if kind.Val() != "none" { // it went meanwhile
			out.Other++
			out.Keys++
		}
		return 0, nil
	}
	samples, err := read(ctx, s.client, base, o)
	if redis.HasErrorPrefix(err, "WRONGTYPE") || err == redis.Nil { //nolint:errorlint // go-redis returns it bare
		return 0, nil // it changed meanwhile
	}
	if err != nil || len(samples) == 0 {
		return 0, err
	}
	out.Keys++
	out.Samples = append(out.Samples, samples...)
	size := int64(0)
	for _, x := range samples {
		size += int64(len(x.Text))
		for _, f := range x.Fields {
			size += int64(len(f.Name) + len(f.Value))
		}
	}
	return size, nil
}

// sampleReader reads the parts of one key.
type sampleReader func(ctx context.Context, c redis.UniversalClient, base transform.Sample, o SampleOptions) ([]transform.Sample, error)

// sampleReaders holds the reader of each kind, by the answer of TYPE.
var sampleReaders = map[string]sampleReader{
	"string":    sampleString,
	"hash":      sampleHash,
	"list":      sampleList,
	"set":       sampleSet,
	"zset":      sampleSortedSet,
	"stream":    sampleStream,
	"ReJSON-RL": sampleDocument,
}

func sampleString(ctx context.Context, c redis.UniversalClient, base transform.Sample, o SampleOptions) ([]transform.Sample, error) {
	text, err := c.GetRange(ctx, base.Key, 0, o.KeyBytes).Result()
	if err != nil || int64(len(text)) > o.KeyBytes {
		return nil, err
	}
	base.Type, base.Text = state.String, text
	return []transform.Sample{base}, nil
}

func sampleDocument(ctx context.Context, c redis.UniversalClient, base transform.Sample, _ SampleOptions) ([]transform.Sample, error) {
	text, err := c.Do(ctx, "JSON.GET", base.Key).Text()
	base.Type, base.Text = state.Document, text
	return []transform.Sample{base}, err
}

// sampleHash reads a hash whole, or one page of a large one, whose fields are then entries.
func sampleHash(ctx context.Context, c redis.UniversalClient, base transform.Sample, o SampleOptions) ([]transform.Sample, error) {
	n, err := c.HLen(ctx, base.Key).Result()
	if err != nil {
		return nil, err
	}
	if n <= int64(o.Fields) {
		answer, err := c.HGetAll(ctx, base.Key).Result()
		if err != nil || len(answer) == 0 {
			return nil, err
		}
		base.Type, base.Fields = state.Hash, sampleFields(answer)
		return []transform.Sample{base}, nil
	}
	flat, _, err := c.HScan(ctx, base.Key, 0, "", int64(o.Parts)).Result()
	var out []transform.Sample
	for _, f := range fields(flat) {
		entry := base
		entry.Type, entry.Fields = state.Map, []transform.Field{{Name: "field", Value: f.Name}, {Name: "value", Value: f.Value}}
		out = append(out, entry)
	}
	return out, err
}

// fields pairs and sorts the flat answer of HGETALL.
func fields(flat []string) []transform.Field {
	out := make([]transform.Field, len(flat)/2)
	for i := range out {
		out[i] = transform.Field{Name: flat[2*i], Value: flat[2*i+1]}
	}
	slices.SortFunc(out, func(a, b transform.Field) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// sampleFields sorts the fields of a map.
func sampleFields[V any](answer map[string]V) []transform.Field {
	out := make([]transform.Field, 0, len(answer))
	for name, value := range answer {
		out = append(out, transform.Field{Name: name, Value: fmt.Sprint(value)})
	}
	slices.SortFunc(out, func(a, b transform.Field) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func sampleElements(base transform.Sample, redis state.Redis, elements []string) []transform.Sample {
	out := make([]transform.Sample, len(elements))
	for i, e := range elements {
		out[i] = base
		out[i].Type, out[i].Text = redis, e
	}
	return out
}

func sampleList(ctx context.Context, c redis.UniversalClient, base transform.Sample, o SampleOptions) ([]transform.Sample, error) {
	elements, err := c.LRange(ctx, base.Key, 0, int64(o.Parts)-1).Result()
	return sampleElements(base, state.List, elements), err
}

func sampleSet(ctx context.Context, c redis.UniversalClient, base transform.Sample, o SampleOptions) ([]transform.Sample, error) {
	elements, _, err := c.SScan(ctx, base.Key, 0, "", int64(o.Parts)).Result()
	return sampleElements(base, state.Set, elements[:min(len(elements), o.Parts)]), err
}

func sampleSortedSet(ctx context.Context, c redis.UniversalClient, base transform.Sample, o SampleOptions) ([]transform.Sample, error) {
	flat, _, err := c.ZScan(ctx, base.Key, 0, "", int64(o.Parts)).Result()
	var out []transform.Sample
	for i := 0; i+1 < len(flat) && len(out) < o.Parts; i += 2 {
		entry := base
		entry.Type, entry.Fields = state.SortedSet, []transform.Field{{Name: "member", Value: flat[i]}, {Name: "score", Value: flat[i+1]}}
		out = append(out, entry)
	}
	return out, err
}

func sampleStream(ctx context.Context, c redis.UniversalClient, base transform.Sample, o SampleOptions) ([]transform.Sample, error) {
	entries, err := c.XRangeN(ctx, base.Key, "-", "+", int64(o.Parts)).Result()
	var out []transform.Sample
	for _, e := range entries {
		entry := base
		entry.Type, entry.Fields = state.Stream, sampleFields(e.Values)
		out = append(out, entry)
	}
	return out, err
}
