package schema

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
	"cuelang.org/go/mod/modfile"

	"keyshift.dev/state"
)

// own is what the file names of our definitions begin with. No path of a repository does.
const own = "//keyshift.dev/schema/"

// vendored is where a repository keeps packages of other modules.
const vendored = "cue.mod/pkg"

// loader loads packages of one module from an in-memory tree. It reads nothing else: imports resolve to the module
// itself, to its cue.mod/pkg, to CUE's standard library, and to our own definitions, which win over vendored ones.
type loader struct {
	files    fs.FS
	root     string // of the module, slash-separated; "." if it is the repository's
	module   string // its path without the major version
	language parser.Option
	build    *build.Context
	loading  map[string]bool // directories whose imports are being loaded
	problems state.Diagnostics
}

// load parses the package in dir and all it imports, and leaves parts of the package out.
func load(files fs.FS, dir string, without cuts) (*build.Instance, state.Diagnostics) {
	dir = path.Clean(strings.TrimPrefix(path.Clean("/"+dir), "/"))
	if dir == "" {
		dir = "."
	}
	l := &loader{files: files, build: build.NewContext(), loading: map[string]bool{}}
	if !l.findModule(dir) {
		return nil, l.problems
	}
	l.checkEdition()
	var inst *build.Instance
	if files := l.packageIn(dir, ""); files != nil {
		if !without.from(files) {
			l.problem(state.Pos{File: dir}, "not-cut", "a part is written in a way that cannot be left out", "mend the other mistakes first")
		}
		inst = l.complete(dir, l.closing(files), l.importer)
	}
	if inst == nil && len(l.problems) == 0 {
		l.problem(state.Pos{File: dir, Line: 1, Column: 1}, "no-package", "no CUE file with a package clause in "+strconv.Quote(dir),
			"name the folder that holds the spec, or run `keyshift init` in it")
	}
	return inst, l.problems
}

func (l *loader) problem(pos state.Pos, code, message, hint string) {
	l.problems = append(l.problems, state.Diagnostic{Code: code, Pos: pos, Message: message, Hint: hint})
}

// findModule looks for cue.mod/module.cue in dir and above it.
func (l *loader) findModule(dir string) bool {
	for root := dir; ; root = path.Dir(root) {
		name := path.Join(root, "cue.mod/module.cue")
		data, err := fs.ReadFile(l.files, name)
		if err == nil {
			l.root = root
			return l.readModule(name, data)
		}
		if root == "." {
			l.problem(state.Pos{File: path.Join(dir, "cue.mod/module.cue"), Line: 1, Column: 1}, "no-module",
				"the spec is in no CUE module: there is no cue.mod/module.cue in its folder or above it", "run `keyshift init`")
			return false
		}
	}
}

func (l *loader) readModule(name string, data []byte) bool {
	local := path.Join(l.root, "cue.mod/local-module.cue")
	if _, err := fs.Stat(l.files, local); err == nil {
		l.problem(state.Pos{File: local, Line: 1, Column: 1}, "import-denied",
			"local-module.cue replaces modules by folders, which is refused", "vendor what the spec imports under "+vendored)
		return false
	}
	if !utf8.Valid(data) {
		l.problem(state.Pos{File: name, Line: 1, Column: 1}, "not-utf8", "the file is not valid UTF-8", "save it as UTF-8")
		return false
	}
	f, err := modfile.ParseNonStrict(data, name)
	if err != nil {
		l.problems = append(l.problems, fromCUE(err, state.Pos{File: name, Line: 1, Column: 1})...)
		return false
	}
	if l.replaces(name, data) {
		return false
	}
	l.module, _, _ = strings.Cut(f.Module, "@")
	version := "v0.17.0"
	if f.Language != nil && f.Language.Version != "" {
		version = f.Language.Version
	}
	l.language = parser.Version(version)
	return true
}

// replaces refuses a module file that replaces a module by a folder.
func (l *loader) replaces(name string, data []byte) bool {
	f, err := parser.ParseFile(name, data)
	if err != nil {
		return false // which the module file's own parser has told
	}
	found := false
	ast.Walk(f, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok && !found {
			label, _, err := ast.LabelName(field.Label)
			if found = err == nil && label == "replaceWith"; found {
				l.problem(position(field.Pos()), "import-denied", "replaceWith takes a module from elsewhere, which is refused", "vendor what the spec imports under "+vendored)
			}
		}
		return true
	}, nil)
	return found
}

// checkEdition refuses vendored definitions that are newer than ours.
func (l *loader) checkEdition() {
	dir := path.Join(l.root, vendored, ModulePath)
	for _, name := range l.sources(dir) {
		data, err := fs.ReadFile(l.files, name)
		if err != nil {
			continue
		}
		f, err := parser.ParseFile(name, data)
		if err != nil {
			continue // ours are used; stock CUE tells what is wrong with these
		}
		for _, d := range f.Decls {
			field, ok := d.(*ast.Field)
			if !ok {
				continue
			}
			lit, _ := field.Value.(*ast.BasicLit)
			if label, _, _ := ast.LabelName(field.Label); label != "#Edition" || lit == nil {
				continue
			}
			if n, err := strconv.Atoi(lit.Value); err != nil || n > Edition {
				l.problem(position(lit.Pos()), "schema-newer",
					"the vendored definitions are of edition "+lit.Value+", this program knows edition "+strconv.Itoa(Edition),
					"upgrade Keyshift, or vendor its own definitions with `keyshift vendor`")
			}
		}
	}
}

// sources lists the CUE files of a folder that belong to packages, as CUE's own loader chooses them.
func (l *loader) sources(dir string) []string {
	entries, err := fs.ReadDir(l.files, dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		n := e.Name()
		ignored := strings.HasPrefix(n, "_") || strings.HasPrefix(n, ".") || strings.HasSuffix(n, "_tool.cue") || strings.HasSuffix(n, "_test.cue")
		if e.Type().IsRegular() && strings.HasSuffix(n, ".cue") && !ignored {
			names = append(names, path.Join(dir, n))
		}
	}
	return names
}

// loadDir loads the package of a folder that is imported, nil if there is none or after a problem.
func (l *loader) loadDir(dir, pkg string) *build.Instance {
	files := l.packageIn(dir, pkg)
	if files == nil {
		return nil
	}
	return l.complete(dir, files, l.importer)
}

// packageIn parses the package of a folder: its files, and those of the same package in the folders above it within
// the module. pkg is empty if the folder has only one. It returns nil if there is none or after a problem.
func (l *loader) packageIn(dir, pkg string) []*ast.File {
	before := len(l.problems)
	var files []*ast.File
	for _, name := range l.sources(dir) {
		f := l.parse(name)
		if f == nil || f.PackageName() == "" || pkg != "" && f.PackageName() != pkg {
			continue
		}
		if len(files) > 0 && f.PackageName() != files[0].PackageName() {
			l.problem(position(f.Pos()), "several-packages",
				"the folder holds the packages "+files[0].PackageName()+" and "+f.PackageName(), "keep one package in a folder")
			return nil
		}
		files = append(files, f)
	}
	if len(files) == 0 || len(l.problems) > before {
		return nil
	}
	pkg = files[0].PackageName()
	for up := dir; up != l.root && up != "." && !strings.HasPrefix(dir, path.Join(l.root, "cue.mod")); {
		up = path.Dir(up)
		for _, name := range l.sources(up) {
			if f := l.parse(name); f != nil && f.PackageName() == pkg {
				files = append(files, f)
			}
		}
	}
	return files
}

// complete makes an instance of parsed files and loads what they import.
func (l *loader) complete(dir string, files []*ast.File, importer build.LoadFunc) *build.Instance {
	if l.loading[dir] {
		l.problem(position(files[0].Pos()), "import-cycle", "the package imports itself through others", "break the cycle of imports")
		return nil
	}
	l.loading[dir] = true
	defer delete(l.loading, dir)
	inst := l.build.NewInstance(dir, importer)
	inst.PkgName = files[0].PackageName()
	for _, f := range files {
		if err := inst.AddSyntax(f); err != nil {
			l.problems = append(l.problems, fromCUE(err, state.Pos{File: f.Filename, Line: 1, Column: 1})...)
		}
	}
	if err := inst.Complete(); err != nil {
		l.problems = append(l.problems, fromCUE(err, state.Pos{File: files[0].Filename, Line: 1, Column: 1})...)
		return nil
	}
	return inst
}

// parse reads and parses one file, nil after a problem.
func (l *loader) parse(name string) *ast.File {
	data, err := fs.ReadFile(l.files, name)
	if err != nil {
		l.problem(state.Pos{File: name, Line: 1, Column: 1}, "unreadable", err.Error(), "commit it as a regular file")
		return nil
	}
	if !utf8.Valid(data) {
		l.problem(state.Pos{File: name, Line: 1, Column: 1}, "not-utf8", "the file is not valid UTF-8", "save it as UTF-8")
		return nil
	}
	f, err := parser.ParseFile(name, data, l.language, parser.ParseComments)
	if err != nil {
		for _, d := range fromCUE(err, state.Pos{File: name, Line: 1, Column: 1}) {
			d.Code, d.Hint = "parse", "mend the syntax there or just before"
			l.problems = append(l.problems, d)
		}
		return nil
	}
	if !l.plain(f) {
		return nil
	}
	return f
}

// plain refuses what would make the spec depend on more than its files: build tags and external interpreters.
func (l *loader) plain(f *ast.File) bool {
	for _, d := range f.Decls {
		attr, ok := d.(*ast.Attribute)
		if !ok {
			continue
		}
		if key, _ := attr.Split(); key == "extern" || key == "if" || key == "ignore" {
			l.problem(position(attr.Pos()), "unsupported", "@"+key+" is not supported in a spec",
				"remove it: a spec is evaluated from its CUE files alone")
			return false
		}
	}
	return true
}

// importer resolves an import of the user's tree.
func (l *loader) importer(pos token.Pos, importPath string) *build.Instance {
	ip := ast.ParseImportPath(importPath)
	first, _, _ := strings.Cut(ip.Path, "/")
	switch {
	case ip.Path == ModulePath:
		return l.definitions()
	case path.Clean(ip.Path) != ip.Path || path.IsAbs(ip.Path) || first == "..":
		l.problem(position(pos), "import-denied", strconv.Quote(ip.Path)+" is not the path of a package", "name packages by their module's path, without . and ..")
		return nil
	case first == "tool":
		l.problem(position(pos), "import-denied", "packages of CUE's tool layer are refused in a spec", "remove the import of "+strconv.Quote(ip.Path))
		return nil
	case ip.Path == l.module || strings.HasPrefix(ip.Path, l.module+"/"):
		rest := strings.TrimPrefix(strings.TrimPrefix(ip.Path, l.module), "/")
		return l.imported(pos, ip, path.Join(l.root, rest))
	case !strings.Contains(first, "."):
		return nil // the standard library
	}
	return l.imported(pos, ip, path.Join(l.root, vendored, ip.Path))
}

func (l *loader) imported(pos token.Pos, ip ast.ImportPath, dir string) *build.Instance {
	before := len(l.problems)
	inst := l.loadDir(dir, ip.Qualifier)
	if inst == nil && len(l.problems) == before {
		l.problem(position(pos), "import-denied", "the repository does not hold the package "+strconv.Quote(ip.Path),
			"nothing is fetched: vendor it under "+path.Join(vendored, ip.Path))
	}
	return inst
}

// definitions loads our own schema, once.
func (l *loader) definitions() *build.Instance {
	return l.complete(own, parseDefinitions(), func(token.Pos, string) *build.Instance { return nil })
}

// parseDefinitions parses our own schema.
func parseDefinitions() []*ast.File {
	names, err := fs.Glob(definitions, "*.cue")
	if err != nil {
		panic("schema: " + err.Error())
	}
	slices.Sort(names)
	var files []*ast.File
	for _, name := range names {
		data, err := definitions.ReadFile(name)
		if err != nil {
			panic("schema: " + err.Error())
		}
		f, err := parser.ParseFile(own+name, data)
		if err != nil {
			panic("schema: " + err.Error())
		}
		files = append(files, f)
	}
	return files
}
