package cluster

import (
	"fmt"
	"slices"

	"keyshift.dev/state"
)

// supported tells whether Keyshift can roll the component out, nil if it can.
func supported(c state.Component) error {
	switch {
	case c.External:
		return &Error{Reason: Unsupported, Object: object(c), Hint: "it is external: somebody else rolls it out"}
	case c.Workload == nil:
		return &Error{Reason: Unsupported, Object: object(c), Hint: "name its workload, or declare it external"}
	case c.Workload.Kind != "Deployment":
		return &Error{Reason: Unsupported, Object: object(c), Hint: "workloads of the kind Deployment are supported so far"}
	default:
		return nil
	}
}

func missing(c state.Component) error {
	return &Error{Reason: Missing, Object: object(c), Hint: "create it, with any image that a release names, or mend the name in the spec"}
}

// containers refuses a release that lists a container the template does not have: applying it would add one.
func containers(c state.Component, r state.Release, template []state.Image) error {
	if len(r.Images) == 0 {
		return &Error{Reason: Unsupported, Object: object(c), Hint: fmt.Sprintf("release %s names no image", r.Name)}
	}
	for _, want := range r.Images {
		if _, ok := imageOf(template, want.Container); !ok {
			return &Error{Reason: Unsupported, Object: object(c),
				Hint: fmt.Sprintf("release %s names the container %q; the workload has %q", r.Name, want.Container, names(template))}
		}
	}
	return nil
}

// changed returns an error if the template is no longer that of the release: an *ImageOwnedError if another manager
// has put an image in since the rollout began, an *OvertakenError if nobody but Keyshift can have. The manager of a
// container's image is asked only then.
func changed(c state.Component, r state.Release, template []state.Image, manager func(container string) string) error {
	for _, want := range r.Images {
		if slices.Contains(template, want) {
			continue
		}
		if name := manager(want.Container); name != "" {
			return owned(c, want, template, name)
		}
		return &OvertakenError{Component: c.Name, Release: r.Name}
	}
	return nil
}

// owned makes the error for one image that is another manager's.
func owned(c state.Component, want state.Image, template []state.Image, manager string) *ImageOwnedError {
	live, _ := imageOf(template, want.Container)
	return &ImageOwnedError{
		Component: c.Name, Object: object(c), Manager: manager, Live: live, Want: want.Image,
		Field: fmt.Sprintf("spec.template.spec.containers[%s].image", want.Container),
	}
}

func imageOf(template []state.Image, container string) (state.Image, bool) {
	for _, i := range template {
		if i.Container == container {
			return i, true
		}
	}
	return state.Image{}, false
}

func names(template []state.Image) []string {
	var out []string
	for _, i := range template {
		out = append(out, i.Container)
	}
	return out
}
