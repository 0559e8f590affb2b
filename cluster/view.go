package cluster

import (
	"cmp"
	"slices"

	"keyshift.dev/state"
)

// view is a workload and its pods as one look saw them. Both clusters make one; everything that is decided
// is decided from it.
type view struct {
	missing  bool            // the workload does not exist; it may have pods still
	seen     bool            // its controller has seen the present template
	template []state.Image   // of the present template, one for each container
	started  [][]state.Image // of older templates from which its controller may still start pods
	manager  string          // who else set the template last, of the in-memory twin
	stopped  string          // why its controller has given up or was told to wait; empty if it has not
	pods     []podView
	scaling  // what is asked for
}

// podView is one pod that may run a program.
type podView struct {
	name        string
	images      []state.Image // of its own containers
	owner       []state.Image // of the template it was made from; nil if that is unknown
	ready       bool
	terminating bool
	reason      string // why it is not ready, or has not gone
}

// match returns the release that the images are of, and whether there is one. A release matches if each
// container it lists has exactly its image; the one that lists the most containers wins, then the desired
// one, then the last.
func match(c state.Component, images []state.Image) (string, bool) {
	best, found := state.Release{}, false
	for _, r := range c.Releases {
		if len(r.Images) == 0 || !runs(r, images) {
			continue
		}
		if found && (len(r.Images) < len(best.Images) || len(r.Images) == len(best.Images) && best.Name == c.Release) {
			continue
		}
		best, found = r, true
	}
	return best.Name, found
}

// runs tells whether every container that the release lists has its image.
func runs(r state.Release, images []state.Image) bool {
	for _, want := range r.Images {
		if !slices.Contains(images, want) {
			return false
		}
	}
	return true
}

// of returns the release of a pod. Its own images decide; where an admission webhook has rewritten them (a
// registry mirror), those of the template it was made from.
func (p podView) of(c state.Component) (string, bool) {
	if name, ok := match(c, p.images); ok {
		return name, true
	}
	return match(c, p.owner)
}

// unknown returns the images that keep a set from matching any release: those of the containers that releases
// list and whose image none of them has; if each is known alone, all of those containers; if there is no such
// container, all.
func unknown(c state.Component, images []state.Image) []state.Image {
	var listed, strange []state.Image
	for _, i := range images {
		named, known := false, false
		for _, r := range c.Releases {
			for _, want := range r.Images {
				named = named || want.Container == i.Container
				known = known || want == i
			}
		}
		if named {
			listed = append(listed, i)
		}
		if named && !known {
			strange = append(strange, i)
		}
	}
	switch {
	case len(strange) > 0:
		return strange
	case len(listed) > 0:
		return listed
	default:
		return images
	}
}

// running makes the observation of a component of a system from one look at its workload.
func running(system string, c state.Component, v view) state.Running {
	out := state.Running{Component: c.Name, Missing: v.missing, Desired: v.replicas}
	note := func(images []state.Image) string {
		name, ok := match(c, images)
		if ok {
			out.Releases = append(out.Releases, name)
		} else {
			out.Unknown = append(out.Unknown, unknown(c, images)...)
		}
		return name
	}
	v.stop(system, &out)
	switch {
	case out.Stopped && v.seen: // its template starts nothing
		if out.Template, _ = match(c, v.template); out.Template == "" {
			out.Unknown = append(out.Unknown, unknown(c, v.template)...)
		}
	case !v.missing:
		out.Template = note(v.template)
	}
	for _, images := range v.started {
		note(images)
	}
	pods := map[string]state.Pods{}
	for _, p := range v.pods {
		if p.ready && !p.terminating {
			out.Ready++
		}
		name, ok := p.of(c)
		if !ok {
			out.Unknown = append(out.Unknown, unknown(c, p.images)...)
			continue
		}
		n := pods[name]
		n.Release, n.Count = name, n.Count+1
		if p.terminating {
			n.Terminating++
		}
		pods[name] = n
		out.Releases = append(out.Releases, name)
	}
	for _, n := range pods {
		out.Pods = append(out.Pods, n)
	}
	slices.SortFunc(out.Pods, func(a, b state.Pods) int { return cmp.Compare(a.Release, b.Release) })
	slices.Sort(out.Releases)
	out.Releases = slices.Compact(out.Releases)
	slices.SortFunc(out.Unknown, compareImages)
	out.Unknown = slices.Compact(out.Unknown)
	return out
}

// stop tells whether and by whom the workload was stopped.
func (v view) stop(system string, out *state.Running) {
	ours := v.note.of(system)
	switch {
	case v.note == nil || v.missing:
	case v.inForce() && ours:
		out.Stopped = true
		if !v.note.since.IsZero() {
			out.Since = v.note.since.UnixMilli()
		}
	case v.inForce():
		out.StoppedBy = v.note.system
	default:
		out.Left = ours && v.note.replicas >= 0
	}
}

func compareImages(a, b state.Image) int {
	return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Image, b.Image))
}

// external is the observation of a component that Keyshift does not roll out: its declared release runs,
// until it is removed from the spec.
func external(c state.Component) state.Running {
	out := state.Running{Component: c.Name, Template: c.Release, Missing: c.Removed}
	if c.Release != "" && !c.Removed {
		out.Releases = []string{c.Release}
	}
	return out
}

// progress counts the pods towards a release.
func progress(c state.Component, release string, v view) Progress {
	p := Progress{Desired: v.replicas}
	for _, pod := range v.pods {
		if pod.terminating {
			p.Terminating++
		}
		name, _ := pod.of(c)
		switch {
		case name != release:
			p.Old++
		case !pod.terminating:
			p.Updated++
			if pod.ready {
				p.Ready++
			}
		}
	}
	return p
}

// done tells whether the rollout of a release has ended: the controller has seen its template and has no
// other, as many pods as desired are ready and none is of another release.
func done(c state.Component, release string, v view) bool {
	for _, images := range v.started {
		if name, _ := match(c, images); name != release {
			return false
		}
	}
	p := progress(c, release, v)
	return v.seen && p.Old == 0 && p.Updated == v.replicas && p.Ready == v.replicas
}
