package keyspace

import (
	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// mode is how a key is read.
type mode int

const (
	readType   mode = iota // several are possible: its type is asked for first
	readText               // a string
	readHash               // a hash that is one unit
	readMap                // a hash whose fields are the units
	readList               // a list, set or sorted set: its elements are the units
	readSet                //
	readSorted             //
	readStream             // its entries are the units
	readLong               // a string that is longer than what was asked for of it
	readPages              // a key of many units that is too large to be read at once: see pages
	tooBig                 // not read
	mistyped               // not read
	vanished               // not there
)

// kind is one kind of data: how its keys are read at once, and how what was read becomes units.
type kind struct {
	redis string // what TYPE calls it
	mode  mode
	ask   []string                                         // the command and what follows the key; nil of a string, which is read up to a length
	parts func(key string, flat []string) []transform.Unit // nil of what is one unit, and of a stream, whose answer is not flat
	count string                                           // the command that counts the parts
}

// kinds holds every kind of data that is read, by the shape's type.
var kinds = map[state.Redis]kind{
	state.String:    {redis: "string", mode: readText},
	state.Hash:      {redis: "hash", mode: readHash, ask: []string{"hgetall"}},
	state.Map:       {redis: "hash", mode: readMap, ask: []string{"hgetall"}, parts: entriesOf, count: "hlen"},
	state.List:      {redis: "list", mode: readList, ask: []string{"lrange", "0", "-1"}, parts: elementsOf, count: "llen"},
	state.Set:       {redis: "set", mode: readSet, ask: []string{"smembers"}, parts: membersOf, count: "scard"},
	state.SortedSet: {redis: "zset", mode: readSorted, ask: []string{"zrange", "0", "-1", "withscores"}, parts: scoredOf, count: "zcard"},
	state.Stream:    {redis: "stream", mode: readStream, ask: []string{"xrange", "-", "+"}, count: "xlen"},
}

// kindOf returns the kind that a mode reads.
var kindOf = func() (out [vanished + 1]kind) {
	for _, k := range kinds {
		out[k.mode] = k
	}
	return out
}()

// entriesOf returns the entries of a map, from names and values in turn.
func entriesOf(key string, flat []string) []transform.Unit {
	return paired(key, state.Map, flat, "field", "value")
}

// scoredOf returns the members of a sorted set, from members and scores in turn.
func scoredOf(key string, flat []string) []transform.Unit {
	for i := 1; i < len(flat); i += 2 {
		flat[i] = transform.SpellScore(flat[i])
	}
	return paired(key, state.SortedSet, flat, "member", "score")
}

// paired makes units of two named parts, whose names are in order.
func paired(key string, redis state.Redis, flat []string, first, second string) []transform.Unit {
	out := make([]transform.Unit, len(flat)/2)
	parts := make([]transform.Field, 2*len(out))
	for i := range out {
		f := parts[2*i : 2*i+2 : 2*i+2]
		f[0], f[1] = transform.Field{Name: first, Value: flat[2*i]}, transform.Field{Name: second, Value: flat[2*i+1]}
		out[i] = transform.Unit{Key: key, Type: redis, Fields: f}
	}
	return out
}

func elementsOf(key string, flat []string) []transform.Unit { return single(key, state.List, flat) }

func membersOf(key string, flat []string) []transform.Unit { return single(key, state.Set, flat) }

func single(key string, redis state.Redis, flat []string) []transform.Unit {
	out := make([]transform.Unit, len(flat))
	for i, text := range flat {
		out[i] = transform.Unit{Key: key, Type: redis, Text: text}
	}
	return out
}

// messagesOf returns the entries of a stream.
func messagesOf(key string, messages []redis.XMessage) []transform.Unit {
	out := make([]transform.Unit, len(messages))
	for i, m := range messages {
		out[i] = transform.Unit{Key: key, Type: state.Stream, Fields: sampleFields(m.Values)}
	}
	return out
}
