package cli

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed starter
var starters embed.FS

type initOptions struct {
	output
	dir    string
	module string
}

var (
	moduleName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9._-]*)*(@v[0-9]+)?$`)
	notName    = regexp.MustCompile(`[^a-z0-9]+`)

	packageClause = regexp.MustCompile(`(?m)^\s*package\s+\w`)
)

// reserved are the words of CUE that name no package (its specification, "Keywords" and "Literals").
var reserved = []string{"package", "import", "for", "in", "if", "let", "func", "try", "else", "fallback", "otherwise", "true", "false", "null"}

func newInit() *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Start a spec: a CUE module with a commented example and the definitions",
		Long: `Init writes a CUE module into DIR: cue.mod/module.cue, a commented spec.cue to change, and the definitions
that it imports, so that keyshift vet and the stock cue vet work offline. Beside it go a workflow for pull
requests, .github/workflows/keyshift.yaml, and the hooks of .pre-commit-config.yaml; not so in a folder of a
larger Git repository, which has its own. Init keeps what is there and writes what is missing.`,
		Example: "  keyshift init my-shop",
		Args:    oneFolder,
		RunE: func(c *cobra.Command, args []string) error {
			o.dir = oneDir(args)
			o.format = "text"
			if err := o.open(c); err != nil {
				return err
			}
			return o.run()
		},
	}
	c.Flags().StringVar(&o.module, "module", "", "name of the CUE module; made from the folder's name if empty")
	return c
}

func (o *initOptions) run() error {
	name, err := packageName(o.dir)
	if err != nil {
		return o.fail(err)
	}
	missing, err := o.missing(name)
	if err != nil {
		return o.fail(err)
	}
	for _, f := range missing {
		if err := writeFile(filepath.Join(o.dir, f.path), []byte(f.content)); err != nil {
			return o.fail(err)
		}
		o.printf("wrote %s\n", filepath.Join(o.dir, f.path))
	}
	if _, err := os.Lstat(definitions(o.dir)); errors.Is(err, fs.ErrNotExist) {
		if _, err := vendor(o.dir); err != nil {
			return o.fail(err)
		}
	}
	o.printf("next: keyshift vet %s\n", quoted(o.dir))
	return nil
}

// newFile is a file that init writes.
type newFile struct{ path, content string }

// missing returns what has to be written to make a spec of the folder, in order. A module that is there is
// kept; so is a spec, whatever its file is called. It is an error if nothing is missing.
func (o *initOptions) missing(name string) ([]newFile, error) {
	if info, err := os.Stat(o.dir); err == nil && !info.IsDir() {
		return nil, trouble(noFolder, o.dir+" is a file", "name a folder to write the spec to", nil)
	}
	var out []newFile
	module := filepath.Join(o.dir, "cue.mod", "module.cue")
	_, err := os.Lstat(module)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if out, err = o.newModule(name); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case o.module != "":
		return nil, fmt.Errorf("%s exists already and names the module; leave --module out", module)
	}
	spec, err := findSpec(o.dir)
	if err != nil {
		return nil, err
	}
	if spec == "" {
		out = append(out, newFile{"spec.cue", strings.ReplaceAll(starter("spec.cue.txt"), "PACKAGE", name)})
	}
	checks, err := missingChecks(o.dir)
	if err != nil {
		return nil, err
	}
	if out = append(out, checks...); len(out) == 0 {
		return nil, fmt.Errorf("%s exists already; init overwrites nothing", filepath.Join(o.dir, spec))
	}
	return out, nil
}

// missingChecks returns the files that check a spec before it is merged. In a folder of a larger repository they would
// not be found, or be one of several.
func missingChecks(dir string) ([]newFile, error) {
	if within, err := insideRepository(dir); within || err != nil {
		return nil, err
	}
	var out []newFile
	for _, f := range []newFile{
		{".github/workflows/keyshift.yaml", starter("workflow.yaml")},
		{".pre-commit-config.yaml", starter("pre-commit.yaml")},
	} {
		switch _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(f.path))); {
		case errors.Is(err, fs.ErrNotExist):
			out = append(out, f)
		case err != nil:
			return nil, err
		}
	}
	return out, nil
}

// insideRepository tells whether a folder belongs to a Git repository whose root is above it.
func insideRepository(dir string) (bool, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	for at := abs; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at != abs, nil
		}
		if at == filepath.Dir(at) {
			return false, nil
		}
	}
}

// starter is the text of a file to start from.
func starter(name string) string {
	text, err := starters.ReadFile("starter/" + name)
	if err != nil {
		panic("cli: " + err.Error()) // embedded files are always there
	}
	return string(text)
}

func (o *initOptions) newModule(name string) ([]newFile, error) {
	module := cmp.Or(o.module, "example.com/"+name)
	if !moduleName.MatchString(module) {
		return nil, fmt.Errorf("--module %q is not a module path; write one like acme.example/shop", module)
	}
	if !strings.Contains(module, "@") {
		module += "@v0"
	}
	return []newFile{{"cue.mod/module.cue", fmt.Sprintf("module: %q\nlanguage: version: \"v0.17.0\"\n", module)}}, nil
}

// findSpec returns the first file of the folder that belongs to a CUE package, or spec.cue whatever it holds;
// empty if there is none.
func findSpec(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, e := range entries { // sorted
		if e.IsDir() || filepath.Ext(e.Name()) != ".cue" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		if e.Name() == "spec.cue" || packageClause.Match(content) {
			return e.Name(), nil
		}
	}
	return "", nil
}

// packageName makes a CUE package name of a folder's name.
func packageName(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	name := notName.ReplaceAllString(strings.ToLower(filepath.Base(abs)), "")
	if name = strings.TrimLeft(name, "0123456789"); name == "" || slices.Contains(reserved, name) {
		name = "spec"
	}
	return name, nil
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
