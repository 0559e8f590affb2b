package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed starter.cue.txt
var starter string

type initOptions struct {
	output
	dir    string
	module string
}

var (
	moduleName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9._-]*)*(@v[0-9]+)?$`)
	notName    = regexp.MustCompile(`[^a-z0-9]+`)
)

func newInit() *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Start a spec: a CUE module with a commented example and the definitions",
		Long: `Init writes a CUE module into DIR: cue.mod/module.cue, a commented spec.cue to change, and the definitions
that it imports, so that keyshift vet and the stock cue vet work offline. It overwrites nothing.`,
		Example: "  keyshift init my-shop",
		Args:    cobra.MaximumNArgs(1),
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
	if o.module == "" {
		o.module = "example.com/" + name
	}
	if !moduleName.MatchString(o.module) {
		return o.fail(fmt.Errorf("--module %q is not a module path; write one like acme.example/shop", o.module))
	}
	if !strings.Contains(o.module, "@") {
		o.module += "@v0"
	}
	files := map[string]string{
		"cue.mod/module.cue": fmt.Sprintf("module: %q\nlanguage: version: \"v0.17.0\"\n", o.module),
		"spec.cue":           strings.ReplaceAll(starter, "PACKAGE", name),
	}
	for path := range files {
		if _, err := os.Lstat(filepath.Join(o.dir, path)); err == nil {
			return o.fail(fmt.Errorf("%s exists already; init overwrites nothing", filepath.Join(o.dir, path)))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return o.fail(err)
		}
	}
	for path, content := range files {
		if err := writeFile(filepath.Join(o.dir, path), []byte(content)); err != nil {
			return o.fail(err)
		}
	}
	if _, err := vendor(o.dir); err != nil {
		return o.fail(err)
	}
	o.printf("wrote %s\nnext: keyshift vet %s\n", filepath.Join(o.dir, "spec.cue"), o.dir)
	return nil
}

// packageName makes a CUE package name of a folder's name.
func packageName(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	name := notName.ReplaceAllString(strings.ToLower(filepath.Base(abs)), "")
	if name = strings.TrimLeft(name, "0123456789"); name == "" {
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
