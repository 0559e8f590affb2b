package schema_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// TestSuggest writes migrations into specs. Each archive begins with the keyspace and the version, and ends in want:
// the file as it is written, and what was said. What is written must be a spec that holds and whose test passes, unless
// questions are open, and asking again must change nothing.
func TestSuggest(t *testing.T) {
	names, err := filepath.Glob("testdata/suggest/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var keyspace, to string
			if _, err := fmt.Sscan(string(ar.Comment), &keyspace, &to); err != nil {
				t.Fatal(err)
			}
			files := fstest.MapFS{}
			var want []byte
			for _, f := range ar.Files {
				if f.Name == "want" {
					want = f.Data
					continue
				}
				files[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			got := suggested(t, files, keyspace, state.Version(to))
			if bytes.Equal(got, want) {
				return
			}
			if !*update {
				t.Errorf("got\n%s\nwant\n%s", got, want)
				return
			}
			ar.Files = append(ar.Files[:len(files):len(files)], txtar.File{Name: "want", Data: got})
			if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func suggested(t *testing.T, files fstest.MapFS, keyspace string, to state.Version) []byte {
	s, err := schema.Suggest(files, ".", keyspace, to)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, n := range s.Notes {
		fmt.Fprintln(&b, "note:", n)
	}
	for _, q := range s.Questions {
		fmt.Fprintln(&b, "question:", q)
	}
	if s.File == "" {
		return b.Bytes()
	}
	fmt.Fprintf(&b, "%s", s.Content)
	files[s.File] = &fstest.MapFile{Data: s.Content}
	if len(s.Questions) == 0 {
		checkSpec(t, files)
	}
	again, err := schema.Suggest(files, ".", keyspace, to)
	if err != nil {
		t.Fatal(err)
	}
	if again.File != "" {
		t.Errorf("asking again changes the file:\n%s", again.Content)
	}
	return b.Bytes()
}

// checkSpec checks that a spec holds and that its tests pass.
func checkSpec(t *testing.T, files fstest.MapFS) {
	t.Helper()
	d, err := schema.Evaluate(files, ".")
	if err != nil {
		t.Errorf("what was written does not hold: %v", err)
		return
	}
	for _, k := range d.Keyspaces {
		for _, test := range k.Tests {
			if err := transform.RunTest(k, test); err != nil {
				t.Errorf("the written test: %v", err)
			}
		}
	}
}
