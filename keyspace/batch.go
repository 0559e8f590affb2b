package keyspace

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"keyshift.dev/transform"
)

// code is what became of one unit of a batch.
type code byte

const (
	codeDone     code = 'd'
	codeConflict code = 'c'
	codeGone     code = 'g'
	codeType     code = 't'
	codeError    code = 'e'
)

// result is the answer of the compare-and-set script.
type result struct {
	codes   []code
	blocked time.Duration // how long it kept the server; 0 where that does not tell
	words   []string      // first word of the error of each unit whose code is codeError
}

// encode writes changes as the arguments of cas.lua (see there), without the lease. Changes of one layout,
// which most of a batch are, name their fields once.
func encode(changes []change) (keys []string, args []any) {
	numbers := map[string]int{}
	var layouts, units []any
	for i := range changes {
		c := &changes[i]
		id := layoutID(c.edit)
		number, known := numbers[id]
		if !known {
			number = len(numbers) + 1
			numbers[id] = number
			layouts = appendLayout(layouts, c.edit)
		}
		keys = append(keys, c.target.key)
		units = append(units, strconv.Itoa(number))
		units = appendUnit(units, c.edit)
	}
	args = append(args, strconv.Itoa(len(numbers)))
	return keys, append(append(args, layouts...), units...)
}

// isText tells an edit of a string from one of a hash, which always has a field to compare.
func isText(e transform.Edit) bool { return len(e.Compare) == 0 }

// layoutID is equal for edits of one layout only: each name stands behind its length.
func layoutID(e transform.Edit) string {
	if isText(e) {
		return "string"
	}
	var b strings.Builder
	name := func(kind byte, n string) {
		b.WriteByte(kind)
		b.WriteString(strconv.Itoa(len(n)))
		b.WriteByte(':')
		b.WriteString(n)
	}
	for _, x := range e.Compare {
		if x.Any {
			name('a', x.Name)
		} else {
			name('v', x.Name)
		}
	}
	for _, f := range e.Set {
		name('s', f.Name)
	}
	for _, n := range e.Delete {
		name('d', n)
	}
	return b.String()
}

func appendLayout(args []any, e transform.Edit) []any {
	if isText(e) {
		return append(args, "string", "0", "0", "0", "0")
	}
	var valued, carried []any
	for _, x := range e.Compare {
		if x.Any {
			carried = append(carried, x.Name)
		} else {
			valued = append(valued, x.Name)
		}
	}
	args = append(args, "hash", strconv.Itoa(len(valued)), strconv.Itoa(len(carried)), strconv.Itoa(len(e.Set)), strconv.Itoa(len(e.Delete)))
	args = append(append(args, valued...), carried...)
	for _, f := range e.Set {
		args = append(args, f.Name)
	}
	for _, n := range e.Delete {
		args = append(args, n)
	}
	return args
}

func appendUnit(args []any, e transform.Edit) []any {
	if isText(e) {
		return append(args, e.OldText, e.Text)
	}
	for _, x := range e.Compare {
		if !x.Any {
			args = append(args, x.Value)
		}
	}
	for _, f := range e.Set {
		args = append(args, f.Value)
	}
	return args
}

var (
	errAnswer = errors.New("the compare-and-set script answered something else than it should")
	errFence  = errors.New("the lease is not ours")
)

// decode reads the answer of cas.lua about n units; errFence if the lease was not ours.
func decode(answer []any, n int) (result, error) {
	if len(answer) == 1 && answer[0] == "lease" {
		return result{}, errFence
	}
	if len(answer) < 2 {
		return result{}, errAnswer
	}
	codes, ok := answer[0].(string)
	micros, isNumber := answer[1].(int64)
	if !ok || !isNumber || len(codes) != n {
		return result{}, errAnswer
	}
	r := result{codes: []code(codes), blocked: time.Duration(micros) * time.Microsecond}
	for _, a := range answer[2:] {
		word, ok := a.(string)
		if !ok {
			return result{}, errAnswer
		}
		r.words = append(r.words, word)
	}
	if strings.Count(codes, string(codeError)) != len(r.words) {
		return result{}, errAnswer
	}
	return r, nil
}
