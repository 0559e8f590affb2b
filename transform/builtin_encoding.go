package transform

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"keyshift.dev/state"
)

var encodingTable = map[string]function{
	"encoding/json.Valid": func(a *arguments) (value, error) { return boolean(json.Valid([]byte(a.bytes(0)))), nil },
	"encoding/json.Compact": func(a *arguments) (value, error) {
		var out bytes.Buffer
		err := json.Compact(&out, []byte(a.bytes(0)))
		return cueText(out.String()), orWrong(err, "json.Compact")
	},
	"encoding/json.Indent": func(a *arguments) (value, error) {
		source, prefix, indent := a.bytes(0), a.text(1), a.text(2)
		if err := a.e.spend(indented(source, prefix, indent)); err != nil {
			return value{}, err
		}
		var out bytes.Buffer
		err := json.Indent(&out, []byte(source), prefix, indent)
		return cueText(out.String()), orWrong(err, "json.Indent")
	},
	"encoding/json.HTMLEscape": func(a *arguments) (value, error) {
		var out bytes.Buffer
		json.HTMLEscape(&out, []byte(a.bytes(0)))
		return cueText(out.String()), nil
	},
	"encoding/json.Marshal": func(a *arguments) (value, error) {
		b, err := marshal(a.e, nil, a.values[0])
		return str(string(b)), err
	},
	"encoding/json.MarshalStream": func(a *arguments) (value, error) {
		var out []byte
		for _, v := range a.list(0) {
			b, err := marshal(a.e, out, v)
			if err != nil {
				return value{}, err
			}
			out = append(b, '\n')
		}
		return str(string(out)), nil
	},
	"encoding/json.Unmarshal": func(a *arguments) (value, error) {
		return unmarshal(a, a.bytes(0))
	},
	"encoding/json.UnmarshalStream": unmarshalStream,
	"encoding/base64.EncodedLen": func(a *arguments) (value, error) {
		return integerOf(int64(base64.StdEncoding.EncodedLen(a.standard(1)))), nil
	},
	"encoding/base64.DecodedLen": func(a *arguments) (value, error) {
		return integerOf(int64(base64.StdEncoding.DecodedLen(a.standard(1)))), nil
	},
	"encoding/base64.Encode": func(a *arguments) (value, error) {
		a.null(0)
		return str(base64.StdEncoding.EncodeToString([]byte(a.bytes(1)))), nil
	},
	"encoding/base64.Decode": func(a *arguments) (value, error) {
		a.null(0)
		b, err := base64.StdEncoding.DecodeString(a.text(1))
		return value{kind: isBytes, s: string(b)}, orWrong(err, "base64.Decode")
	},
	"encoding/hex.EncodedLen": func(a *arguments) (value, error) { return integerOf(int64(hex.EncodedLen(a.int(0)))), nil },
	"encoding/hex.DecodedLen": func(a *arguments) (value, error) { return integerOf(int64(hex.DecodedLen(a.int(0)))), nil },
	"encoding/hex.Encode":     func(a *arguments) (value, error) { return str(hex.EncodeToString([]byte(a.bytes(0)))), nil },
	"encoding/hex.Dump":       func(a *arguments) (value, error) { return cueText(hex.Dump([]byte(a.bytes(0)))), nil },
	"encoding/hex.Decode": func(a *arguments) (value, error) {
		b, err := hex.DecodeString(a.text(0))
		return value{kind: isBytes, s: string(b)}, orWrong(err, "hex.Decode")
	},
}

// null checks the encoding argument of base64, which is the standard one.
func (a *arguments) null(i int) {
	if a.values[i].kind != isNull {
		a.fail(errArgument)
	}
}

func (a *arguments) standard(i int) int {
	a.null(0)
	return a.int(i)
}

// indented bounds the length of what json.Indent makes: a line for every bracket and comma, as deep as there are brackets.
func indented(source, prefix, indent string) int {
	lines, depth, deepest := 0, 0, 0
	for _, c := range []byte(source) {
		switch c {
		case '{', '[':
			depth, lines = depth+1, lines+2
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		case ',':
			lines++
		}
	}
	return len(source) + lines*(len(prefix)+deepest*len(indent)+2)
}

// marshal appends the JSON form of a value as CUE writes it; bytes become base64.
func marshal(e *env, b []byte, v value) ([]byte, error) {
	isMap, ok := v.isComposite()
	if !ok {
		size := len(b)
		b, err := marshalScalar(b, v)
		if workErr := e.work(2 + (len(b)-size)/builtinCost); err == nil {
			err = workErr
		}
		return b, err
	}
	if err := e.work(2 + 2*v.size()); err != nil {
		return b, err
	}
	open, end := byte('['), byte(']')
	if isMap {
		open, end = '{', '}'
	}
	b = append(b, open)
	for i, m := range v.inOrder(isMap) {
		if i > 0 {
			b = append(b, ',')
		}
		if isMap {
			b = append(marshalText(b, m.name), ':')
		}
		var err error
		if b, err = marshal(e, b, m.value); err != nil {
			return b, err
		}
	}
	return append(b, end), nil
}

// inOrder returns the members as CUE orders them: those that the shape declares as the spec has them, then the others.
func (v value) inOrder(isMap bool) []member {
	t := v.spread()
	a := v.typ.pick(v, state.Struct)
	if !isMap || a == nil {
		return t.members
	}
	place := func(name string) int {
		if i := a.find(name); i >= 0 {
			return a.fields[i].ordinal
		}
		return len(a.fields)
	}
	slices.SortStableFunc(t.members, func(x, y member) int { return cmp.Compare(place(x.name), place(y.name)) })
	return t.members
}

func marshalScalar(b []byte, v value) ([]byte, error) {
	x, err := v.scalar()
	if err != nil {
		return b, err
	}
	switch x.kind {
	case isNull:
		return append(b, "null"...), nil
	case isStr:
		return marshalText(b, x.s), nil
	case isBytes:
		return marshalText(b, base64.StdEncoding.EncodeToString([]byte(x.s))), nil
	}
	s, _ := x.text()
	return append(b, s...), nil
}

func marshalText(b []byte, s string) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string is always encoded
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}

// unmarshal reads a JSON text. Unlike CUE it takes no name twice in one object.
func unmarshal(a *arguments, text string) (value, error) {
	d, err := parseJSON(text, nil)
	if err != nil {
		return value{}, wrong("json.Unmarshal")
	}
	return decoded(a.e, &d, 0)
}

// decoded makes a value that no longer depends on its spelling.
func decoded(e *env, d *document, i int32) (value, error) {
	if err := e.spend(elementCost); err != nil {
		return value{}, err
	}
	v := value{kind: isNode, i: int64(i), doc: d}
	isMap, ok := v.isComposite()
	if !ok {
		if d.nodes[i].kind == nodeNumber && d.raw(i) == "-0" {
			return integerOf(0), nil
		}
		return d.scalar(nil, i)
	}
	t := &tree{}
	err := v.each(func(_ int, name string, x value) error {
		y, err := decoded(e, d, int32(x.i))
		if isMap {
			t.add(member{name: name, value: y})
		} else {
			t.members = append(t.members, member{value: y})
		}
		return err
	})
	return value{kind: v.composed(isMap), tree: t}, err
}

// unmarshalStream reads JSON texts one behind the other.
func unmarshalStream(a *arguments) (value, error) {
	d := json.NewDecoder(strings.NewReader(a.bytes(0)))
	var out []value
	for {
		var raw json.RawMessage
		if err := d.Decode(&raw); err == io.EOF {
			return listOf(out), nil
		} else if err != nil {
			return value{}, wrong("json.UnmarshalStream")
		}
		v, err := unmarshal(a, string(raw))
		if err != nil {
			return value{}, err
		}
		out = append(out, v)
	}
}
