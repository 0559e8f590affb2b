package schema_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"keyshift.dev/schema"
	"keyshift.dev/state"
)

var update = flag.Bool("update", false, "rewrite what the corpus expects")

const module = "module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n"

// Each archive of the corpus holds cases: a folder NAME with
//
//	NAME/edit   lines `before => after`, applied in turn to the archive's base.cue; \n and \t stand for themselves
//	NAME/FILE   files of its tree; base.cue becomes x.cue
//	NAME/want   what comes out: diagnostics, or the data one object a line, without places
func TestCorpus(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { runArchive(t, name) })
	}
}

func runArchive(t *testing.T, name string) {
	ar, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]fstest.MapFS{}
	var base string
	for _, f := range ar.Files {
		dir, file, found := strings.Cut(f.Name, "/")
		if !found {
			base = string(f.Data)
			continue
		}
		if cases[dir] == nil {
			cases[dir] = fstest.MapFS{"cue.mod/module.cue": {Data: []byte(module)}}
			if base != "" {
				cases[dir]["x.cue"] = &fstest.MapFile{Data: []byte(base)}
			}
		}
		cases[dir][file] = &fstest.MapFile{Data: f.Data}
	}
	for _, dir := range slices.Sorted(maps.Keys(cases)) {
		t.Run(dir, func(t *testing.T) {
			got := runCase(t, cases[dir])
			setWant(t, ar, dir+"/want", got, cases[dir])
		})
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// escapes are what a line of an edit cannot hold.
var escapes = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\xff`, "\xff")

func runCase(t *testing.T, files fstest.MapFS) string {
	if edit, ok := files["edit"]; ok {
		x := string(files["x.cue"].Data)
		for _, line := range strings.Split(strings.TrimRight(string(edit.Data), "\n"), "\n") {
			before, after, ok := strings.Cut(line, " => ")
			before, after = escapes.Replace(before), escapes.Replace(after)
			if !ok || !strings.Contains(x, before) {
				t.Fatalf("the edit %q does not apply", line)
			}
			x = strings.Replace(x, before, after, 1)
		}
		files["x.cue"] = &fstest.MapFile{Data: []byte(x)}
	}
	d, err := schema.Evaluate(files, ".")
	if err == nil {
		return summary(t, d)
	}
	ds, ok := err.(state.Diagnostics)
	if !ok {
		t.Fatalf("not diagnostics: %v", err)
	}
	for _, one := range ds {
		if one.Pos.File == "" || one.Pos.Line == 0 || one.Pos.Column == 0 || one.Code == "" || one.Message == "" || one.Hint == "" || strings.Contains(one.String(), "\n") {
			t.Errorf("incomplete diagnostic: %+v", one)
		}
		if _, inTree := files[one.Pos.File]; !inTree && one.Code != "no-package" && one.Code != "no-module" {
			t.Errorf("%s is not in the user's tree", one.Pos)
		}
	}
	return ds.Error() + "\n"
}

func setWant(t *testing.T, ar *txtar.Archive, name, got string, files fstest.MapFS) {
	if f, ok := files[path.Base(name)]; ok && string(f.Data) == got {
		return
	}
	if !*update {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", name, got)
		return
	}
	for i := range ar.Files {
		if ar.Files[i].Name == name {
			ar.Files[i].Data = []byte(got)
			return
		}
	}
	last := 0
	for i := range ar.Files {
		if strings.HasPrefix(ar.Files[i].Name, path.Dir(name)+"/") {
			last = i
		}
	}
	ar.Files = slices.Insert(ar.Files, last+1, txtar.File{Name: name, Data: []byte(got)})
}

// summary prints evaluated data one part a line, without places.
func summary(t *testing.T, d state.Desired) string {
	var b strings.Builder
	line := func(v any) {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var plain any
		if err := json.Unmarshal(data, &plain); err != nil {
			t.Fatal(err)
		}
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(withoutPlaces(plain)); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(&b, "system %s\n", d.System)
	for _, s := range d.Stores {
		line(s)
	}
	for _, k := range d.Keyspaces {
		shapes, migrations, tests := k.Shapes, k.Migrations, k.Tests
		k.Shapes, k.Migrations, k.Tests = nil, nil, nil
		line(k)
		for _, s := range shapes {
			line(s)
		}
		for _, m := range migrations {
			line(m)
		}
		for _, x := range tests {
			line(x)
		}
	}
	for _, c := range d.Components {
		line(c)
	}
	for _, w := range d.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

func withoutPlaces(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "pos")
		for k := range v {
			v[k] = withoutPlaces(v[k])
		}
	case []any:
		for i := range v {
			v[i] = withoutPlaces(v[i])
		}
	}
	return v
}
