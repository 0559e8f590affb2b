package keyspace

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

//go:embed hashfields.lua
var hashFieldsText string

// hashFieldsScript: KEYS hash; ARGV cursor (” for all of it), fields.
var hashFieldsScript = newScript(hashFieldsText)

// readExpiring reads a hash whose fields may expire by themselves.
func (d *dump) readExpiring(ctx context.Context, key string) (Entry, bool, error) {
	e, _, there, err := d.hashSlice(ctx, key, "")
	return e, there, err
}

// hashSlice reads a hash, or a slice of it, in a script: only there can the fields be named that were just read.
func (d *dump) hashSlice(ctx context.Context, key, cursor string) (e Entry, next string, there bool, err error) {
	e = Entry{Key: key, Type: state.Hash}
	var answer []any
	err = d.store.retry(ctx, func() (err error) {
		answer, err = d.store.run(ctx, d.store.client, hashFieldsScript, []string{key}, cursor, dumpSlice).Slice()
		return err
	})
	if err != nil || len(answer) == 0 {
		return e, "", false, err
	}
	expires, _ := answer[0].(int64)
	if expires == -2 || len(answer) < 4 {
		return e, "", false, nil
	}
	e.ExpireAt = max(expires, 0)
	next, _ = answer[1].(string)
	flat, _ := answer[2].([]any)
	times, _ := answer[3].([]any)
	if len(flat) != 2*len(times) {
		return e, "", false, fmt.Errorf("the server answered %d times for %d fields", len(times), len(flat)/2)
	}
	for i, at := range times {
		name, _ := flat[2*i].(string)
		value, _ := flat[2*i+1].(string)
		moment, _ := at.(int64)
		if moment == -2 { // it expired between the two commands
			continue
		}
		e.Fields = append(e.Fields, EntryField{Name: name, Value: value, ExpireAt: max(moment, 0)})
	}
	return e, next, true, nil
}

// readLarge reads a key slice by slice. If it becomes one of another type it ends: what was read is gone.
func (d *dump) readLarge(ctx context.Context, m measured, give func(Entry) error) error {
	at, first := "0", true
	if m.kind == state.Stream {
		at = "-"
	}
	for {
		e, next, there, err := d.slice(ctx, m, at)
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			if !first {
				return nil
			}
			return d.readOther(ctx, m, give)
		}
		if err != nil || !there {
			return err
		}
		if e.items() > 0 || first && m.kind == state.Stream {
			if !first {
				e.Continues, e.ExpireAt = true, 0
			}
			first = false
			if err := give(e); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		at = next
	}
}

// readOther reads a key that is no longer what it was when it was measured.
func (d *dump) readOther(ctx context.Context, m measured, give func(Entry) error) error {
	again, err := d.askKinds(ctx, []measured{m})
	if err != nil || len(again) == 0 {
		return err
	}
	m = again[0]
	if m.bytes = 0; m.kind == state.String || m.kind == state.Document {
		got, _, err := d.readBlock(ctx, []measured{m}, math.MaxInt64)
		for _, e := range got.entries {
			if err == nil {
				err = give(e)
			}
		}
		return err
	}
	m.bytes = dumpLarge + 1
	return d.readLarge(ctx, m, give)
}

// slice reads one slice of a key and returns where the next one starts, empty behind the last.
func (d *dump) slice(ctx context.Context, m measured, at string) (e Entry, next string, there bool, err error) {
	if m.kind == state.Hash && d.able.fieldExpiry {
		e, next, there, err = d.hashSlice(ctx, m.key, at)
		if next == "0" {
			next = ""
		}
		return e, next, there, err
	}
	ask := func(w *wire) {
		d.open(w)
		name, args := sliceCommand(m, at)
		w.ask(name, args...)
		d.askExpiry(w, m.key)
		if at == "-" {
			askPosition(w, m.key)
		}
		w.ask("exec")
	}
	err = d.store.retry(ctx, func() error {
		return d.store.over(ctx, math.MaxInt64, ask, func(t *tape) error {
			now, err := d.begin(t)
			if err != nil {
				return err
			}
			answer, err := t.list()
			if err != nil {
				return err
			}
			e = Entry{Key: m.key, Type: m.kind}
			if there, err = d.expires(t, &e, now); err != nil || !there {
				return err
			}
			if next, err = e.take(answer, at); err == nil && at == "-" {
				err = e.takePosition(t)
			}
			return err
		})
	})
	return e, next, there, err
}

// sliceCommand reads one slice.
func sliceCommand(m measured, at string) (name string, args []string) {
	count := strconv.Itoa(dumpSlice)
	switch m.kind {
	case state.Hash:
		return "hscan", []string{m.key, at, "count", count}
	case state.Set:
		return "sscan", []string{m.key, at, "count", count}
	case state.SortedSet:
		return "zscan", []string{m.key, at, "count", count}
	case state.Stream:
		return "xrange", []string{m.key, at, "+", "count", count}
	}
	from, _ := strconv.Atoi(at) // it is a number that take wrote
	return "lrange", []string{m.key, at, strconv.Itoa(from + dumpSlice - 1)}
}

// errForm tells that a server answered in a form that we do not know.
var errForm = errors.New("the server's answer has another form than is known")

// take takes the answer for one slice and returns where the next starts.
func (e *Entry) take(answer []any, at string) (next string, err error) {
	switch e.Type {
	case state.Stream:
		if e.Messages, err = messages(answer); err == nil && len(answer) == dumpSlice {
			next = "(" + e.Messages[len(answer)-1].ID
		}
		return next, err
	case state.List:
		if e.Elements, err = texts(answer); err == nil && len(answer) == dumpSlice {
			from, _ := strconv.Atoi(at) // it is a number that is written here
			next = strconv.Itoa(from + dumpSlice)
		}
		return next, err
	}
	if len(answer) != 2 {
		return "", errForm
	}
	if next, _ = answer[0].(string); next == "0" {
		next = ""
	}
	list, _ := answer[1].([]any)
	flat, err := texts(list)
	if err != nil || e.Type != state.Set && len(flat)%2 != 0 {
		return "", errForm
	}
	e.fill(flat)
	return next, nil
}

func texts(answer []any) ([]string, error) {
	out := make([]string, len(answer))
	for i, a := range answer {
		s, ok := a.(string)
		if !ok {
			return nil, errForm
		}
		out[i] = s
	}
	return out, nil
}

// messages takes the answer of XRANGE. The client's own form of it loses the order of the names.
func messages(answer []any) ([]Message, error) {
	var out []Message
	for _, a := range answer {
		pair, _ := a.([]any)
		if len(pair) != 2 {
			return nil, errForm
		}
		id, ok := pair[0].(string)
		list, isList := pair[1].([]any)
		values, err := texts(list)
		if !ok || !isList || err != nil {
			return nil, errForm
		}
		out = append(out, Message{ID: id, Values: values})
	}
	return out, nil
}
