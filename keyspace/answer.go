package keyspace

import (
	"errors"
	"strings"
	"time"
)

// code is what became of one unit of a batch.
type code byte

const (
	codeDone     code = 'd'
	codeConflict code = 'c'
	codeGone     code = 'g'
	codeType     code = 't'
	codeTaken    code = 'x' // what it becomes is there already
	codeError    code = 'e'
)

// result is the answer of a script that writes units.
type result struct {
	codes   []code
	blocked time.Duration // how long it kept the server; 0 where that does not tell
	words   []string      // first word of the error of each unit whose code is codeError
}

var (
	errAnswer = errors.New("the compare-and-set script answered something else than it should")
	errFence  = errors.New("the lease is not ours")
)

// decode reads the answer about n units; errFence if the lease was not ours.
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
