package keyspace

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// kindNames are the types of keys as TYPE names them.
var kindNames = map[string]state.Redis{
	"string": state.String, "hash": state.Hash, "list": state.List, "set": state.Set, "zset": state.SortedSet,
	"stream": state.Stream, "ReJSON-RL": state.Document,
}

// typeNamed returns the type that TYPE named; what it does not know, it calls as the server does.
func typeNamed(name string) state.Redis {
	if k, ok := kindNames[name]; ok {
		return k
	}
	return state.Redis(name)
}

// kindsOf returns the types of keys that a keyspace's versions have.
func kindsOf(k state.Keyspace) map[state.Redis]bool {
	out := map[state.Redis]bool{}
	for _, s := range k.Shapes {
		kind := s.Type
		if kind == state.Map {
			kind = state.Hash
		}
		out[kind] = true
	}
	return out
}

// transaction reads keys at one moment, whose answers may have so many bytes in all. Odd are those that are of another
// type.
func (d *dump) transaction(ctx context.Context, keys []measured, limit int64) (out dumped, odd []measured, err error) {
	if len(keys) == 0 {
		return out, nil, nil
	}
	var expiring []measured
	ask := func(w *wire) {
		d.open(w)
		for _, m := range keys {
			d.ask(w, m)
		}
		w.ask("exec")
	}
	err = d.store.retry(ctx, func() error {
		odd, expiring = nil, nil
		return d.store.over(ctx, limit, ask, func(t *tape) error {
			out = dumped{entries: d.store.shelf.entries.take(len(keys)), room: d.store.shelf.entryFields.take(len(t.tokens) / 2)}
			d.learn(t, len(keys))
			now, err := d.begin(t)
			for i := 0; err == nil && i < len(keys); i++ {
				var r keyRead
				switch r, err = d.take(t, keys[i], now, &out.room); {
				case redis.HasErrorPrefix(err, "WRONGTYPE"), errors.Is(err, errKind):
					odd, err = append(odd, keys[i]), nil
				case err == nil && r.fades:
					expiring = append(expiring, keys[i])
				case err == nil && r.there:
					out.entries = append(out.entries, r.Entry)
				}
			}
			return err
		})
	})
	for _, m := range expiring {
		if err != nil {
			break
		}
		var e Entry
		var there bool
		if e, there, err = d.readExpiring(ctx, m.key); there {
			out.entries = append(out.entries, e)
		}
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			odd, err = append(odd, m), nil
		}
	}
	return out, odd, err
}

// open begins a transaction.
func (d *dump) open(w *wire) {
	w.ask("multi")
	if !d.able.expireTime {
		w.ask("time")
	}
}

// learn notes how many bytes the answer about a key has, on average of the last.
func (d *dump) learn(t *tape, keys int) {
	bytes := 0
	for _, text := range t.texts {
		bytes += len(text)
	}
	d.mean.Add((int64(bytes/keys) - d.mean.Load()) / 8)
}

// begin takes what comes before the answers of a transaction: that each command was queued, and what time it is, in Unix
// milliseconds, where the server does not tell when a key expires.
func (d *dump) begin(t *tape) (now int64, err error) {
	for t.at < len(t.tokens) && t.tokens[t.at].kind != '*' {
		if _, err := t.str(); err != nil {
			return 0, err
		}
	}
	if _, err := t.array(); err != nil || d.able.expireTime { // nil if it was aborted
		return 0, err
	}
	if n, err := t.array(); err != nil || n != 2 {
		return 0, cmp.Or(err, errProtocol)
	}
	seconds, err := t.number()
	if err != nil {
		return 0, err
	}
	micros, err := t.number()
	return seconds*1000 + micros/1000, err
}

// ask asks for a key: what it holds, when it expires, of a hash its encoding, where the server has fields that expire,
// of a stream how far it is.
func (d *dump) ask(w *wire, m measured) {
	if c, ok := wholes[m.kind]; ok {
		w.askOf(c[0], m.key, c[1:])
	} else {
		w.ask("type", m.key) // of a module that we do not know
	}
	d.askExpiry(w, m.key)
	if d.able.fieldExpiry && m.kind == state.Hash {
		w.ask("object", "encoding", m.key)
	}
	if m.kind == state.Stream {
		askPosition(w, m.key)
	}
}

// askExpiry asks when a key expires.
func (d *dump) askExpiry(w *wire, key string) {
	if d.able.expireTime {
		w.ask("pexpiretime", key)
	} else {
		w.ask("pttl", key)
	}
}

// expires takes when a key expires, and tells whether it is there. Now is what time it is on a server that tells how
// long it lives instead, else 0.
func (d *dump) expires(t *tape, e *Entry, now int64) (there bool, err error) {
	n, err := t.number()
	if n >= 0 && (now > 0 || n > 0) {
		e.ExpireAt = now + n
	}
	return n != -2, err
}

// wholes are the commands that read the whole of a key, by its kind.
var wholes = map[state.Redis][]string{
	state.String:    {"get"},
	state.Hash:      {"hgetall"},
	state.List:      {"lrange", "0", "-1"},
	state.Set:       {"smembers"},
	state.SortedSet: {"zrange", "0", "-1", "withscores"},
	state.Stream:    {"xrange", "-", "+"},
	state.Document:  {"json.get"},
}

// errKind tells that a key is of a type that cannot be read.
var errKind = errors.New("the key is of a type that is not known")

// keyRead is one key, read.
type keyRead struct {
	Entry
	there bool
	fades bool // fields of the key may expire by themselves
}

// take takes the answers about a key, all of them whatever the first is. The fields of a hash are in room.
func (d *dump) take(t *tape, m measured, now int64, room *[]EntryField) (r keyRead, err error) {
	r.Entry, r.there = Entry{Key: m.key, Type: m.kind}, true
	failed := r.value(t, room)
	there, err := d.expires(t, &r.Entry, now)
	r.there, failed = there, cmp.Or(failed, err)
	if d.able.fieldExpiry && m.kind == state.Hash {
		// A small hash says by its encoding whether any field expires; a large one does not say.
		encoding, err := t.str()
		r.fades = r.there && err == nil && encoding != "listpack" && encoding != "ziplist"
		if err != nil && !errors.Is(err, redis.Nil) {
			failed = cmp.Or(failed, err)
		}
	}
	if m.kind == state.Stream {
		if err := r.takePosition(t); err != nil && r.there && !d.unmeasured(err) { // the embedded server tells no position
			failed = cmp.Or(failed, err)
		}
	}
	if errors.Is(failed, redis.Nil) {
		r.there, failed = false, nil
	}
	return r, failed
}

// value takes what a key holds.
func (e *Entry) value(t *tape, room *[]EntryField) (err error) {
	switch e.Type {
	case state.String, state.Document:
		e.Text, err = t.str()
	case state.Hash:
		e.Fields, err = t.entryFields(room)
	case state.SortedSet, state.List, state.Set:
		var flat []string
		if flat, err = t.flat(); err == nil {
			e.fill(flat)
		}
	case state.Stream:
		var list []any
		if list, err = t.list(); err == nil {
			e.Messages, err = messages(list)
		}
	default:
		_, err = t.any()
		err = cmp.Or(err, errKind)
	}
	return err
}

// entryFields takes an array of names and values in turn, and appends them to room.
func (t *tape) entryFields(room *[]EntryField) ([]EntryField, error) {
	n, err := t.array()
	if err != nil {
		return nil, err
	}
	all := *room
	start := len(all)
	for range n / 2 {
		var f EntryField
		if f.Name, err = t.str(); err != nil {
			return nil, err
		}
		if f.Value, err = t.str(); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	*room = all
	return all[start:len(all):len(all)], nil
}

// fill takes the flat answer of a read.
func (e *Entry) fill(flat []string) {
	switch e.Type {
	case state.Hash:
		e.Fields = make([]EntryField, len(flat)/2)
		for i := range e.Fields {
			e.Fields[i] = EntryField{Name: flat[2*i], Value: flat[2*i+1]}
		}
	case state.SortedSet:
		e.Members = make([]Member, len(flat)/2)
		for i := range e.Members {
			e.Members[i] = Member{Member: flat[2*i], Score: flat[2*i+1]}
		}
	default:
		e.Elements = flat
	}
}

// sort puts what has no order into one.
func (d *dump) sort(e *Entry) {
	switch e.Type {
	case state.Hash:
		d.fields.sort(e.Fields, func(f *EntryField) string { return f.Name })
	case state.SortedSet:
		slices.SortFunc(e.Members, func(a, b Member) int { return strings.Compare(a.Member, b.Member) })
	case state.Set:
		slices.Sort(e.Elements)
	}
}
