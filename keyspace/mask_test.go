package keyspace

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

func TestMask(t *testing.T) {
	for _, c := range []struct {
		unit transform.Unit
		want string
	}{
		{transform.Unit{Fields: []transform.Field{{Name: "a", Value: "12"}, {Name: "b c", Value: "Ada"}, {Name: "d", Value: "\xff\xfe"}, {Name: "e", Value: "1.5"}, {Name: "f", Value: ""}}},
			`hash of 5 fields: a int(2), "b c" text(3), d bytes(2), e number(3), f empty`},
		{transform.Unit{Text: `{"owner":7,"lines":[{"sku":"abc"},{}],"paid":true,"x":null,"y":{"z":{"w":{"v":1}}}}`},
			`string: json {lines: [2 × {sku: text(3)}], owner: int(1), paid: bool, x: null, y: {z: {w: {1 field}}}}`},
		{transform.Unit{Text: `{"a":1} {"b":2}`}, `string: text(15)`},
		{transform.Unit{Text: `{"a":`}, `string: text(5)`},
		{transform.Unit{Text: "-17"}, `string: int(3)`},
		{transform.Unit{Text: strings.Repeat("[", 20_000)}, `string: text(20000)`},
		{transform.Unit{Type: state.Map, Fields: []transform.Field{{Name: "field", Value: "ada@example.com"}, {Name: "value", Value: "[]"}}}, `map entry: field text(15), value json [0]`},
		{transform.Unit{Type: state.List, Text: "true"}, `list: bool`},
	} {
		if got := mask(c.unit); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestMaskHidesValues: no word of a value is in its mask, whatever holds it, and the mask is short.
func TestMaskHidesValues(t *testing.T) {
	const secret = "Xyzzy"
	rapid.Check(t, func(t *rapid.T) {
		pad := rapid.StringN(0, 30, -1)
		value := pad.Draw(t, "before") + secret + pad.Draw(t, "after")
		wrap := rapid.SampledFrom([]string{"%", `["%"]`, `{"a":"%"}`, `{"a":{"b":["%",1]}}`, `[["%"]]`}).Draw(t, "wrap")
		value = strings.Replace(wrap, "%", value, 1)
		var fields []transform.Field
		for _, name := range rapid.SliceOfNDistinct(rapid.String(), 1, 40, rapid.ID[string]).Draw(t, "names") {
			fields = append(fields, transform.Field{Name: name, Value: value})
		}
		entry := []transform.Field{{Name: "field", Value: value}, {Name: "value", Value: value}}
		for _, u := range []transform.Unit{
			{Text: value}, {Fields: fields}, {Type: state.Stream, Fields: fields}, {Type: state.Map, Fields: entry}, {Type: state.Set, Text: value},
		} {
			got := mask(u)
			if strings.Contains(got, secret) || len(got) > 4000 {
				t.Fatalf("%q shows %q", value, got)
			}
		}
	})
}
