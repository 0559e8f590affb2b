package schema

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

func (c checker) checkComponent(x state.Component) {
	path := []string{"system", "components", x.Name}
	switch {
	case x.External && x.Workload != nil:
		c.problem(sub(path, "workload"), "external", "an external component has no workload: Keyshift does not roll it out", "remove workload or external")
	case !x.External && x.Workload == nil:
		c.problem(path, "missing", "the component has no workload", "add workload, or external: true if Keyshift must not roll it out")
	case x.Workload != nil && x.Workload.Kind != "Deployment":
		c.unsupported(sub(path, "workload", "kind"), "the workload kind "+x.Workload.Kind, `use "Deployment"`)
	}
	if x.Workload != nil {
		c.checkLabel(sub(path, "workload", "namespace"), "namespace", x.Workload.Namespace)
		c.checkSubdomain(sub(path, "workload", "name"), x.Workload.Kind, x.Workload.Name)
	}
	for _, rel := range x.Releases {
		at := sub(path, "releases", rel.Name)
		for _, i := range rel.Images {
			c.checkLabel(sub(at, "images", i.Container), "container", i.Container)
			c.checkImage(sub(at, "images", i.Container), i.Image)
		}
		for _, e := range rel.Env {
			c.checkLabel(sub(at, "env", e.Container), "container", e.Container)
		}
		if len(rel.Images) == 0 && !x.External {
			c.problem(at, "missing", "the release has no images", `add images: CONTAINER: "IMAGE"`)
		}
	}
	c.checkAlike(path, x)
	c.checkJump(sub(path, "policy", "jump"), x)
}

// checkJump refuses a distance between releases whose names tell none.
func (c checker) checkJump(path []string, x state.Component) {
	if x.Policy.Jump == "" || x.Policy.Jump == state.JumpAny || x.External {
		return
	}
	for _, rel := range x.Releases {
		if !state.Version(rel.Name).Valid() {
			c.problem(path, "jump-version", fmt.Sprintf("the release %q is no version, so no distance to it can be told", rel.Name),
				`name it by three numbers, such as "2.0.0", or take jump away`)
		}
	}
}

// checkAlike refuses two releases of which a pod may be either.
func (c checker) checkAlike(path []string, x state.Component) {
	groups := map[string][]state.Release{}
	for _, rel := range x.Releases {
		key := fmt.Sprint(rel.Images)
		for _, other := range groups[key] {
			if !other.Alike(rel) {
				continue
			}
			at, what := sub(path, "releases", rel.Name, "images"), "the same images"
			if len(other.Env)+len(rel.Env) > 0 {
				at, what = sub(path, "releases", rel.Name), "the same images, and no variable that both set to different values"
			}
			c.problem(at, "same-images", "the releases "+other.Name+" and "+rel.Name+" have "+what+", so their pods cannot be told apart",
				`give each an image of its own, or set one variable in both: env: CONTAINER: MODE: "…"`)
			break
		}
		groups[key] = append(groups[key], rel)
	}
}

// checkWorkloads refuses two components that are one workload.
func (c checker) checkWorkloads() {
	named := map[state.Workload]string{}
	for _, x := range c.desired.Components {
		if x.Workload == nil {
			continue
		}
		if other, taken := named[*x.Workload]; taken {
			c.problem([]string{"system", "components", x.Name, "workload"}, "same-workload", fmt.Sprintf("the components %s and %s are the same %s", other, x.Name, x.Workload.Kind),
				"keep one of them, with the images and uses of both")
			continue
		}
		named[*x.Workload] = x.Name
	}
}

// checkAfter refuses an order of components that cannot be kept.
func (c checker) checkAfter() {
	after := map[string][]string{}
	for _, x := range c.desired.Components {
		after[x.Name] = x.Policy.After
	}
	done := map[string]bool{}
	for _, x := range c.desired.Components {
		path := []string{"system", "components", x.Name, "policy", "after"}
		for _, other := range x.Policy.After {
			if _, declared := after[other]; !declared {
				c.problem(path, "unknown-component", fmt.Sprintf("this system has no component %q to roll out before", other), nearest(other, c.desired.Components))
			}
		}
		if loop := loopFrom(x.Name, after, done); loop != nil {
			c.problem(path, "after-cycle", "the components wait for each other: "+strings.Join(loop, " after "), "remove one of them from after")
		}
	}
}

func nearest(name string, components []state.Component) string {
	for _, x := range components {
		if near(x.Name, name) {
			return fmt.Sprintf("did you mean %q?", x.Name)
		}
	}
	return "name one of system.components"
}

// loopFrom returns a way from a component back to itself, nil if there is none or it is said already. What it has seen
// is done.
func loopFrom(start string, after map[string][]string, done map[string]bool) []string {
	var way []string
	var walk func(name string) []string
	walk = func(name string) []string {
		if i := slices.Index(way, name); i >= 0 {
			return append(slices.Clone(way[i:]), name)
		}
		if done[name] {
			return nil
		}
		done[name] = true
		way = append(way, name)
		for _, next := range after[name] {
			if loop := walk(next); loop != nil {
				return loop
			}
		}
		way = way[:len(way)-1]
		return nil
	}
	return walk(start)
}

// checkUses checks what each release says of each keyspace.
func (c checker) checkUses(x state.Component) {
	for _, rel := range x.Releases {
		for _, u := range rel.Uses {
			path := []string{"system", "components", x.Name, "releases", rel.Name, "uses", u.Keyspace}
			k, _ := c.desired.FindKeyspace(u.Keyspace)
			c.checkUse(path, k, u)
			if rel.Name == x.Release && u.Writes != "" && u.Writes != k.Version {
				c.problem(sub(path, "writes"), "writes-other", fmt.Sprintf("the desired release %s writes %s, and the desired version of %s is %s", rel.Name, u.Writes, k.Name, k.Version),
					"desire a release that writes "+string(k.Version)+", or the version "+string(u.Writes))
			}
		}
	}
}

func (c checker) checkUse(path []string, k state.Keyspace, u state.Use) {
	switch {
	case u.Reads == "" && u.Writes == "":
		c.problem(path, "empty-use", "the release neither reads nor writes the keyspace", "add reads or writes, or remove the use")
		return
	case u.Reads == "":
		return
	}
	if err := u.Reads.Validate(); err != nil {
		c.problem(sub(path, "reads"), "range", err.Error(), `write comparators of versions: ">=1.0.0 <3.0.0"`)
		return
	}
	if c.broken[k.Name] {
		return
	}
	var versions []string
	for _, s := range k.Shapes {
		if u.Reads.Contains(s.Version) {
			return
		}
		versions = append(versions, string(s.Version))
	}
	c.problem(sub(path, "reads"), "reads-nothing", fmt.Sprintf("%q is none of the versions of %s", u.Reads, k.Name), "read one of "+strings.Join(versions, ", ")+", or remove reads")
}
