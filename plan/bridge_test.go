package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// TestBridgesHelp follows the way out of random systems without a safe order to the letter: with the releases that it
// says to declare there is one.
func TestBridgesHelp(t *testing.T) {
	stuck, helped := 0, map[int]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		s.Want, s.Have = sortedDesired(s.Want), sortedObserved(s.Have)
		p := make1(s)
		for _, b := range p.Blocked {
			if b.Code != NoSafeOrder {
				continue
			}
			stuck++
			have, wayOut := s.Have, b.WayOut
			if mend, then, both := strings.Cut(b.WayOut, " that fit no version, and "); both && strings.HasPrefix(mend, "mend or delete the units of ") {
				have, _ = mended(s.Have)
				wayOut = then
			}
			declared, ok := follow(s.Want, wayOut)
			if !ok {
				continue
			}
			helped[len(declared.releases)]++
			if left := blocks(b.Components, make1(system{declared.want, have})); left != "" {
				t.Fatalf("%s\nbut then: %s", b.WayOut, left)
			}
			for i := range declared.releases {
				if again, _ := follow(s.Want, wayOut, i); blocks(b.Components, make1(system{again.want, have})) == "" {
					t.Fatalf("%s\nbut number %d can be left out", b.WayOut, i+1)
				}
			}
		}
	})
	t.Logf("%d parts without a safe order, by releases that help: %v", stuck, helped)
	if stuck >= 100 && helped[1] == 0 {
		t.Errorf("no single release helps any of %d parts", stuck)
	}
}

// TestNoSmallerBridge: no single release that reads fewer versions beyond a declared one would do.
func TestNoSmallerBridge(t *testing.T) {
	defer checks(*count)
	checks(max(1, *count/4))
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		s.Want, s.Have = sortedDesired(s.Want), sortedObserved(s.Have)
		x := diff.NewIndex(s.Want, s.Have)
		for _, sub := range subsystems(x, s.Want) {
			have := x.Within(sub.want)
			d := &drafter{sub.want, have, 1 << 30, 1 << 30}
			if mine := sub.among(grouped(diff.Compute(s.Want, s.Have))); len(mine) == 0 || len(sub.holds(diff.NewIndex(s.Want, s.Have), mine)) > 0 {
				continue
			}
			if _, blocked := order(sub.want, have, nil); len(blocked) == 0 || blocked[0].Code != NoSafeOrder {
				continue
			}
			best := bridges(sub.want, have)
			if len(best) == 0 {
				continue
			}
			for _, wide := range d.drafts(false) {
				for _, one := range d.readings(wide) {
					if _, ok := d.search([]draft{one}); ok && d.excess(one).compare(noBase) < 0 && (len(best) > 1 || d.excess(one).compare(d.excess(best[0])) < 0) {
						t.Fatalf("%s would do, too, and is smaller than %s", one.text(sub.want), bridging(sub.want, best))
					}
					compared++
				}
			}
		}
	})
	t.Logf("%d compared", compared)
}

// blocks says why a plan has no steps for one of some components, empty if it has.
func blocks(components []string, p Plan) string {
	for _, b := range p.Blocked {
		if slices.ContainsFunc(b.Components, func(c string) bool { return slices.Contains(components, c) }) {
			return b.Reason + "; " + b.WayOut
		}
	}
	return ""
}

type declared struct {
	want     state.Desired
	releases []string // by component
}

// follow reads what a way out says to declare, and declares it, but for the releases to leave out.
func follow(want state.Desired, wayOut string, without ...int) (out declared, ok bool) {
	text, ok := strings.CutPrefix(wayOut, "declare a release of ")
	text, one := strings.CutSuffix(text, ", and roll over it")
	text, more := strings.CutSuffix(text, "; and roll over them")
	if !ok || !one && !more {
		return out, false
	}
	out.want = want
	out.want.Components = slices.Clone(want.Components)
	for i, part := range strings.Split(text, "; ") {
		name, uses, _ := strings.Cut(strings.TrimPrefix(part, "a release of "), " that ")
		out.releases = append(out.releases, name)
		if slices.Contains(without, i) {
			continue
		}
		r := state.Release{Name: fmt.Sprintf("9.0.%d", i), Images: []state.Image{{Container: "app", Image: "bridge:" + fmt.Sprint(i)}}}
		for _, use := range strings.Split(uses, ", ") {
			r.Uses = append(r.Uses, followUse(use))
		}
		at := slices.IndexFunc(want.Components, func(c state.Component) bool { return c.Name == name })
		c := &out.want.Components[at]
		c.Releases = append(slices.Clip(c.Releases), r)
	}
	return out, true
}

// followUse reads "reads session >=1.0.0 <=2.0.0 (1.0.0 and 2.0.0) and writes 1.0.0" or "writes session 1.0.0".
func followUse(text string) (u state.Use) {
	reads, writes, _ := strings.Cut(text, " and writes ")
	if rest, only := strings.CutPrefix(text, "writes "); only {
		name, version, _ := strings.Cut(rest, " ")
		return state.Use{Keyspace: name, Writes: state.Version(version)}
	}
	words := strings.Fields(strings.TrimPrefix(reads, "reads "))
	u.Keyspace = words[0]
	list := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "(") })
	if list < 0 {
		list = len(words)
	}
	u.Reads = state.Range(strings.Join(words[1:list], " "))
	if writes != "nothing" {
		u.Writes = state.Version(writes)
	}
	return u
}
