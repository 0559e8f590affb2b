package gitsource

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// target is what a source means on one server.
type target struct {
	name    string          // of the branch or tag, empty for a lone commit
	commit  plumbing.Hash   // of a tag only what the server says; zero if only the pack can tell
	objects []plumbing.Hash // to ask for; never empty
	tip     bool            // the commit is what the objects point to, so no history is needed
}

func (t target) unchanged(last string) bool {
	return last != "" && !t.commit.IsZero() && revision(t.name, t.commit.String()) == last
}

func notFound(message string) error {
	return &Error{Reason: GitRefNotFound, Message: message, Hint: "check the name, and that it was pushed"}
}

// resolve finds what the source names among the refs that the server advertises.
func resolve(s Source, refs *packp.AdvRefs) (target, error) {
	switch {
	case s.Commit != "":
		return resolveCommit(s, refs)
	case s.Tag != "":
		full := "refs/tags/" + s.Tag
		h, ok := refs.References[full]
		if !ok {
			return target{}, notFound(fmt.Sprintf("there is no tag %q", s.Tag))
		}
		// A server that does not advertise what an annotated tag points to leaves it to the pack.
		return target{name: s.Tag, commit: refs.Peeled[full], objects: []plumbing.Hash{h}, tip: true}, nil
	case s.Branch != "":
		return resolveBranch(s.Branch, refs)
	}
	name, err := defaultBranch(refs)
	if err != nil {
		return target{}, err
	}
	return resolveBranch(name, refs)
}

func resolveBranch(name string, refs *packp.AdvRefs) (target, error) {
	h, ok := refs.References["refs/heads/"+name]
	if !ok {
		return target{}, notFound(fmt.Sprintf("there is no branch %q", name))
	}
	return target{name: name, commit: h, objects: []plumbing.Hash{h}, tip: true}, nil
}

// resolveCommit asks for the commit alone if the server hands it out, else for the history of its branch, or of
// every branch if none is named.
func resolveCommit(s Source, refs *packp.AdvRefs) (target, error) {
	h := plumbing.NewHash(s.Commit)
	alone := target{name: s.Branch, commit: h, objects: []plumbing.Hash{h}, tip: true}
	if refs.Capabilities.Supports(capability.AllowReachableSHA1InWant) ||
		slices.Contains(slices.Collect(maps.Values(refs.References)), h) {
		return alone, nil
	}
	var tips []plumbing.Hash
	for name, tip := range refs.References {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok && (s.Branch == "" || s.Branch == branch) {
			tips = append(tips, tip)
		}
	}
	if len(tips) == 0 {
		return target{}, notFound(fmt.Sprintf("there is no branch %q to look for the commit", s.Branch))
	}
	plumbing.HashesSort(tips)
	return target{name: s.Branch, commit: h, objects: slices.Compact(tips)}, nil
}

// defaultBranch is where HEAD points to. A server that does not say so is believed by equal commits: main, then
// master, then the first by name.
func defaultBranch(refs *packp.AdvRefs) (string, error) {
	for _, link := range refs.Capabilities.Get(capability.SymRef) {
		if name, ok := strings.CutPrefix(link, "HEAD:refs/heads/"); ok {
			return name, nil
		}
	}
	names := slices.Sorted(maps.Keys(refs.References))
	for _, full := range append([]string{"refs/heads/main", "refs/heads/master"}, names...) {
		name, branch := strings.CutPrefix(full, "refs/heads/")
		if h, ok := refs.References[full]; ok && branch && refs.Head != nil && h == *refs.Head {
			return name, nil
		}
	}
	return "", notFound("the repository has no default branch")
}
