package transform_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

func TestInferHash(t *testing.T) {
	var samples []transform.Sample
	for i := range 20 {
		fields := []transform.Field{{Name: "admin", Value: "false"}, {Name: "id", Value: fmt.Sprint(i)}, {Name: "meta", Value: `{"a":[1,2.5]}`}, {Name: "name", Value: "Ada"}}
		if i < 5 {
			fields = append(fields, transform.Field{Name: "nick", Value: "secret"})
		}
		samples = append(samples, transform.Sample{Key: fmt.Sprintf("{user:%d}:profile", i), Type: state.Hash, Fields: fields, TTL: 50_000})
	}
	got := transform.Infer(samples, transform.InferOptions{Prefix: "{user:"})
	if len(got) != 1 || got[0].Unfit != 0 || got[0].Keys != 20 {
		t.Fatalf("got %+v", got)
	}
	s := got[0].Shape
	if s.Keys != "{user:<id int>}:profile" || s.Type != state.Hash || s.TTL == nil || s.TTL.Max != 60_000 {
		t.Errorf("got %+v", s)
	}
	if !reflect.DeepEqual(s.Encodings, []state.FieldEncoding{{Field: "meta", Encoding: state.JSON}}) {
		t.Errorf("encodings %+v", s.Encodings)
	}
	want := []string{"admin bool false", "id int false", "meta struct false", "name string false", "nick string true"}
	for i, f := range s.Value.Alts[0].Fields {
		if got := fmt.Sprint(f.Name, " ", f.Type.Alts[0].Kind, " ", f.Optional); got != want[i] {
			t.Errorf("got %s, want %s", got, want[i])
		}
	}
	if !slices.ContainsFunc(got[0].Notes, func(r transform.Remark) bool { return r.Text == "in 25 %" && slices.Equal(r.Path, []string{"nick"}) }) {
		t.Errorf("notes %+v", got[0].Notes)
	}
	if strings.Contains(fmt.Sprintf("%+v", got), "secret") {
		t.Error("a value left the samples")
	}
}

func TestInferMapAndMixes(t *testing.T) {
	var samples []transform.Sample
	for i := range 6 {
		var fields []transform.Field
		for j := range 20 {
			fields = append(fields, transform.Field{Name: fmt.Sprintf("sku%d%d", i, j), Value: "1"})
		}
		samples = append(samples, transform.Sample{Key: fmt.Sprint("cart:", i, "a"), Type: state.Hash, Fields: fields})
	}
	samples = append(samples, transform.Sample{Key: "cart:x", Type: state.String, Text: "plain"})
	got := transform.Infer(samples, transform.InferOptions{Prefix: "cart:"})
	if len(got) != 2 || got[0].Shape.Type != state.Map || got[0].Keys != 6 || got[0].Samples != 120 || got[1].Shape.Type != state.String {
		t.Fatalf("got %+v", got)
	}
	if got[0].Shape.Value.Alts[0].Fields[1].Type.Alts[0].Kind != state.Int {
		t.Errorf("value %+v", got[0].Shape.Value)
	}
}

func TestInferMaps(t *testing.T) {
	names := func(n int, name func(int) string) []transform.Sample {
		var fields []transform.Field
		for i := range n {
			fields = append(fields, transform.Field{Name: name(i), Value: "on"})
		}
		return []transform.Sample{{Key: "flags:a", Type: state.Hash, Fields: fields}, {Key: "flags:b", Type: state.Hash, Fields: fields}}
	}
	letters := func(i int) string { return strings.Repeat("x", i+1) }
	for _, test := range []struct {
		what    string
		samples []transform.Sample
		want    state.Redis
	}{
		{"names that differ in their digits", names(8, func(i int) string { return fmt.Sprint("new-checkout-", i) }), state.Map},
		{"more than a person names", names(65, letters), state.Map},
		{"an address of four lines", names(4, func(i int) string { return fmt.Sprint("line", i) }), state.Hash},
		{"names of a record", names(64, letters), state.Hash},
	} {
		if got := transform.Infer(test.samples, transform.InferOptions{Prefix: "flags:"})[0].Shape.Type; got != test.want {
			t.Errorf("%s: got %s, want %s", test.what, got, test.want)
		}
	}
}

// TestInferReads checks that a sample is read as the engine reads it: a member that stands twice makes no JSON.
func TestInferReads(t *testing.T) {
	for text, want := range map[string]state.Encoding{
		`{"a": 1}`: state.JSON, `{"a": 1, "a": 2}`: state.Text, "\x81\xa1a\x01": state.MsgPack, "\x82\xa1a\x01\xa1a\x02": state.Raw,
		"\x91\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00": state.Raw, // infinite
	} {
		got := transform.Infer([]transform.Sample{{Key: "k:1", Type: state.String, Text: text}}, transform.InferOptions{Prefix: "k:"})[0]
		if got.Shape.Encoding != want || got.Unfit != 0 {
			t.Errorf("%q: got %s, %d unfit, want %s", text, got.Shape.Encoding, got.Unfit, want)
		}
	}
}

func TestInferKeys(t *testing.T) {
	many := func(format string) []string {
		var out []string
		for i := range 12 {
			out = append(out, fmt.Sprintf(format, i))
		}
		return out
	}
	for _, test := range []struct {
		prefix string
		keys   []string
		want   string
	}{
		{"session:", many("session:a%d"), "session:<id>"},
		{"session:", many("session:%d"), "session:<id int>"},
		{"user:", many("user:u%d:cart"), "user:<id>:cart"},
		{"user:", []string{"user:u:cart"}, "user:<id>:<user>"},
		{"u:", []string{"u:a", "u:b:c"}, "u:<rest...>"},
		{"", []string{"abc:1"}, "<rest...>"},
	} {
		var samples []transform.Sample
		for _, k := range test.keys {
			samples = append(samples, transform.Sample{Key: k, Type: state.String, Text: "x"})
		}
		if got := transform.Infer(samples, transform.InferOptions{Prefix: test.prefix})[0].Shape.Keys; got != test.want {
			t.Errorf("%q: got %s, want %s", test.keys[0], got, test.want)
		}
	}
}

// TestInferFits checks the law: what was sampled fits the shape that is proposed, and no string of it is told.
func TestInferFits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		redis := rapid.SampledFrom([]state.Redis{state.String, state.List, state.Set, state.Hash, state.SortedSet, state.Stream, state.Document}).Draw(rt, "type")
		encode := rapid.SampledFrom([]func(any) string{jsonText, packText, func(v any) string { return fmt.Sprint(v) }}).Draw(rt, "encode")
		if redis == state.Document {
			encode = jsonText
		}
		var samples []transform.Sample
		for range rapid.IntRange(1, 8).Draw(rt, "n") {
			s := transform.Sample{Key: "k:" + rapid.StringMatching(`[a-z0-9]{1,4}`).Draw(rt, "key"), Type: redis, TTL: rapid.Int64Range(0, 1e7).Draw(rt, "ttl")}
			switch redis {
			case state.Hash, state.Stream:
				for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 4, rapid.ID).Draw(rt, "names") {
					s.Fields = append(s.Fields, transform.Field{Name: name, Value: encode(anyValue(rt, 2))})
				}
				slices.SortFunc(s.Fields, func(a, b transform.Field) int { return strings.Compare(a.Name, b.Name) })
			case state.SortedSet:
				s.Fields = []transform.Field{{Name: "member", Value: encode(anyValue(rt, 1))}, {Name: "score", Value: fmt.Sprint(rapid.IntRange(-9, 9).Draw(rt, "score"))}}
			default:
				s.Text = encode(anyValue(rt, 3))
			}
			samples = append(samples, s)
		}
		total := 0
		for _, in := range transform.Infer(samples, transform.InferOptions{Prefix: "k:", Values: rapid.Bool().Draw(rt, "values")}) {
			total += in.Samples
			if in.Unfit > 0 {
				rt.Fatalf("%d do not fit %+v\n%+v", in.Unfit, in.Shape, samples)
			}
		}
		if total != len(samples) {
			rt.Fatalf("%d of %d samples are in a group", total, len(samples))
		}
	})
}

func anyValue(t *rapid.T, depth int) any {
	switch n := rapid.IntRange(0, 7).Draw(t, "form"); {
	case n == 0:
		return nil
	case n == 1:
		return rapid.Bool().Draw(t, "bool")
	case n == 2:
		return rapid.Int64().Draw(t, "int")
	case n == 3:
		return rapid.Float64Range(-1e6, 1e6).Draw(t, "float")
	case n <= 5 || depth == 0:
		return rapid.SampledFrom([]string{"", "7", "007", "true", "x y", "é", "\x00"}).Draw(t, "text")
	case n == 6:
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "len") {
			out = append(out, anyValue(t, depth-1))
		}
		return out
	}
	out := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(t, "size") {
		out[rapid.SampledFrom([]string{"a", "b", "id", "2024"}).Draw(t, "name")] = anyValue(t, depth-1)
	}
	return out
}

func jsonText(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// packText writes small MessagePack.
func packText(v any) string {
	switch v := v.(type) {
	case nil:
		return "\xc0"
	case bool:
		if v {
			return "\xc3"
		}
		return "\xc2"
	case int64:
		b := []byte{0xd3}
		for i := 56; i >= 0; i -= 8 {
			b = append(b, byte(uint64(v)>>i))
		}
		return string(b)
	case float64:
		return "\x07"
	case string:
		return string([]byte{0xd9, byte(len(v))}) + v
	case []any:
		out := string([]byte{0x90 | byte(len(v))})
		for _, e := range v {
			out += packText(e)
		}
		return out
	}
	m := v.(map[string]any)
	out := string([]byte{0x80 | byte(len(m))})
	for k, e := range m {
		out += packText(k) + packText(e)
	}
	return out
}
