package transform

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"keyshift.dev/state"
)

// seeds are texts that broke or might break a reader of JSON.
var seeds = []string{
	``, ` `, `{}`, `[]`, `null`, `"`, `"\`, `"\u12`, `"\ud800"`, `"\ud83d\ude00"`, `"\ud800\ud800"`, `{"\u0061":1,"a":2}`, `{"a":1,"a":1}`,
	`-`, `-0`, `01`, `1.`, `.5`, `1e`, `1e+`, `1e999999999999999999999`, `NaN`, `[1,]`, `{"a":1,}`, `{"a"}`, `{"a":}`, `[1 2]`, "\ufeff{}", "\"\x00\"", "\"\xff\"",
	`{"user_id":1,"name":"Ada","created_ms":1}`, `{"user_id":1.0,"name":"\ud800","created_ms":1e3,"legacy":"x"} `, `tru`, `nullx`, "\"\\u\x11234\"",
	`{"user_id":9007199254740993,"full_name":"","created":-1,"plan":"free"}`,
}

// The parser takes what encoding/json takes, but for duplicate names, deep nesting and bytes that are not UTF-8.
func FuzzParseJSON(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Add(strings.Repeat("[", 2000) + strings.Repeat("]", 2000))
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseJSON(text, nil)
		valid := json.Valid([]byte(text)) && utf8.ValidString(text)
		if err == nil != valid && !errors.Is(err, errDuplicate) && !errors.Is(err, errDepth) {
			t.Fatalf("%q: %v, but valid is %v", text, err, valid)
		}
		if err != nil {
			return
		}
		for i, n := range d.nodes {
			if !json.Valid([]byte(d.raw(int32(i)))) {
				t.Fatalf("%q: value %d is %q", text, i, d.raw(int32(i)))
			}
			var want string
			if n.kind == nodeStr && json.Unmarshal([]byte(d.raw(int32(i))), &want) == nil {
				if got := d.str(int32(i)); got != want && utf8.ValidString(got) {
					t.Fatalf("%q reads as %q, want %q", d.raw(int32(i)), got, want)
				}
			}
		}
	})
}

// Whatever the text: no panic, a reason that tells no value, and a result that is of the target and goes back.
func FuzzConvertJSON(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	p, err := Compile(shop(state.String))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u := Unit{Key: "session:1", Text: text}
		class, reason := p.Classify(u)
		if (class == state.Unfit) != (reason != "") {
			t.Fatalf("class %s with reason %q", class, reason)
		}
		from, ok := p.Source(class, "2.0.0")
		if !ok {
			return
		}
		after, err := p.Convert(u, from, "2.0.0")
		if err != nil {
			return
		}
		if class, reason := p.Classify(after); !class.Has("2.0.0") {
			t.Fatalf("%q became %q of class %s: %s", text, after.Text, class, reason)
		}
		if _, err := p.Convert(after, "2.0.0", "1.0.0"); err != nil {
			t.Fatalf("%q became %q, which does not go back: %v", text, after.Text, err)
		}
	})
}
