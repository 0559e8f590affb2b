package demo

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/examples"
	"keyshift.dev/gitsource"
	"keyshift.dev/sandbox"
	"keyshift.dev/state"
)

// evaluate fetches the branch and evaluates it, as the controller does.
func (s *stage) evaluate(ctx context.Context) (state.Desired, error) {
	snapshot, err := gitsource.Fetch(ctx, gitsource.Source{URL: s.git.URL(), Branch: "main"}, s.last)
	if errors.Is(err, gitsource.ErrUnchanged) {
		return state.Desired{}, fmt.Errorf("nothing was pushed since %s", s.last)
	}
	if err != nil {
		return state.Desired{}, err
	}
	s.last = snapshot.Revision
	return sandbox.Evaluate(ctx, snapshot.Files, ".", sandbox.Limits{})
}

// deliver takes the line of the controller, from the branch to the end.
func (s *stage) deliver(ctx context.Context) (apply.Outcome, error) {
	desired, err := s.evaluate(ctx)
	if err != nil {
		return apply.Outcome{}, err
	}
	return apply.Deliver(ctx, s.edges, desired, s.print.event)
}

func (s *stage) push(c examples.Commit) error {
	files := map[string]string{}
	err := fs.WalkDir(c.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(c.Files, name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		return err
	}
	hash, err := s.git.CommitFiles(c.Message, files)
	if err == nil {
		s.print.pushed("git push", hash, c.Message)
	}
	return err
}

func (s *stage) revert() error {
	hash, err := s.git.Revert()
	if err == nil {
		s.print.pushed("git revert HEAD && git push", hash, "deletes the newer version, its migration and the bridge from the tree")
	}
	return err
}

// populate seeds the store and starts the pods of the release that the first commit declares live.
func (s *stage) populate(ctx context.Context) error {
	if err := s.app.Seed(ctx, s.client, V1, s.options.Keys); err != nil {
		return err
	}
	history, err := s.releases(ctx)
	if err != nil {
		return err
	}
	live := history[0].Components[0]
	s.cluster.OnPod(func(ctx context.Context, p cluster.Pod) {
		seed := fnv.New64()
		_, _ = seed.Write([]byte(p.Name)) // a hash takes everything
		s.app.RunPod(ctx, releaseOf(history, p), s.client, int64(seed.Sum64()))
	})
	release, _ := live.FindRelease(live.Release)
	s.cluster.Deploy(*live.Workload, s.options.Pods, release.Images...)
	s.print.populated(s.options, live)
	return nil
}

// releases evaluates the example's history: a pod knows what its image does because somebody built it so.
func (s *stage) releases(ctx context.Context) ([]state.Desired, error) {
	var out []state.Desired
	for _, c := range examples.Shop() {
		d, err := sandbox.Evaluate(ctx, c.Files, ".", sandbox.Limits{})
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// releaseOf returns the release whose image a pod runs.
func releaseOf(history []state.Desired, p cluster.Pod) state.Release {
	for _, d := range history {
		for _, c := range d.Components {
			for _, r := range c.Releases {
				if len(r.Images) > 0 && p.Image(r.Images[0].Container) == r.Images[0].Image {
					return r
				}
			}
		}
	}
	return state.Release{}
}
