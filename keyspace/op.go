package keyspace

import (
	_ "embed"
	"strconv"
	"strings"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// op is one way to write a unit.
type op int

const (
	opNone   op = iota
	opText      // a string
	opHash      // a hash with fixed fields
	opMap       // an entry of a hash
	opList      // an element of a list
	opSet       // a member of a set
	opSorted    // a member of a sorted set
	opMove      // a whole key that gets another name, another kind, or both
)

// scribe is how units of an op are written: the script that compares and sets them, and its arguments (see there).
type scribe struct {
	script script
	encode func(to *scriptCall, changes []change, fading bool) // appends keys and arguments
}

//go:embed lua/fence.lua
var fence string

//go:embed lua/prelude.lua
var prelude string

//go:embed lua/text.lua
var textLua string

//go:embed lua/hash.lua
var hashLua string

//go:embed lua/map.lua
var mapLua string

//go:embed lua/list.lua
var listLua string

//go:embed lua/set.lua
var setLua string

//go:embed lua/zset.lua
var sortedLua string

//go:embed lua/move.lua
var moveLua string

// scribes holds the scribe of each op.
var scribes = [...]scribe{
	opText:   {newScript(fence + prelude + textLua), encodeText},
	opHash:   {newScript(fence + prelude + hashLua), encodeHash},
	opMap:    {newScript(fence + prelude + mapLua), encodePairs},
	opList:   {newScript(fence + prelude + listLua), encodeList},
	opSet:    {newScript(fence + prelude + setLua), encodeText},
	opSorted: {newScript(fence + prelude + sortedLua), encodePairs},
	opMove:   {newScript(fence + prelude + moveLua), encodeMove},
}

// opOf tells how a unit is made of another one; opNone if it cannot be done in place.
func opOf(before, after transform.Unit) op {
	from, to := kindIn(before), kindIn(after)
	switch {
	case before.Key != after.Key || from != to:
		if from.Whole() && to.Whole() && from != state.Document && to != state.Document {
			return opMove
		}
		return opNone
	case from == state.String:
		return opText
	case from == state.Hash:
		return opHash
	case from == state.Map:
		return opMap
	case from == state.List:
		return opList
	case from == state.Set:
		return opSet
	case from == state.SortedSet:
		return opSorted
	}
	return opNone
}

// kindIn is the kind of data of a unit.
func kindIn(u transform.Unit) state.Redis {
	switch {
	case u.Type != "":
		return u.Type
	case u.IsHash():
		return state.Hash
	}
	return state.String
}

// encodeText writes strings, and members of sets.
func encodeText(to *scriptCall, changes []change, _ bool) {
	for i := range changes {
		c := &changes[i]
		to.keys = append(to.keys, c.key)
		to.args = append(to.args, &c.before.Text, &c.after.Text)
	}
}

// encodePairs writes units of two parts.
func encodePairs(to *scriptCall, changes []change, _ bool) {
	for i := range changes {
		c := &changes[i]
		to.keys = append(to.keys, c.key)
		for _, u := range []*transform.Unit{&c.before, &c.after} {
			to.args = append(to.args, &u.Fields[0].Value, &u.Fields[1].Value)
		}
	}
}

func encodeList(to *scriptCall, changes []change, _ bool) {
	for i := range changes {
		c := &changes[i]
		to.keys = append(to.keys, c.key)
		to.args = append(to.args, strconv.Itoa(c.index), &c.before.Text, &c.after.Text)
	}
}

// encodeMove writes whole keys with what they must be and what they become.
func encodeMove(to *scriptCall, changes []change, _ bool) {
	random, _, _ := strings.Cut(to.args[0].(string), " ") // of the lease's token
	to.keys = append(to.keys, Prefix+"move:"+random)
	for i := range changes {
		c := &changes[i]
		to.keys = append(to.keys, c.key, c.after.Key)
		how := "move"
		if c.taken {
			how = "finish"
		}
		rest := append([]any{how}, wholeArgs(c.before)...)
		if !c.taken {
			rest = append(rest, c.written()...)
		}
		to.args = append(append(to.args, strconv.Itoa(len(rest))), rest...)
	}
}

// wholeArgs are a whole key's kind and content.
func wholeArgs(u transform.Unit) []any {
	if kindIn(u) == state.String {
		return []any{"string", u.Text}
	}
	args := []any{"hash", strconv.Itoa(len(u.Fields))}
	for _, f := range u.Fields {
		args = append(args, f.Name, f.Value)
	}
	return args
}

// written is what a move writes: another kind whole, of a hash only what changes.
func (c *change) written() []any {
	if kindIn(c.before) != state.Hash || kindIn(c.after) != state.Hash {
		return wholeArgs(c.after)
	}
	args := []any{"edit", strconv.Itoa(len(c.edit.Set)), strconv.Itoa(len(c.edit.Delete))}
	for _, f := range c.edit.Set {
		args = append(args, f.Name, f.Value)
	}
	for _, f := range c.edit.Set {
		args = append(args, c.source(f.Name))
	}
	for _, n := range c.edit.Delete {
		args = append(args, n)
	}
	return args
}

// source names the field whose expiry a field that is set takes over: its own, or that of the field that was renamed to
// it; empty if there is none.
func (c *change) source(name string) string {
	for _, f := range c.before.Fields {
		if f.Name == name {
			return name
		}
	}
	return c.renamed[name]
}
