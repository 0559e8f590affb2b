// Package examples holds spec repositories that users start from, and that tests and the demo run:
//
//	for _, c := range examples.Shop() {
//		os.CopyFS(dir, c.Files) // then: git add, git commit -m c.Message
//	}
//
// Each example is a folder that stands on its own: a CUE module with the vendored definitions.
package examples

import (
	"embed"
	"io/fs"
	"testing/fstest"
)

//go:embed shop/shop.cue shop/before.cue.txt shop/cue.mod
var shop embed.FS

// Commit is one commit of an example's history.
type Commit struct {
	Message string
	Files   fs.FS // the whole tree
}

// Shop is the history of the shop's repository: sessions at 1.0.0 under release 1.4.0 of checkout, then 2.0.0 of both
// with a bridge. To revert the second commit removes the newer version, its migration and the bridge from the tree.
func Shop() []Commit {
	return []Commit{
		{Message: "shop: sessions at 1.0.0, checkout 1.4.0", Files: shopWith("shop/before.cue.txt")},
		{Message: "shop: sessions at 2.0.0, checkout 2.0.0 over the bridge 1.5.0", Files: shopWith("shop/shop.cue")},
	}
}

// shopWith returns the tree of the repository with one of its specs.
func shopWith(spec string) fs.FS {
	root, err := fs.Sub(shop, "shop")
	if err != nil {
		panic("examples: " + err.Error())
	}
	tree := fstest.MapFS{}
	err = fs.WalkDir(root, "cue.mod", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return add(tree, name, root, name)
	})
	if err == nil {
		err = add(tree, "shop.cue", shop, spec)
	}
	if err != nil {
		panic("examples: " + err.Error()) // embedded files are always there
	}
	return tree
}

func add(tree fstest.MapFS, name string, from fs.FS, source string) error {
	data, err := fs.ReadFile(from, source)
	if err != nil {
		return err
	}
	tree[name] = &fstest.MapFile{Data: data, Mode: 0o644}
	return nil
}
