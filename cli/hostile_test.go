package cli

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyshift.dev/gitsource"
	"keyshift.dev/schema"
)

// canary stands in a file beside the repository. Whoever prints it has read what is not the repository's.
const canary = "canary-7c1f"

// recorder is a tree that writes down every path that is asked for.
type recorder struct {
	fs.FS
	asked []string
}

// Open implements fs.FS.
func (r *recorder) Open(name string) (fs.File, error) {
	r.asked = append(r.asked, name)
	return r.FS.Open(name)
}

const plainSpec = `import "keyshift.dev/schema"
system: schema.#System
system: stores: main: address: "redis://r:1"
`

// leadingOut are repositories that try to read OUT, an absolute path, or a path above them.
var leadingOut = map[string]map[string]string{
	"embed":                {"x.cue": "@extern(embed)\npackage x\n" + plainSpec + "_c: _ @embed(file=\"../outside/canary.txt\", type=text)\nsystem: stores: other: address: _c\n"},
	"embed absolute":       {"x.cue": "@extern(embed)\npackage x\n" + plainSpec + "_c: _ @embed(file=\"OUT/canary.txt\", type=text)\nsystem: stores: other: address: _c\n"},
	"embed without extern": {"x.cue": "package x\n" + plainSpec + "_c: _ @embed(file=\"OUT/canary.txt\", type=text)\nsystem: stores: other: address: \"redis://\\(_c)\"\n"},
	"extern":               {"x.cue": "@extern(\"OUT/canary.wasm\")\npackage x\n" + plainSpec + "f: _ @extern(\"OUT/canary.wasm\", abi=c, sig=\"func(int64): int64\")\n"},
	"replaceWith": {
		"x.cue":                    "package x\nimport \"acme.example/other\"\n" + plainSpec + "_c: other.c\n",
		"cue.mod/local-module.cue": "deps: \"acme.example/other@v0\": replaceWith: \"OUT\"\n"},
	"replaceWith in the module file": {
		"x.cue":              "package x\nimport \"acme.example/other\"\n" + plainSpec + "_c: other.c\n",
		"cue.mod/module.cue": wrongModule + "deps: \"acme.example/other@v0\": {v: \"v0.0.1\", replaceWith: \"OUT\"}\n"},
	"import above":          {"x.cue": "package x\nimport \"acme.example/x/../outside\"\n" + plainSpec + "_c: outside.c\n"},
	"import of a path":      {"x.cue": "package x\nimport \"../outside\"\n" + plainSpec + "_c: outside.c\n"},
	"import absolute":       {"x.cue": "package x\nimport \"OUT\"\n" + plainSpec + "_c: outside.c\n"},
	"import of nothing":     {"x.cue": "package x\nimport \"acme.example/x/./././../../outside:outside\"\n" + plainSpec + "_c: outside.c\n"},
	"module path above":     {"x.cue": "package x\nimport \"../outside\"\n" + plainSpec, "cue.mod/module.cue": "module: \"..@v0\"\nlanguage: version: \"v0.17.0\"\n"},
	"build tag":             {"x.cue": "@if(canary)\npackage x\n" + plainSpec, "y.cue": "package x\n" + plainSpec},
	"tool file":             {"x.cue": "package x\nimport \"tool/file\"\n" + plainSpec + "_c: file.Read & {filename: \"OUT/canary.txt\"}\n"},
	"link":                  {"x.cue": "package x\n" + plainSpec, "LINK y.cue": "OUT/canary.cue"},
	"link to a folder":      {"x.cue": "package x\nimport \"acme.example/x/sub\"\n" + plainSpec + "_c: sub.c\n", "LINK sub": "OUT"},
	"link of the vendored":  {"x.cue": "package x\nimport \"acme.example/other\"\n" + plainSpec + "_c: other.c\n", "LINK cue.mod/pkg": "OUT"},
	"link to the module":    {"x.cue": "package x\n" + plainSpec, "LINK cue.mod/module.cue": "OUT/module.cue"},
	"link through a folder": {"x.cue": "package x\n" + plainSpec, "LINK y.cue": "../outside/canary.cue"},
}

// No file outside the repository is read, whatever a spec tries; the spec is refused, or what it tries means nothing.
func TestNothingOutsideIsRead(t *testing.T) {
	for name, files := range leadingOut {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			out, dir := filepath.Join(top, "outside"), filepath.Join(top, "repository")
			writeTree(t, out, map[string][]byte{
				"canary.txt": []byte(canary), "canary.wasm": []byte(canary), "module.cue": []byte(wrongModule + "// " + canary),
				"canary.cue": []byte("package x\nsystem: stores: c: address: \"" + canary + "\"\n"), "outside.cue": []byte("package outside\nc: \"" + canary + "\"\n"),
			})
			lay(t, dir, out, files)
			var said bytes.Buffer
			Run(t.Context(), Commands{}, []string{"vet", dir, "-v"}, &said, &said)
			if strings.Contains(said.String(), canary) {
				t.Errorf("it was read: %s", &said)
			}
			if strings.HasPrefix(name, "link") && !strings.Contains(said.String(), "TreeRefused") {
				t.Errorf("the link is not refused: %s", &said)
			}
			tree, err := gitsource.ReadDir(dir)
			if err != nil {
				return // refused before anything is evaluated
			}
			r := &recorder{FS: tree}
			desired, err := schema.Evaluate(r, ".")
			if err == nil && len(desired.Stores) != 1 {
				t.Errorf("got %+v", desired.Stores)
			}
			for _, asked := range r.asked {
				if !fs.ValidPath(asked) || slices.Contains(strings.Split(asked, "/"), "..") {
					t.Errorf("it asks for %q", asked)
				}
			}
			if len(r.asked) == 0 {
				t.Error("nothing was asked for: the recorder records nothing")
			}
		})
	}
}

// lay writes a repository; OUT stands for the folder beside it, and LINK before a name makes it a symbolic link.
func lay(t *testing.T, dir, out string, files map[string]string) {
	t.Helper()
	plain := map[string][]byte{}
	if _, own := files["LINK cue.mod/module.cue"]; !own {
		plain["cue.mod/module.cue"] = []byte(wrongModule)
	}
	for name, text := range files {
		if !strings.HasPrefix(name, "LINK ") {
			plain[name] = []byte(strings.ReplaceAll(text, "OUT", out))
		}
	}
	writeTree(t, dir, plain)
	for name, to := range files {
		if link, ok := strings.CutPrefix(name, "LINK "); ok {
			at := filepath.Join(dir, filepath.FromSlash(link))
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(strings.ReplaceAll(to, "OUT", out), at); err != nil {
				t.Fatal(err)
			}
		}
	}
}
