package schema_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"github.com/cockroachdb/apd/v3"
)

// The oracle's values are nil, bool, number, string, []byte, []any and map[string]any. They share no code with the
// programs that are tested: not their reader, their writer or their decimals.

// number is the decimal text of a number, as it was written.
type number string

// cueText writes a value as CUE source.
func cueText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return cueString(v)
	case []byte:
		var b strings.Builder
		for _, c := range v {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
		return "'" + b.String() + "'"
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = cueText(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, cueLabel(k)+": "+cueText(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

func cueString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r == 0x7f || r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func cueLabel(name string) string {
	if identifier.MatchString(name) {
		return name
	}
	return cueString(name)
}

// fromCUE reads a concrete value.
func fromCUE(v cue.Value) (any, error) {
	v, _ = v.Default()
	switch v.Kind() {
	case cue.NullKind:
		return nil, nil
	case cue.BoolKind:
		return v.Bool()
	case cue.IntKind, cue.FloatKind:
		var mant big.Int
		exp, err := v.MantExp(&mant)
		if exp > 0 && v.Kind() == cue.FloatKind { // 100 would be an integer
			return number(mant.String() + "e" + strconv.Itoa(exp)), err
		}
		text := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(&mant), int32(exp)).Text('f')
		if exp == 0 && v.Kind() == cue.FloatKind {
			text += "e0"
		}
		return number(text), err
	case cue.StringKind:
		return v.String()
	case cue.BytesKind:
		return v.Bytes()
	case cue.ListKind:
		out := []any{}
		for l, err := v.List(); l.Next(); {
			item, errItem := fromCUE(l.Value())
			if err != nil || errItem != nil {
				return nil, fmt.Errorf("%v %v", err, errItem)
			}
			out = append(out, item)
		}
		return out, nil
	case cue.StructKind:
		return structFromCUE(v)
	}
	if err := v.Validate(cue.Concrete(true)); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%v is not concrete", v)
}

func structFromCUE(v cue.Value) (any, error) {
	fields, err := v.Fields()
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for fields.Next() {
		item, err := fromCUE(fields.Value())
		if err != nil {
			return nil, err
		}
		out[fields.Selector().Unquoted()] = item
	}
	return out, nil
}

// same tells whether two values are equal: numbers by value, and zeros in texts without CUE's sign.
func same(a, b any) bool { return plainText(a) == plainText(b) }

// plainText writes a value so that equal ones have equal texts.
func plainText(v any) string {
	switch v := v.(type) {
	case number:
		return plainNumber(string(v))
	case string:
		return cueString(signedZero.ReplaceAllString(v, "$1$2"))
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = plainText(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, cueLabel(k)+": "+plainText(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return cueText(v)
}

func plainNumber(text string) string {
	n, _, err := apd.NewFromString(text)
	if err != nil {
		return "not a number: " + text
	}
	n.Reduce(n)
	n.Negative = n.Negative && !n.IsZero()
	if n.Exponent > 400 || n.Exponent < -400 {
		return n.Text('e')
	}
	return n.Text('f')
}

// fromJSON reads JSON, numbers as they are written.
func fromJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w in %q", err, text)
	}
	if d.More() {
		return nil, fmt.Errorf("more than one value in %q", text)
	}
	return numbers(v), nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(v)
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}
