package transform

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"keyshift.dev/state"
)

var update = flag.Bool("update", false, "rewrite the results in testdata")

// keyspaces are those that a scenario may name.
var keyspaces = map[string]func() state.Keyspace{
	"shop hash": func() state.Keyspace { return shop(state.Hash) },
	"shop json": func() state.Keyspace { return shop(state.String) },
	"profiles":  profiles,
}

// profiles has nested objects, a list, an open root and a number that a program counts up.
func profiles() state.Keyspace {
	nested := func(name string, fields ...state.Field) state.Field {
		return state.Field{Name: name, Type: state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields}}}}
	}
	k := state.Keyspace{Name: "profile", Version: "2.0.0", Shapes: []state.Shape{
		object("1.0.0", state.String, req("id", state.Int), nested("address", req("street", state.Str), req("zip", state.Int)), opt("tags", state.Array)),
		object("2.0.0", state.String, req("id", state.Int), nested("address", req("street", state.Str), req("postcode", state.Str)), opt("tags", state.Array), req("label", state.Str)),
	}}
	for i := range k.Shapes {
		k.Shapes[i].Value.Alts[0].Open = true
	}
	tags := state.FieldExpr{Name: "tags", Value: at("tags"), Optional: true}
	k.Migrations = []state.Migration{{From: "1.0.0", To: "2.0.0",
		Up: state.Program{Open: true, Body: structOf(
			set("address", structOf(
				set("postcode", call(state.OpConcat, at("address", "zip"))),
				set("street", at("address", "street")))),
			carried("id"),
			set("label", call(state.OpConcat, lit(text("#")), at("id"), lit(text(" ")), at("address", "street"))),
			tags)},
		Down: state.Program{Open: true, Body: structOf(
			set("address", structOf(
				set("street", at("address", "street")),
				set("zip", lit(integer("0"))))),
			carried("id"), tags)},
	}}
	return k
}

// Each archive in testdata is a unit and what becomes of it. Its comment says "KEYSPACE to VERSION".
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(string(archive.Comment)), "\n")
			name, to, found := strings.Cut(lines[len(lines)-1], " to ")
			keyspace, known := keyspaces[name]
			if !found || !known || len(archive.Files) != 2 {
				t.Fatalf("want a comment that ends in \"KEYSPACE to VERSION\", and the files unit and result")
			}
			got := scenario(compiled(t, keyspace()), string(archive.Files[0].Data), state.Version(to))
			if want := string(archive.Files[1].Data); got != want && !*update {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// scenario prints the class of a unit, what it is converted to, and the edit.
func scenario(p *Programs, source string, to state.Version) string {
	var b strings.Builder
	u := unitOf(p, source)
	class, reason := p.Classify(u)
	fmt.Fprintf(&b, "class: %s\n", class)
	if reason != "" {
		fmt.Fprintf(&b, "reason: %s\n", reason)
	}
	from, ok := p.Source(class, to)
	if !ok {
		return b.String()
	}
	after, err := p.Convert(u, from, to)
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
		return b.String()
	}
	if !u.IsHash() {
		fmt.Fprintf(&b, "text:\n%s\n", after.Text)
		return b.String()
	}
	e := Diff(u, after, p.Reads(from, to), new(Room))
	for _, x := range e.Compare {
		fmt.Fprintf(&b, "compare %s: %s\n", x.Name, x.Value)
	}
	for _, name := range e.Absent {
		fmt.Fprintf(&b, "compare %s: absent\n", name)
	}
	fmt.Fprintf(&b, "compare the number of fields: %d\n", e.Fields)
	for _, f := range e.Set {
		fmt.Fprintf(&b, "set %s: %s\n", f.Name, f.Value)
	}
	for _, name := range e.Delete {
		fmt.Fprintf(&b, "delete %s\n", name)
	}
	return b.String()
}

// unitOf reads "name: value" lines as a hash for keyspaces of hashes, anything else as a string.
func unitOf(p *Programs, source string) Unit {
	source = strings.TrimSuffix(source, "\n")
	u := Unit{Key: "session:1"}
	if !p.shapes[0].isParts() {
		u.Text = source
		return u
	}
	for _, line := range strings.Split(source, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		u.Fields = append(u.Fields, Field{name, value})
	}
	return u.Sorted()
}
