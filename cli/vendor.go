package cli

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"keyshift.dev/schema"
)

type vendorOptions struct {
	output
	dir string
}

func newVendor() *cobra.Command {
	var o vendorOptions
	c := &cobra.Command{
		Use:   "vendor [DIR]",
		Short: "Write this version's definitions into the module of a folder",
		Long: `Vendor writes the CUE definitions of this version of keyshift under cue.mod/pkg/` + schema.ModulePath + ` of the
module that DIR belongs to, in place of those that are there, so that specs can be checked offline.`,
		Args: oneFolder,
		RunE: func(c *cobra.Command, args []string) error {
			o.dir = oneDir(args)
			o.format = "text"
			if err := o.open(c); err != nil {
				return err
			}
			return o.run()
		},
	}
	return c
}

func (o *vendorOptions) run() error {
	l, err := locate(o.dir)
	if err != nil {
		return o.fail(err)
	}
	changed, err := vendor(l.root)
	if err != nil {
		return o.fail(err)
	}
	where := path.Join(l.shown, "cue.mod/pkg", schema.ModulePath)
	if changed == 0 {
		o.printf("%s is up to date\n", where)
		return nil
	}
	o.printf("%s: %s changed\n", where, count(changed, "file"))
	return nil
}

// definitions is the folder of the definitions in a module.
func definitions(root string) string {
	return filepath.Join(root, "cue.mod", "pkg", filepath.FromSlash(schema.ModulePath))
}

// vendor makes the definitions of a module those of this program: it writes what differs and removes CUE files
// that are no longer part of them. It returns how many files it changed.
func vendor(root string) (changed int, err error) {
	target := definitions(root)
	wanted := map[string]bool{}
	tree := schema.Definitions()
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		wanted[name] = true
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file := filepath.Join(target, filepath.FromSlash(name))
		if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, content) {
			return nil
		}
		changed++
		return writeFile(file, content)
	})
	if err != nil {
		return changed, err
	}
	stale, err := filepath.Glob(filepath.Join(target, "*.cue"))
	if err != nil {
		return changed, err
	}
	for _, file := range stale {
		if wanted[filepath.Base(file)] {
			continue
		}
		if err := os.Remove(file); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}
