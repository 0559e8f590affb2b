package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

const (
	imagesTimeout = 10 * time.Second // for the answers to all images of a plan
	imagesAsked   = 4                // components whose images are asked for at once
)

// ImageCheck is what the registry says of an image that a part of a plan with a rewrite may need.
type ImageCheck struct {
	Step      int          `json:"step"` // index into the plan's steps: that needs it
	Component string       `json:"component"`
	Release   string       `json:"release"`
	Image     string       `json:"image"`
	Back      bool         `json:"back,omitempty"` // the release runs now: what needs the image is the way back from the step
	Pull      cluster.Pull `json:"pull"`
	Why       string       `json:"reason,omitempty"` // why it cannot be pulled, or why that is not known
	container string
}

// named names the image and what it is of: "image ghcr.io/acme/checkout:2.0.0 of checkout 2.0.0".
func (c ImageCheck) named() string {
	return fmt.Sprintf("image %s of %s %s", c.Image, c.Component, c.Release)
}

// String says it to people, without the step.
func (c ImageCheck) String() string {
	switch {
	case !c.Pull.Fails():
		return fmt.Sprintf("whether %s can be pulled is not known: %s", c.named(), c.Why)
	case c.Back:
		return fmt.Sprintf("%s, which runs now, cannot be pulled any more, so that there would be no way back: %s", c.named(), c.Why)
	}
	return fmt.Sprintf("%s cannot be pulled: %s", c.named(), c.Why)
}

// WayOut is what a person can do about it.
func (c ImageCheck) WayOut() string {
	switch {
	case !c.Pull.Fails():
		return "see whether its registry can be reached from here"
	case c.Pull == cluster.PullDenied:
		return "mend the pull secret of the workload of " + c.Component
	case c.Back:
		return "push it again"
	}
	return "push it, or mend its name in the release"
}

// Images asks for every image that a plan may need in either direction once it has written data, and returns what is not
// known to be there. That one is missing is no error: Deliver holds its part. The error is the context's.
func Images(ctx context.Context, e Edges, s Situation, p plan.Plan) ([]ImageCheck, error) {
	return newAdmission(e).images(ctx, s, p)
}

// lacking holds the parts that need an image which cannot be pulled: found out in the middle, the data would be rewritten
// for a release that never starts, or could not be given back to the one that did run.
func (a *admission) lacking(ctx context.Context, s Situation, p plan.Plan) (holds []diff.Change, err error) {
	a.unclear = nil
	checks, err := a.images(ctx, s, p)
	if err != nil {
		return nil, err
	}
	fails := map[int][]ImageCheck{}
	for _, c := range checks {
		if part := p.Steps[c.Step].Part; c.Pull.Fails() {
			fails[part] = append(fails[part], c)
		} else {
			a.unclear = append(a.unclear, c)
		}
	}
	for i, step := range p.Steps {
		if found := fails[step.Part]; p.First(i) && len(found) > 0 {
			holds = append(holds, imageless(p, step, found))
		}
	}
	return holds, nil
}

// imageless holds the part that begins with a step, for want of images.
func imageless(p plan.Plan, first plan.Step, checks []ImageCheck) diff.Change {
	var reasons, ways []string
	for _, c := range checks {
		what := "%s (needed by %s)"
		if c.Back {
			what = "%s (from %s)"
		}
		reasons = append(reasons, fmt.Sprintf(what, c, p.Steps[c.Step]))
		if way := c.WayOut(); !slices.Contains(ways, way) {
			ways = append(ways, way)
		}
	}
	change := holdOf(first, ImageMissing, "is not begun: "+strings.Join(reasons, "; "))
	change.WayOut = strings.Join(ways, "; ") + "; or go without this check (--skip-image-check)"
	return change
}

// warn tells, once of each image, that nobody knows whether it can be pulled.
func (a *admission) warn(p plan.Plan, tell func(Event)) {
	fresh := slices.DeleteFunc(slices.Clone(a.unclear), func(c ImageCheck) bool { return slices.Contains(a.warned, c.Image) })
	if len(fresh) == 0 {
		return
	}
	var said []string
	for _, c := range fresh {
		if a.warned = append(a.warned, c.Image); len(said) < 3 {
			said = append(said, c.String())
		}
	}
	if more := len(fresh) - len(said); more > 0 {
		said = append(said, fmt.Sprintf("and of %d more images", more))
	}
	tell(Event{Kind: ImagesUnclear, Plan: p, Index: fresh[0].Step, Step: p.Steps[fresh[0].Step], Err: fmt.Errorf("%s", strings.Join(said, "; "))})
}

// images asks for what a plan needs and was not asked for before, and returns what is not known to be there.
func (a *admission) images(ctx context.Context, s Situation, p plan.Plan) (out []ImageCheck, err error) {
	if a.edges.Cluster == nil || a.edges.SkipImages {
		return nil, nil
	}
	checks := needed(s, p)
	a.recall(s.Want, checks)
	if err := a.pull(ctx, s.Want, checks); err != nil {
		return nil, err
	}
	for _, c := range checks {
		answer := a.pulled[c.key()]
		if c.Pull, c.Why = answer.Pull, answer.Why; c.Pull != cluster.PullWorks {
			out = append(out, c)
		}
	}
	return out, nil
}

// imageKey is one question to a registry: the credentials are those of the component.
type imageKey struct{ component, container, image string }

func (c ImageCheck) key() imageKey { return imageKey{c.Component, c.container, c.Image} }

// pull asks for images, those of a component together. The error is the context's: a registry that does not answer in time
// is an answer.
func (a *admission) pull(ctx context.Context, want state.Desired, checks []ImageCheck) error {
	asking := map[string][]state.Image{}
	for _, c := range checks {
		image := state.Image{Container: c.container, Image: c.Image}
		if _, known := a.pulled[c.key()]; !known && !slices.Contains(asking[c.Component], image) {
			asking[c.Component] = append(asking[c.Component], image)
		}
	}
	limited, cancel := context.WithTimeout(ctx, imagesTimeout)
	defer cancel()
	turns := make(chan struct{}, imagesAsked)
	var all sync.WaitGroup
	var mu sync.Mutex
	for name, images := range asking {
		c, _ := want.FindComponent(name)
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			answers := a.edges.Cluster.Pullable(limited, c, images)
			mu.Lock()
			defer mu.Unlock()
			for _, x := range answers {
				a.pulled[imageKey{name, x.Image.Container, x.Image.Image}] = x
				a.edges.Pulled.learn(c, x, a.edges.now())
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// needed returns the images that the parts of a plan need that rewrite something: those of releases that components are
// brought to, or started with, and for the way back those that run now. What goes back already is not asked about: it
// mends what failed.
func needed(s Situation, p plan.Plan) (out []ImageCheck) {
	for i, step := range p.Steps {
		c, declared := s.Want.FindComponent(step.Object)
		if !step.OnComponent() || !declared || c.External || s.goesBack(p.Parts[step.Part]) || !rewrites(p, step.Part) {
			continue
		}
		live, _ := s.Have.FindRunning(c.Name)
		out = needing(out, c, append(slices.Clone(live.Releases), live.Template), ImageCheck{Step: i, Back: true})
		switch {
		case step.Kind == plan.Rollout:
			out = needing(out, c, []string{step.To}, ImageCheck{Step: i})
		case step.To == plan.BackUp:
			out = needing(out, c, step.From, ImageCheck{Step: i})
		}
	}
	return out
}

// needing adds the images of releases of a component. One that is there already is there once, and for the way forward if
// both ways need it.
func needing(out []ImageCheck, c state.Component, releases []string, of ImageCheck) []ImageCheck {
	for _, name := range releases {
		r, _ := c.FindRelease(name)
		for _, image := range r.Images {
			of.Component, of.Release, of.container, of.Image = c.Name, name, image.Container, image.Image
			switch at := slices.IndexFunc(out, func(x ImageCheck) bool { return x.key() == of.key() }); {
			case at < 0:
				out = append(out, of)
			case out[at].Back && !of.Back:
				out[at] = of
			}
		}
	}
	return out
}

// rewrites tells whether a part of a plan rewrites a keyspace.
func rewrites(p plan.Plan, part int) bool {
	return slices.ContainsFunc(p.Steps, func(x plan.Step) bool { return x.Kind == plan.Rewrite && x.Part == part })
}
