package transform

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyshift.dev/state"
	"pgregory.net/rapid"
)

// mangle makes a unit that its version refuses, now and then, so that a room is left in every state.
func mangle(t *rapid.T, u Unit) Unit {
	switch rapid.IntRange(0, 5).Draw(t, "mangled") {
	case 0:
		u.Text = u.Text[:len(u.Text)/2]
	case 1:
		if len(u.Fields) > 1 {
			u.Fields = u.Fields[1:]
		}
	case 2:
		if len(u.Fields) > 0 {
			u.Fields = slices.Clone(u.Fields)
			u.Fields[0].Value = "{"
		}
	}
	return u
}

// What is brought in a room in which others were before, and others are after, is what is brought in a new one.
func TestRoomIsAsNew(t *testing.T) {
	wires := []func(*state.Shape){
		func(s *state.Shape) { s.Type = state.Hash },
		func(s *state.Shape) { s.Type, s.Encoding = state.String, state.JSON },
		func(s *state.Shape) { s.Type, s.Encoding = state.String, state.MsgPack },
		func(s *state.Shape) { s.Type = state.Document },
	}
	rapid.Check(t, func(t *rapid.T) {
		var room Room
		k := randomChain(t, state.String)
		plain, err := Compile(k)
		if err != nil {
			t.Fatal(err)
		}
		for i := range k.Shapes {
			wires[rapid.IntRange(0, len(wires)-1).Draw(t, "wire")](&k.Shapes[i])
			k.Shapes[i].Keys = []string{"one:<id>", "two:<id>", "six:<id>"}[i]
		}
		p, err := Compile(k)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(t, "pages") {
			var got, want []Brought
			var edits, wantEdits []Edit
			for range rapid.IntRange(1, 12).Draw(t, "units") {
				v, err := plain.Decode("1.0.0", randomUnit(t, k, state.String))
				if err != nil {
					continue
				}
				u, err := p.Encode("1.0.0", nil, v)
				if err != nil {
					continue
				}
				u.Key, u.TTL = "one:1", 0
				u = mangle(t, u)
				to := rapid.SampledFrom([]state.Version{"1.0.0", "2.0.0", "3.0.0"}).Draw(t, "to")
				b, w := p.Bring(u, to, &room), p.Bring(u, to, new(Room))
				got, want = append(got, b), append(want, w)
				if w.From == "" {
					continue
				}
				if x, y := p.Returns(u, b.After, b.From, to, &room), p.Returns(u, w.After, w.From, to, new(Room)); x != y {
					t.Fatalf("%+v returns: %t, and %t in a new room", u, x, y)
				}
				if u.IsHash() && b.After.IsHash() {
					edits = append(edits, Diff(u, b.After, p.Reads(b.From, to), &room))
					wantEdits = append(wantEdits, Diff(u, w.After, p.Reads(b.From, to), new(Room)))
				}
			}
			if !reflect.DeepEqual(got, want) || fmt.Sprint(edits) != fmt.Sprint(wantEdits) {
				t.Fatalf("got  %+v\nwant %+v\nedits %+v\nwant  %+v", got, want, edits, wantEdits)
			}
			texts := make([]string, len(got))
			for i := range got {
				texts[i] = got[i].After.Text
			}
			room.Reset()
			for i := range texts {
				if texts[i] != want[i].After.Text {
					t.Fatalf("the text %q became %q", want[i].After.Text, texts[i])
				}
			}
		}
	})
}

// The same, of programs that walk lists and objects, and of documents larger than a room keeps.
func TestRoomOfManyMembers(t *testing.T) {
	item := structType(req("n", state.Int), req("s", state.Str))
	next := structType(req("s", state.Str), req("m", state.Int))
	bump := each(at("items"), structOf(set("s", variable("x", "s")), set("m", call(state.OpAdd, variable("x", "n"), lit(integer("1"))))))
	drop := each(at("items"), structOf(set("n", call(state.OpSub, variable("x", "m"), lit(integer("1")))), set("s", variable("x", "s"))))
	for _, encoding := range []state.Encoding{state.JSON, state.MsgPack} {
		of := func(e state.Type) state.Shape {
			return state.Shape{Type: state.String, Encoding: encoding, Value: structType(state.Field{Name: "items", Type: listType(e)})}
		}
		p, err := Compile(pair(of(item), of(next), structOf(set("items", bump)), structOf(set("items", drop))))
		if err != nil {
			t.Fatal(err)
		}
		var room Room
		var got, want []Brought
		for i, n := range []int{3, 9, 700, 1, 6000, 2, 12, 40, 5} {
			var b strings.Builder
			for j := range n {
				fmt.Fprintf(&b, `%s{"n" : %d,"s":"\u00e9%d"}`, []string{"", " , "}[min(j, 1)], j, i)
			}
			u := Unit{Key: "kk:1", Text: `{"items":[` + b.String() + `]}`}
			if encoding == state.MsgPack {
				j := compiledJSON(t, item)
				v, err := j.Decode("1.0.0", u)
				if err != nil {
					t.Fatal(err)
				}
				if u, err = p.Encode("1.0.0", map[string]string{"id": "1"}, v); err != nil {
					t.Fatal(err)
				}
			}
			got = append(got, p.Bring(u, "2.0.0", &room))
			want = append(want, p.Bring(u, "2.0.0", new(Room)))
			if got[i].From == "" {
				t.Fatalf("%s %d: %+v", encoding, n, got[i])
			}
			x, y := p.Returns(u, got[i].After, "1.0.0", "2.0.0", &room), p.Returns(u, want[i].After, "1.0.0", "2.0.0", new(Room))
			if x != y {
				t.Errorf("%s %d returns: %t, and %t in a new room", encoding, n, x, y)
			}
			if i%4 == 3 {
				room.Reset()
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Error("differs")
		}
	}
}

func compiledJSON(t *testing.T, item state.Type) *Programs {
	s := state.Shape{Type: state.String, Encoding: state.JSON, Value: structType(state.Field{Name: "items", Type: listType(item)})}
	return compiled(t, pair(s, s, at(), at()))
}
