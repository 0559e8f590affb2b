package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// Compute returns what differs between a united catalogue and an observation, sorted by kind and object: holds,
// releases, scales, versions. It returns nothing if the system is as desired.
func Compute(want state.Desired, have state.Observed) []Change {
	var out []Change
	x := NewIndex(want, have)
	for _, c := range want.Components {
		_, live := x.Alone(c.Name)
		if hold, ok := held(c, live); ok {
			out = append(out, hold)
		} else if change, ok := release(c, live); ok {
			out = append(out, change)
		}
	}
	for _, k := range want.Keyspaces {
		part, live := x.Around(k.Name)
		if change, ok := version(part, live, k); ok {
			out = append(out, change)
		}
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Code, b.Code))
	})
	return out
}

// held tells why nothing may be planned around a component.
func held(c state.Component, have state.Observed) (Change, bool) {
	live, ok := have.FindRunning(c.Name)
	hold := Change{Kind: Hold, Object: c.Name, From: strings.Join(Runs(c, have), ", "), To: c.Release, Risk: RiskNone}
	switch {
	case c.External:
		return Change{}, false
	case len(live.Unknown) > 0:
		images := make([]string, len(live.Unknown))
		for i, im := range live.Unknown {
			images[i] = fmt.Sprintf("%s in container %s", im.Image, im.Container)
		}
		slices.Sort(images)
		hold.Code = UnknownImage
		hold.Reason = fmt.Sprintf("runs %s, which no release names, so nobody knows what it reads and writes", strings.Join(images, ", "))
		hold.WayOut = fmt.Sprintf("declare a release of %s with this image and its uses, or roll the workload to a declared one", c.Name)
	case Undeclared(c, have) != "":
		hold.Code = UnknownImage
		hold.Reason = fmt.Sprintf("runs release %s, which is not declared, so nobody knows what it reads and writes", Undeclared(c, have))
		hold.WayOut = fmt.Sprintf("declare release %s of %s with its uses", Undeclared(c, have), c.Name)
	case !c.Removed && !declares(c, c.Release):
		hold.Code = UnknownRelease
		hold.Reason = fmt.Sprintf("should run release %q, which is not declared", c.Release)
		hold.WayOut = fmt.Sprintf("declare release %q of %s, or ask for a declared one", c.Release, c.Name)
	case !c.Removed && (!ok || live.Missing):
		hold.Code = WorkloadMissing
		hold.Reason = fmt.Sprintf("has no workload: %s does not exist, and Keyshift does not create workloads yet", workload(c))
		hold.WayOut = fmt.Sprintf("create it with the images of release %s, or take %s out of the spec", c.Release, c.Name)
	case !c.Removed && live.StoppedBy != "":
		hold.Code = StoppedByOther
		hold.Reason = fmt.Sprintf("is stopped by system %s, which has the same workload, %s, and only that may start it again", live.StoppedBy, workload(c))
		hold.WayOut = fmt.Sprintf("wait until system %[1]s has started it, and declare the workload in one of the two alone; if %[1]s is no more, scale it up by hand and remove its annotation keyshift.dev/replicas", live.StoppedBy)
	case c.Removed && live.Stopped:
		hold.Code = LeftStopped
		hold.Reason = "is stopped by Keyshift and was taken out of the spec meanwhile, so that nobody starts it again"
		hold.WayOut = fmt.Sprintf("declare %s again until it runs, scale %s up by hand to what its annotation keyshift.dev/replicas says, or delete it", c.Name, workload(c))
	default:
		return Change{}, false
	}
	return hold, true
}

// Undeclared returns the first release that runs, or will once a stopped component runs again, and that the catalogue
// lacks; empty if none.
func Undeclared(c state.Component, have state.Observed) string {
	for _, name := range append(Runs(c, have), StoppedAt(c, have)...) {
		if !declares(c, name) {
			return name
		}
	}
	return ""
}

// StoppedAt returns the release of the template of a stopped component, none of one that is not.
func StoppedAt(c state.Component, have state.Observed) []string {
	if live, _ := have.FindRunning(c.Name); live.Stopped && live.Template != "" {
		return []string{live.Template}
	}
	return nil
}

func declares(c state.Component, release string) bool {
	_, ok := c.FindRelease(release)
	return ok
}

func workload(c state.Component) string {
	if c.Workload == nil {
		return "the Deployment"
	}
	return fmt.Sprintf("%s %s/%s", c.Workload.Kind, c.Workload.Namespace, c.Workload.Name)
}

// release tells how a component differs from its desired release.
func release(c state.Component, have state.Observed) (Change, bool) {
	live, ok := have.FindRunning(c.Name)
	runs := Runs(c, have)
	if c.External || c.Removed || !ok || !live.Stopped && live.Template == c.Release && slices.Equal(runs, []string{c.Release}) {
		return Change{}, false
	}
	others := slices.DeleteFunc(slices.Clone(runs), func(r string) bool { return r == c.Release })
	change := Change{Kind: Release, Object: c.Name, From: strings.Join(others, ", "), To: c.Release, Risk: RiskRollout}
	switch {
	case live.Stopped && live.Template == c.Release:
		change.Kind, change.Risk = Scale, RiskNone
		change.Reason = fmt.Sprintf("Keyshift has stopped it, and %s is to run", c.Release)
	case live.Stopped:
		change.Reason = fmt.Sprintf("Keyshift has stopped it; its template is %s, desired is %s", live.Template, c.Release)
	case live.Template != c.Release:
		change.Reason = fmt.Sprintf("its template is %s, desired is %s", live.Template, c.Release)
	default:
		change.Reason = fmt.Sprintf("pods of %s remain beside %s", strings.Join(others, ", "), c.Release)
	}
	return change, true
}

// version tells which units of a keyspace may not fit its desired version, and which are to go of one that has none, because
// it is known from a ledger only.
func version(want state.Desired, have state.Observed, k state.Keyspace) (Change, bool) {
	if k.Version == "" {
		return prune(want, have, k)
	}
	change := Change{Kind: Version, Object: k.Name, To: string(k.Version), Risk: RiskData}
	var from []string
	for _, c := range Present(want, have, k, ClassesOf(k)) {
		if c == state.Unfit || c.Has(k.Version) {
			continue
		}
		from = append(from, string(c))
		if path, ok := Route(k, c, k.Version); !ok || len(Losses(path)) > 0 {
			change.Risk = RiskLossy
		}
	}
	switch k.Policy.Strategy {
	case state.StrategyDrain:
		change.Risk = RiskNone
	case state.StrategyDiscard:
		change.Risk = RiskLossy
	}
	if len(from) == 0 {
		return Change{}, false
	}
	change.From = strings.Join(from, ", ")
	change.Reason = fmt.Sprintf("units of %s may exist, desired is %s", change.From, k.Version)
	if _, ok := have.FindLive(k.Name); !ok {
		change.Reason = fmt.Sprintf("nothing is known of its units yet, desired is %s", k.Version)
	}
	return change, true
}

// prune tells which units of a keyspace that was taken out of the spec are to go. Of one that nobody has read none is.
func prune(want state.Desired, have state.Observed, k state.Keyspace) (Change, bool) {
	retire := want.RetireOf(k)
	if _, read := have.FindLive(k.Name); !read || !retire.Deletes() {
		return Change{}, false
	}
	change := Change{Kind: Prune, Object: k.Name, Risk: RiskLossy}
	var from []string
	for _, c := range Present(want, have, k, ClassesOf(k)) {
		if c != state.Unfit {
			from = append(from, string(c))
		}
	}
	if len(from) == 0 {
		return Change{}, false
	}
	change.From = strings.Join(from, ", ")
	change.Reason = fmt.Sprintf("it was taken out of the spec with retire %q, and units of %s may be left", retire, change.From)
	return change, true
}
