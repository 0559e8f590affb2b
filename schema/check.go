package schema

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// check makes the checks that CUE cannot, on data that has no other problem.
func (r *reader) check() {
	r.checkOneStore()
	for _, c := range r.desired.Components {
		r.checkComponent(c)
	}
	if len(r.problems) > 0 {
		return
	}
	for _, k := range r.desired.Keyspaces {
		r.checkReserved(k)
		r.checkLayout(k)
		r.checkPaths(k)
		if len(r.problems) == 0 {
			r.checkToldApart(k)
		}
	}
	r.checkOverlap()
	for _, c := range r.desired.Components {
		r.checkUses(c)
	}
}

func (r *reader) checkComponent(c state.Component) {
	path := []string{"system", "components", c.Name}
	switch {
	case c.External && c.Workload != nil:
		r.problem(sub(path, "workload"), "external", "an external component has no workload: Keyshift does not roll it out", "remove workload or external")
	case !c.External && c.Workload == nil:
		r.problem(path, "missing", "the component has no workload", "add workload, or external: true if Keyshift must not roll it out")
	case c.Workload != nil && c.Workload.Kind != "Deployment":
		r.unsupported(sub(path, "workload", "kind"), "the workload kind "+c.Workload.Kind, `use "Deployment"`)
	}
	if c.Workload != nil {
		r.checkLabel(sub(path, "workload", "namespace"), "namespace", c.Workload.Namespace)
		r.checkSubdomain(sub(path, "workload", "name"), c.Workload.Kind, c.Workload.Name)
	}
	byImages := map[string]string{}
	for _, rel := range c.Releases {
		at := sub(path, "releases", rel.Name)
		for _, i := range rel.Images {
			r.checkLabel(sub(at, "images", i.Container), "container", i.Container)
			r.checkImage(sub(at, "images", i.Container), i.Image)
		}
		if len(rel.Images) == 0 {
			if !c.External {
				r.problem(at, "missing", "the release has no images", `add images: CONTAINER: "IMAGE"`)
			}
			continue
		}
		key := fmt.Sprint(rel.Images)
		if other, taken := byImages[key]; taken {
			r.problem(sub(at, "images"), "same-images", "the releases "+other+" and "+rel.Name+" have the same images, so their pods cannot be told apart",
				"give each release an image of its own")
		}
		byImages[key] = rel.Name
	}
}

// checkLayout refuses versions of one keyspace between which no migration can exist. Where units are parts of a key,
// all versions have one kind and one key pattern, since their units stand side by side in one key.
func (r *reader) checkLayout(k state.Keyspace) {
	if len(k.Shapes) == 0 {
		return
	}
	first := k.Shapes[0]
	for _, s := range k.Shapes[1:] {
		path := []string{"system", "keyspaces", k.Name, "versions", string(s.Version)}
		if first.Type.Whole() && s.Type.Whole() {
			continue
		}
		part := first
		if part.Type.Whole() {
			part = s
		}
		units := fmt.Sprintf("the units of a %s are parts of a key", redisType(part.Type))
		switch {
		case s.Type != first.Type:
			r.problem(sub(path, "type"), "retype", fmt.Sprintf("%s is a %s and %s a %s: %s, and cannot become another kind", first.Version, redisType(first.Type), s.Version, redisType(s.Type), units),
				fmt.Sprintf("keep the type of %s, or make a new keyspace for %s", first.Version, s.Version))
		case s.Keys != first.Keys:
			r.problem(sub(path, "keys"), "rekey", fmt.Sprintf("%s has other keys than %s: %s, and cannot move to another", s.Version, first.Version, units),
				fmt.Sprintf("keep the keys %q, or make a new keyspace for %s", first.Keys, s.Version))
		case !sameTTL(first.TTL, s.TTL):
			r.problem(sub(path, "ttl"), "ttl", fmt.Sprintf("%s has another TTL rule than %s: %s, and the TTL is that of the key", s.Version, first.Version, units),
				"give every version of the keyspace the same rule")
		}
	}
}

func sameTTL(a, b *state.TTL) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// redisType names a kind of data as a spec does.
func redisType(t state.Redis) string {
	if t == state.Map {
		return "hash with map: true"
	}
	return string(t)
}

// checkPaths demands migrations from every version to the desired one and back. Each migration goes both ways.
func (r *reader) checkPaths(k state.Keyspace) {
	reached := []state.Version{k.Version}
	for i := 0; i < len(reached); i++ {
		for _, m := range k.Migrations {
			for _, pair := range [][2]state.Version{{m.From, m.To}, {m.To, m.From}} {
				if pair[0] == reached[i] && !slices.Contains(reached, pair[1]) {
					reached = append(reached, pair[1])
				}
			}
		}
	}
	for _, s := range k.Shapes {
		if !slices.Contains(reached, s.Version) {
			r.problemAt(s.Pos, []string{"system", "keyspaces", k.Name, "versions", string(s.Version)}, "no-path",
				fmt.Sprintf("no migrations lead from %s to %s, the desired version", s.Version, k.Version), "add a migration between them, or remove the version")
		}
	}
	for _, m := range k.Migrations {
		if m.From.Compare(m.To) > 0 {
			r.problemAt(m.Pos, []string{"system", "keyspaces", k.Name, "migrations", string(m.To), "from"}, "migration-direction",
				fmt.Sprintf("the migration to %s is from the newer %s", m.To, m.From), "write it as the migration to the newer version; #down is its way back")
		}
	}
}

// checkToldApart demands that no stored value fits two versions, unless migrations change nothing on such a value.
func (r *reader) checkToldApart(k state.Keyspace) {
	for i, a := range k.Shapes {
		for _, b := range k.Shapes[i+1:] {
			overlap, apart := state.ToldApart(k, a.Version, b.Version)
			if apart {
				continue
			}
			r.problemAt(b.Pos, []string{"system", "keyspaces", k.Name, "versions", string(b.Version)}, "not-told-apart",
				fmt.Sprintf("the stored values of %s and %s cannot always be told apart: %s", a.Version, b.Version, overlap),
				fmt.Sprintf("add a required field to %s that %s does not have, for example a constant v: 2", b.Version, a.Version))
		}
	}
}

// layout is the key pattern of one version.
type layout struct {
	keyspace state.Keyspace
	shape    state.Shape
	pattern  state.Pattern
}

// checkOverlap refuses two keyspaces of one store that could both own a key.
func (r *reader) checkOverlap() {
	var all []layout
	for _, k := range r.desired.Keyspaces {
		for _, s := range k.Shapes {
			if p, err := state.ParsePattern(s.Keys); err == nil {
				all = append(all, layout{k, s, p})
			}
		}
	}
	said := map[[2]string]bool{}
	for i, a := range all {
		for _, b := range all[i+1:] {
			pair := [2]string{a.keyspace.Name, b.keyspace.Name}
			if a.keyspace.Store != b.keyspace.Store || pair[0] == pair[1] || said[pair] || !a.mayMeet(b) {
				continue
			}
			said[pair] = true
			path := []string{"system", "keyspaces", b.keyspace.Name, "versions", string(b.shape.Version), "keys"}
			r.problem(path, "overlap", fmt.Sprintf("a key may match both %q of keyspace %s and %q of keyspace %s", a.shape.Keys, pair[0], b.shape.Keys, pair[1]),
				"give the keyspaces different prefixes, or put them into different stores")
		}
	}
}

// mayMeet tells whether some key matches both patterns. Most pairs differ in their literal prefix already.
func (a layout) mayMeet(b layout) bool {
	p, q := a.pattern.Prefix(), b.pattern.Prefix()
	return (strings.HasPrefix(p, q) || strings.HasPrefix(q, p)) && state.Overlap(a.pattern, b.pattern)
}

// checkUses checks what each release says of each keyspace.
func (r *reader) checkUses(c state.Component) {
	for _, rel := range c.Releases {
		for _, u := range rel.Uses {
			path := []string{"system", "components", c.Name, "releases", rel.Name, "uses", u.Keyspace}
			k, _ := r.desired.FindKeyspace(u.Keyspace)
			r.checkUse(path, k, u)
			if rel.Name == c.Release && u.Writes != "" && u.Writes != k.Version {
				r.problem(sub(path, "writes"), "writes-other", fmt.Sprintf("the desired release %s writes %s, and the desired version of %s is %s", rel.Name, u.Writes, k.Name, k.Version),
					"desire a release that writes "+string(k.Version)+", or the version "+string(u.Writes))
			}
		}
	}
}

func (r *reader) checkUse(path []string, k state.Keyspace, u state.Use) {
	if u.Reads == "" && u.Writes == "" {
		r.problem(path, "empty-use", "the release neither reads nor writes the keyspace", "add reads or writes, or remove the use")
		return
	}
	if u.Reads == "" {
		return
	}
	if err := u.Reads.Validate(); err != nil {
		r.problem(sub(path, "reads"), "range", err.Error(), `write comparators of versions: ">=1.0.0 <3.0.0"`)
		return
	}
	if !slices.ContainsFunc(k.Shapes, func(s state.Shape) bool { return u.Reads.Contains(s.Version) }) {
		r.problem(sub(path, "reads"), "reads-nothing", fmt.Sprintf("%q is none of the versions of %s", u.Reads, k.Name), "widen the range, or remove reads")
	}
}
