// Package examples holds spec repositories that users start from, and that tests and the demo run:
//
//	for _, c := range examples.Shop() {
//		os.CopyFS(dir, c.Files) // then: git add, git commit -m c.Message
//	}
//
// Each example is a folder that stands on its own: a CUE module with the vendored definitions, a spec, the workflow
// and the hooks that check it in a pull request. before.cue.txt is the spec of its first commit.
package examples

import (
	"embed"
	"io/fs"
	"strings"
	"testing/fstest"
)

//go:embed */*.cue */before.cue.txt */cue.mod */README.md */.github */.pre-commit-config.yaml
var folders embed.FS

// Example is a spec repository and its history.
type Example struct {
	Name    string // of its folder, its CUE package and its spec
	Shows   string
	Commits []Commit // two: what is live, and what is wanted
}

// Commit is one commit of an example's history.
type Commit struct {
	Message string
	Files   fs.FS // the whole tree
}

// All returns every example, by name.
func All() []Example {
	return []Example{
		example("accounts", "a JSON string becomes a hash under another key (re-key with re-type)",
			"accounts: JSON strings, 1.0.0", "accounts: hashes under a key of their own, 2.0.0"),
		example("cart", "a hash with a JSON field, open to fields of other teams",
			"cart: at 1.0.0", "cart: owner_id and a count, 2.0.0"),
		example("flags", "a hash as a map: every entry is a unit",
			"flags: words, 1.0.0", "flags: digits, 2.0.0"),
		example("jobs", "a list of jobs that drains instead of being rewritten",
			"jobs: at 1.0.0", "jobs: with tries, 2.0.0"),
		example("leaderboard", "a sorted set, and a component that only reads",
			"leaderboard: numbers, 1.0.0", "leaderboard: prefixed members, 2.0.0"),
		example("profile", "a hash over two versions in one pass, and an external reader",
			"profile: at 1.0.0", "profile: at 3.0.0, over 2.0.0"),
		example("ratelimit", "counters that move to another key (re-key)",
			"ratelimit: rate:<ip>", "ratelimit: rl:{<ip>}:minute"),
		example("sessions", "web sessions as JSON strings, with a time to live",
			"sessions: at 1.0.0, web 3.8.0", "sessions: at 2.0.0, web 4.0.0 over the bridge 3.9.0"),
		example("shop", "sessions as a hash; the repository of the demo",
			"shop: sessions at 1.0.0, checkout 1.4.0", "shop: sessions at 2.0.0, checkout 2.0.0 over the bridge 1.5.0"),
	}
}

// Shop is the history of the shop's repository: sessions at 1.0.0 under release 1.4.0 of checkout, then 2.0.0 of both
// with a bridge. To revert the second commit removes the newer version, its migration and the bridge from the tree.
func Shop() []Commit {
	return example("shop", "", "shop: sessions at 1.0.0, checkout 1.4.0",
		"shop: sessions at 2.0.0, checkout 2.0.0 over the bridge 1.5.0").Commits
}

func example(name, shows, before, after string) Example {
	return Example{Name: name, Shows: shows, Commits: []Commit{
		{Message: before, Files: tree(name, "before.cue.txt")},
		{Message: after, Files: tree(name, name+".cue")},
	}}
}

// tree is the repository of an example with one of its specs.
func tree(example, spec string) fs.FS {
	out := fstest.MapFS{}
	err := fs.WalkDir(folders, example, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		inside := strings.TrimPrefix(name, example+"/")
		switch inside {
		case spec:
			inside = example + ".cue"
		case "before.cue.txt", example + ".cue":
			return nil
		}
		data, err := fs.ReadFile(folders, name)
		out[inside] = &fstest.MapFile{Data: data, Mode: 0o644}
		return err
	})
	if err != nil {
		panic("examples: " + err.Error()) // embedded files are always there
	}
	return out
}
