package plan

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

var worlds = flag.Int("worlds", 1000, "random worlds in which pods, replicas, writers and runs interleave")

// TestNoReaderMeetsWhatItCannotRead plays random worlds: whatever interleaves, and whenever a run is killed, no pod meets a
// unit that it cannot read, nothing is lost, and in the end all is as wanted.
func TestNoReaderMeetsWhatItCannotRead(t *testing.T) {
	defer checks(*count)
	checks(*worlds)
	var all tally
	rapid.Check(t, func(t *rapid.T) {
		s := stories().Draw(t, "story")
		played, err := s.play(slipNone)
		if err != nil {
			t.Fatal(err)
		}
		all.add(played)
	})
	t.Logf("%d worlds: %+v", *worlds, all)
	if *worlds >= 100 && (all.Steps == 0 || all.Kills == 0 || all.Reads == 0 || all.Ended == 0) {
		t.Errorf("nothing was tried: %+v", all)
	}
}

// TestInterleavingNotices switches off what keeps plans safe, one after the other, in the planner and in who runs plans:
// each time some world has to go wrong.
func TestInterleavingNotices(t *testing.T) {
	defer func() { off = invariantNone }()
	most := max(*worlds, 1500)
	for _, c := range []struct {
		name string
		rule invariant
		slip slip
	}{
		{"readable", invariantReadable, slipNone},
		{"convergent", invariantConvergent, slipNone},
		{"recoverable", invariantRecoverable, slipNone},
		{"unfit", invariantUnfit, slipNone},
		{"stopped", invariantStopped, slipNone},
		{"waits for old pods", invariantNone, forgetsOldPods},
		{"records before a step", invariantNone, forgetsToRecord},
		{"verifies", invariantNone, forgetsToVerify},
		{"waits for replicas", invariantNone, forgetsReplicas},
		{"compares before it sets", invariantNone, forgetsToCompare},
		{"takes the backup", invariantNone, forgetsTheBackup},
	} {
		off = c.rule
		var err error
		seed := 0
		for ; seed < most && err == nil; seed++ {
			_, err = stories().Example(seed).play(c.slip)
			if err == nil {
				_, err = upAndBack(seed).play(c.slip)
			}
		}
		if err == nil {
			t.Errorf("%s: without it nothing went wrong in %d worlds", c.name, most)
		}
		first, _, _ := strings.Cut(fmt.Sprint(err), "\n")
		t.Logf("%s: world %d: %s", c.name, seed, first)
	}
}

// TestUpAndBack: what goes wrong there with something switched off does not with nothing.
func TestUpAndBack(t *testing.T) {
	for seed := range max(*worlds, 1500) / 3 {
		if _, err := upAndBack(seed).play(slipNone); err != nil {
			t.Fatalf("world %d: %v", seed, err)
		}
	}
}

// tally counts what was played.
type tally struct{ Plans, Steps, Kills, Held, Ended, Blocked, Reads int }

func (a *tally) add(b tally) {
	a.Plans, a.Steps, a.Kills, a.Held = a.Plans+b.Plans, a.Steps+b.Steps, a.Kills+b.Kills, a.Held+b.Held
	a.Ended, a.Blocked, a.Reads = a.Ended+b.Ended, a.Blocked+b.Blocked, a.Reads+b.Reads
}

// play carries out one commit after the other. The run of each is killed once, if its fuse is short enough; then the next
// commit comes or the same goes on.
func (s story) play(off slip) (done tally, err error) {
	w := s.world(off)
	for i, want := range s.Commits {
		w.fuse = s.Fuses[i]
		if err := w.deliver(want, &done, i < len(s.Commits)-1); err != nil {
			return done, fmt.Errorf("commit %d: %w", i+1, err)
		}
	}
	w.fuse = -1
	for range 100 {
		if err := w.tick(); err != nil {
			return done, err
		}
	}
	done.Reads = w.seen
	return done, nil
}

// deliver observes, plans and runs until there is nothing left to do, people are needed, or the next commit comes.
func (w *world) deliver(want state.Desired, done *tally, more bool) error {
	var p Plan
	for range 40 {
		var err error
		p, err = w.attempt(want, done)
		var wrong *flaw
		switch {
		case errors.Is(err, errKilled):
			done.Kills++
			w.fuse = -1
			if more && w.chance(2) {
				return nil
			}
		case errors.Is(err, errHeld):
			done.Held++
			return nil
		case errors.As(err, &wrong):
			return fmt.Errorf("%w\n%s", err, p)
		case len(p.Steps) == 0:
			done.Ended++
			done.Blocked += b2i(len(p.Blocked) > 0)
			return w.wanted(want, p)
		}
	}
	return flawed("it does not come to an end, and plans again and again\n%s", p)
}

// attempt is one observation, one plan and one run.
func (w *world) attempt(want state.Desired, done *tally) (p Plan, err error) {
	have, err := w.gather(want)
	if err != nil {
		return p, err
	}
	if w.adopted == 0 {
		w.adopted = w.ids
	}
	w.mended()
	p = Make(want, have, diff.Compute(want, have))
	done.Plans++
	done.Steps += len(p.Steps)
	return p, w.run(want, have, p)
}

// wanted makes sure that all that is not blocked is as the commit wants it.
func (w *world) wanted(want state.Desired, p Plan) error {
	blocked := func(object string) bool {
		return slices.ContainsFunc(p.Blocked, func(b Blocked) bool {
			return slices.Contains(b.Components, object) || slices.Contains(b.Keyspaces, object)
		})
	}
	for _, c := range want.Components {
		l := w.workload(c.Name)
		if !c.External && !c.Removed && !blocked(c.Name) &&
			(l.template != c.Release || w.off != forgetsOldPods && slices.ContainsFunc(l.pods, func(p pod) bool { return p.release != c.Release })) {
			return flawed("in the end %s is not at %s", c.Name, c.Release)
		}
		if l.stopped && !blocked(c.Name) {
			return flawed("in the end %s is stopped", c.Name)
		}
	}
	for _, d := range want.Keyspaces {
		k := w.find(d.Name)
		for key, u := range k.units {
			if !u.gone && u.fits != 0 && u.fits&(1<<k.index[d.Version]) == 0 && !blocked(d.Name) {
				return flawed("in the end unit %d of %s is of %s, not of %s", key, d.Name, k.class(u), d.Version)
			}
		}
	}
	return nil
}

// mended takes back the permission of releases that have left: what they could not read may not return.
func (w *world) mended() {
	for e := range w.tolerated {
		if c := w.workload(e.component); e.release != anyRelease && c.template != e.release && !slices.Contains(c.releases(), e.release) {
			delete(w.tolerated, e)
		}
	}
}

// story is a random system: what runs and what is stored at the start, and the commits that follow.
type story struct {
	Commits []state.Desired // of one catalogue
	Fuses   []int           // by commit: after how many events its run is killed, never if negative
	Pods    map[string][]string
	Units   map[string][]unit
	Records []state.Record
	Seed    uint64
}

// GoString prints a story in the short form that a failed property shows.
func (s story) GoString() string {
	var b strings.Builder
	for _, want := range s.Commits {
		b.WriteString(system{Want: want}.GoString() + "\n")
	}
	fmt.Fprintf(&b, "fuses %v, pods %v, units %+v, records %+v, seed %d", s.Fuses, s.Pods, s.Units, s.Records, s.Seed)
	return b.String()
}

// world builds the start of a story. What a release met there that it cannot read, or might have, is tolerated.
func (s story) world(off slip) *world {
	w := &world{rand: rand.New(rand.NewPCG(s.Seed, 1)), off: off, tolerated: map[encounter]bool{}, fuse: -1}
	want := s.Commits[0]
	for _, def := range want.Keyspaces {
		k := newStock(def)
		for range 2 {
			k.replicas = append(k.replicas, replica{units: make([]unit, len(s.Units[def.Name]))})
		}
		k.units = make([]unit, len(s.Units[def.Name]))
		w.keys = append(w.keys, k)
		for key, u := range s.Units[def.Name] {
			w.set(k, key, u, 0)
		}
		for _, r := range s.Records {
			if r.Keyspace == def.Name {
				k.record = r
			}
		}
	}
	for _, def := range want.Components {
		c := &workload{def: def}
		for i, name := range s.Pods[def.Name] {
			c.pods = append(c.pods, pod{name, phase(w.rand.IntN(2) + i%2)})
			c.template = name
		}
		w.comps = append(w.comps, c)
	}
	w.tolerate()
	return w
}

// newStock compares the shapes of a keyspace.
func newStock(def state.Keyspace) *stock {
	k := &stock{def: def, index: map[state.Version]int{}, logged: map[int]bool{}}
	for i, narrow := range def.Shapes {
		k.index[narrow.Version] = i
		k.wider = append(k.wider, k.mask(func(v state.Version) bool {
			wide, _ := def.FindShape(v)
			return v == narrow.Version || state.Subsumes(wide, narrow)
		}))
	}
	return k
}

// tolerate notes every release that runs and every version that is there, was recorded or is written, and that it cannot
// read.
func (w *world) tolerate() {
	for _, k := range w.keys {
		var there uint8
		for _, u := range k.units {
			for v, wide := range k.wider {
				if u.fits == wide || u.mixes&(1<<v) != 0 {
					there |= k.narrower(v)
				}
			}
		}
		for _, class := range k.record.Present {
			for _, v := range class.Versions() {
				there |= k.narrower(k.index[v])
			}
		}
		for _, c := range w.comps {
			for _, name := range append(c.releases(), c.template) {
				r, _ := c.def.FindRelease(name)
				if u, ok := r.FindUse(k.def.Name); ok && u.Writes != "" {
					there |= k.narrower(k.index[u.Writes])
				}
			}
		}
		for _, c := range w.comps {
			for _, name := range append(c.releases(), c.template) {
				r, _ := c.def.FindRelease(name)
				u, _ := r.FindUse(k.def.Name)
				for v, wide := range k.wider {
					if there&(1<<v) != 0 && wide&k.mask(u.Reads.Contains) == 0 {
						w.tolerated[encounter{c.def.Name, name, k.def.Name, wide}] = true
						w.tolerated[encounter{c.def.Name, anyRelease, k.def.Name, wide}] = true
					}
				}
			}
		}
	}
}
