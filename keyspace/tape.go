package keyspace

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// tape is the answers to what was asked at once, as they came, and where each begins and ends. Every string of theirs is
// a piece of a text of about textLength, or of a larger one if it is larger itself: a thousand fields are a few allocations.
// What is kept longer than the page must be cloned, because it holds the whole text.
type tape struct {
	raw    []byte // what has come and is in no text yet
	texts  []string
	tokens []token
	at     int // of the next token to be taken
	seen   int // bytes of raw that are tokens
	open   int // tokens that have not come yet
	order  sorter[transform.Field]
}

// textLength is how long a text becomes before the next one is begun.
const textLength = 64 << 10

// token is one value of an answer. The elements of an array are the tokens behind it.
type token struct {
	kind       byte // as RESP has it: $ + : - or * of an array; 0 if there is nothing
	text       int  // number of its text
	start, end int  // there; of an array, end is the number of elements
}

// mostBulk is how long a value may be that Redis holds, and more than an array ever has.
const mostBulk = 512 << 20

// errProtocol tells that the server did not speak RESP2.
var errProtocol = errors.New("the server answered something that is not RESP")

// expect begins a tape of so many answers.
func (t *tape) expect(answers int) {
	t.raw, t.tokens = t.raw[:0], t.tokens[:0]
	t.texts, t.at, t.seen, t.open = nil, 0, 0, answers
}

// parse reads what has come. It tells how many more bytes are wanted for sure; 0 if every answer is there.
func (t *tape) parse() (wanted int, err error) {
	for t.open > 0 {
		n := bytes.IndexByte(t.raw[t.seen:], '\n')
		if n < 0 {
			return 1, nil
		}
		end := t.seen + n - 1 // of the line
		if n < 2 || t.raw[end] != '\r' {
			return 0, errProtocol
		}
		k := token{kind: t.raw[t.seen], text: len(t.texts), start: t.seen + 1, end: end}
		next := end + 2
		switch k.kind {
		case '+', '-', ':':
		case '$', '*':
			size, err := strconv.Atoi(string(t.raw[k.start:k.end]))
			if err != nil || size < -1 || size > mostBulk {
				return 0, errProtocol
			}
			switch {
			case size < 0:
				k.kind = 0
			case k.kind == '*':
				k.end = size
				t.open += size
			default:
				k.start, k.end = next, next+size
				if next = k.end + 2; next > len(t.raw) {
					return next - len(t.raw), nil
				}
			}
		default:
			return 0, errProtocol
		}
		t.tokens = append(t.tokens, k)
		t.seen = next
		if t.open--; t.seen >= textLength || t.open == 0 {
			t.cut()
		}
	}
	if len(t.raw) > 0 {
		return 0, errProtocol
	}
	return 0, nil
}

// cut makes a text of what was seen.
func (t *tape) cut() {
	t.texts = append(t.texts, string(t.raw[:t.seen]))
	t.raw = t.raw[:copy(t.raw, t.raw[t.seen:])]
	t.seen = 0
}

// textOf returns the text of a token.
func (t *tape) textOf(k token) string { return t.texts[k.text][k.start:k.end] }

// refusal is an error that the server answered.
type refusal string

func (r refusal) Error() string { return string(r) }

// RedisError marks it as an answer, as those of the Redis client are.
func (refusal) RedisError() {}

// take takes the next token. The error is the server's refusal, or redis.Nil if there is nothing.
func (t *tape) take() (token, error) {
	if t.at >= len(t.tokens) {
		return token{}, errProtocol
	}
	k := t.tokens[t.at]
	t.at++
	switch k.kind {
	case '-':
		return k, refusal(t.textOf(k))
	case 0:
		return k, redis.Nil
	}
	return k, nil
}

// str takes the next answer as a string.
func (t *tape) str() (string, error) {
	k, err := t.take()
	switch {
	case err != nil:
		return "", err
	case k.kind == '*':
		return "", errProtocol
	}
	return t.textOf(k), nil
}

// number takes the next answer as a number.
func (t *tape) number() (int64, error) {
	s, err := t.str()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: no number", errProtocol)
	}
	return n, nil
}

// array takes the head of an array: so many answers follow.
func (t *tape) array() (int, error) {
	k, err := t.take()
	if err != nil {
		return 0, err
	}
	if k.kind != '*' {
		return 0, errProtocol
	}
	return k.end, nil
}

// flat takes an array of strings. They are pieces of the text.
func (t *tape) flat() ([]string, error) {
	n, err := t.array()
	if err != nil {
		return nil, err
	}
	out := make([]string, n)
	for i := range out {
		if out[i], err = t.str(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// any takes the next answer, whatever it is: a string, a number, a list of them, or nil.
func (t *tape) any() (any, error) {
	k, err := t.take()
	if err != nil {
		return nil, err
	}
	switch k.kind {
	case '*':
		list := make([]any, k.end)
		for i := range list {
			if list[i], err = t.any(); err != nil && !errors.Is(err, redis.Nil) {
				return nil, err
			}
		}
		return list, nil
	case ':':
		return strconv.ParseInt(t.textOf(k), 10, 64)
	}
	return t.textOf(k), nil
}

// list takes the next answer as a list.
func (t *tape) list() ([]any, error) {
	v, err := t.any()
	list, ok := v.([]any)
	if err == nil && !ok {
		err = errProtocol
	}
	return list, err
}

// scan takes an answer to SCAN.
func (t *tape) scan() (keys []string, next uint64, err error) {
	if n, err := t.array(); err != nil || n != 2 {
		return nil, 0, cmp.Or(err, errProtocol)
	}
	cursor, err := t.str()
	if err != nil {
		return nil, 0, err
	}
	if next, err = strconv.ParseUint(cursor, 10, 64); err != nil {
		return nil, 0, errProtocol
	}
	keys, err = t.flat()
	return keys, next, err
}

// fields takes an array of names and values in turn, sorted by name. They are in room, if it has any for them.
func (t *tape) fields(room *[]transform.Field) ([]transform.Field, error) {
	n, err := t.array()
	if err != nil {
		return nil, err
	}
	start := len(*room)
	for range n / 2 {
		var f transform.Field
		if f.Name, err = t.str(); err != nil {
			return nil, err
		}
		if f.Value, err = t.str(); err != nil {
			return nil, err
		}
		*room = append(*room, f)
	}
	out := (*room)[start:len(*room):len(*room)]
	t.order.sort(out, func(f *transform.Field) string { return f.Name })
	return out, nil
}

// messages takes the entries of a stream.
func (t *tape) messages(key string) ([]transform.Unit, error) {
	n, err := t.array()
	if err != nil {
		return nil, err
	}
	out := make([]transform.Unit, 0, n)
	for range n {
		if parts, err := t.array(); err != nil || parts != 2 {
			return nil, errProtocol
		}
		if _, err := t.str(); err != nil { // the ID
			return nil, err
		}
		var own []transform.Field
		if own, err = t.fields(&own); err != nil {
			return nil, err
		}
		out = append(out, transform.Unit{Key: key, Type: state.Stream, Fields: unique(own)})
	}
	return out, nil
}

// unique keeps the last of fields with one name, which an entry of a stream may have.
func unique(fields []transform.Field) []transform.Field {
	out := fields[:0]
	for i, f := range fields {
		if i+1 == len(fields) || fields[i+1].Name != f.Name {
			out = append(out, f)
		}
	}
	return out
}
