package plan

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"

	"keyshift.dev/state"
)

// world is a cluster and a store made of single pods and single units. It shares with the planner what a shape takes and
// which versions a range has, and nothing else: neither classes nor paths nor what a step does. Everything in it happens
// one event at a time, in an order that a seed decides.
type world struct {
	rand      *rand.Rand
	comps     []*workload
	keys      []*stock
	ids       int
	off       slip
	tolerated map[encounter]bool // what was broken at the start
	adopted   int                // the last write before the first observation ended
	fuse      int                // events until the run is killed, none if negative
	seen      int                // how often a pod read a unit
}

// workload is what the cluster runs of one component.
type workload struct {
	def      state.Component
	template string
	stopped  bool // by a scale step: no pod is started
	pods     []pod
}

type pod struct {
	release string
	phase   phase
}

// phase is a pod's. A terminating pod reads and writes until it is gone, and one that starts does not yet.
type phase int

const (
	pending phase = iota
	running
	terminating
)

// stock is one keyspace: every key with its value, every write in its order, and the copies that lag behind.
type stock struct {
	def      state.Keyspace
	index    map[state.Version]int
	wider    []uint8 // by version: the versions whose shape takes what a writer of it writes
	units    []unit
	log      []write
	replicas []replica
	archives []map[int]bool // backups: the ids of the units that they hold
	logged   map[int]bool   // ids of the units that the undo log holds
	record   state.Record   // of the ledger
}

// unit is one value. It fits no version if it is junk or if single fields of several versions were written to it.
type unit struct {
	id, born int   // of this write, and of the application's write that it goes back to
	fits     uint8 // versions
	mixes    uint8 // versions; none unless it fits none
	touched  bool  // a single field of it was written, of another version
	gone     bool
}

type write struct {
	key int
	unit
}

// replica has applied the first writes of the log.
type replica struct {
	applied int
	units   []unit
}

// maxLag is how many writes a replica is behind at most.
const maxLag = 60

// encounter is a release that meets units of a version it cannot read.
type encounter struct {
	component, release, keyspace string
	fits                         uint8
}

// flaw is an error that must not be.
type flaw struct{ text string }

func (f *flaw) Error() string { return f.text }

func flawed(format string, args ...any) error { return &flaw{fmt.Sprintf(format, args...)} }

// anyRelease stands for the releases of a component that ran at the start.
const anyRelease = ""

// errKilled ends a run in the middle of whatever it does.
var errKilled = errors.New("killed")

func (w *world) chance(n int) bool { return w.rand.IntN(n) == 0 }

func (k *stock) mask(versions func(state.Version) bool) (m uint8) {
	for i, s := range k.def.Shapes {
		if versions(s.Version) {
			m |= 1 << i
		}
	}
	return m
}

// narrower returns the versions whose units a version takes, itself included.
func (k *stock) narrower(v int) (m uint8) {
	for i, wide := range k.wider {
		if wide&(1<<v) != 0 {
			m |= 1 << i
		}
	}
	return m
}

// value returns what a program that writes a version may write: a value that fits it, and perhaps a narrower one, too.
func (w *world) value(k *stock, v int) uint8 { return k.wider[w.pick(k.narrower(v))] }

// pick returns one member of a mask.
func (w *world) pick(m uint8) int {
	n := w.rand.IntN(bits.OnesCount8(m))
	for ; n > 0; n-- {
		m &= m - 1
	}
	return bits.TrailingZeros8(m)
}

// set writes a unit. Writes of the application begin a new life.
func (w *world) set(k *stock, key int, u unit, born int) {
	w.ids++
	u.id, u.born = w.ids, born
	if born == 0 {
		u.born = w.ids
	}
	k.units[key] = u
	k.log = append(k.log, write{key, u})
	for i := range k.replicas {
		for len(k.log)-k.replicas[i].applied > maxLag {
			k.apply(i)
		}
	}
}

// apply lets a replica catch up by one write.
func (k *stock) apply(i int) {
	r := &k.replicas[i]
	if r.applied < len(k.log) {
		r.units[k.log[r.applied].key] = k.log[r.applied].unit
		r.applied++
	}
}

// look returns the pods and templates as the API server shows them, whatever the phase. A slip sees the template alone.
func (w *world) look() (out []state.Running) {
	for _, c := range w.comps {
		if c.def.External {
			continue
		}
		live := state.Running{Component: c.def.Name, Template: c.template, Stopped: c.stopped, Desired: 2, Ready: 2}
		if c.template != "" && !c.stopped {
			live.Releases = append(live.Releases, c.template)
		}
		for _, p := range c.pods {
			if w.off != forgetsOldPods {
				live.Releases = append(live.Releases, p.release)
			}
		}
		slices.Sort(live.Releases)
		live.Releases = slices.Compact(live.Releases)
		out = append(out, live)
	}
	return out
}

// tick lets a few things happen.
func (w *world) tick() error {
	for range w.rand.IntN(4) {
		if err := w.event(); err != nil {
			return err
		}
	}
	if w.fuse == 0 {
		return errKilled
	}
	w.fuse--
	return nil
}

// event is one thing that happens without Keyshift.
func (w *world) event() error {
	switch w.rand.IntN(12) {
	case 0, 1, 2, 3:
		return w.podReads()
	case 4, 5, 6:
		w.podWrites()
	case 7, 8:
		k := w.keys[w.rand.IntN(len(w.keys))]
		i := w.rand.IntN(len(k.replicas))
		for range w.rand.IntN(5) {
			k.apply(i)
		}
	case 9, 10:
		w.clusterRolls()
	case 11:
		k := w.keys[w.rand.IntN(len(w.keys))]
		if key := w.rand.IntN(len(k.units)); w.chance(4) && !k.units[key].gone {
			w.set(k, key, unit{gone: true}, 0) // it expires
		}
	}
	return nil
}

// acting returns a random pod that reads and writes, and its release.
func (w *world) acting() (c *workload, r state.Release, ok bool) {
	if len(w.comps) == 0 {
		return nil, r, false
	}
	c = w.comps[w.rand.IntN(len(w.comps))]
	if len(c.pods) == 0 {
		return c, r, false
	}
	p := c.pods[w.rand.IntN(len(c.pods))]
	r, _ = c.def.FindRelease(p.release)
	return c, r, p.phase != pending && len(r.Uses) > 0
}

func (w *world) find(keyspace string) *stock {
	i := slices.IndexFunc(w.keys, func(k *stock) bool { return k.def.Name == keyspace })
	return w.keys[i]
}

// podReads lets a pod read every unit of a keyspace, from the primary or from a replica.
func (w *world) podReads() error {
	c, r, ok := w.acting()
	if !ok {
		return nil
	}
	u := r.Uses[w.rand.IntN(len(r.Uses))]
	if u.Reads == "" {
		return nil
	}
	k := w.find(u.Keyspace)
	units := k.units
	if i := w.rand.IntN(len(k.replicas) + 1); i > 0 {
		units = k.replicas[i-1].units
	}
	reads := k.mask(u.Reads.Contains)
	for key, x := range units {
		w.seen++
		if x.gone || x.fits == 0 || x.fits&reads != 0 || w.bears(c.def.Name, r.Name, k.def.Name, x) {
			continue
		}
		return flawed("%s %s reads %s (%s) and meets unit %d of %s", c.def.Name, r.Name, k.def.Name, u.Reads, key, k.class(x))
	}
	return nil
}

// bears tells whether a release may meet a unit that it cannot read: it could from the start, or its component could, and
// the unit was overwritten before anybody observed the world, so that a replica alone still has it.
func (w *world) bears(component, release, keyspace string, u unit) bool {
	return w.tolerated[encounter{component, release, keyspace, u.fits}] ||
		u.id <= w.adopted && w.tolerated[encounter{component, anyRelease, keyspace, u.fits}]
}

// podWrites lets a pod write a unit, whole or a field of it.
func (w *world) podWrites() {
	_, r, ok := w.acting()
	if !ok {
		return
	}
	u := r.Uses[w.rand.IntN(len(r.Uses))]
	if u.Writes == "" {
		return
	}
	k := w.find(u.Keyspace)
	key, v := w.rand.IntN(len(k.units)), k.index[u.Writes]
	was := k.units[key]
	switch {
	case u.Updates != state.UpdatesFields || was.gone || was.fits&(1<<v) != 0:
		w.set(k, key, unit{fits: w.value(k, v)}, 0)
	case was.fits&k.wider[v] != 0: // a version that takes both takes a field of one in a value of the other
		w.set(k, key, unit{fits: was.fits & k.wider[v], touched: true}, 0)
	case was.fits != 0:
		w.set(k, key, unit{mixes: 1<<v | 1<<w.pick(was.fits), touched: true}, 0)
	case was.mixes != 0:
		w.set(k, key, unit{mixes: was.mixes | 1<<v, touched: true}, 0)
	}
}

// clusterRolls lets the controller of a workload do one thing: start a pod of the template, end one that is not of it, or
// replace one that died, also of an old release as long as there are such pods.
func (w *world) clusterRolls() {
	if len(w.comps) == 0 {
		return
	}
	c := w.comps[w.rand.IntN(len(w.comps))]
	if c.def.External || c.def.Removed || c.template == "" {
		return
	}
	fresh := 0
	for _, p := range c.pods {
		if p.release == c.template && p.phase != terminating {
			fresh++
		}
	}
	if fresh < 2 && !c.stopped && w.chance(2) {
		c.pods = append(c.pods, pod{c.template, pending})
		return
	}
	if len(c.pods) == 0 {
		return
	}
	i := w.rand.IntN(len(c.pods))
	p := &c.pods[i]
	switch {
	case p.phase == terminating:
		if !w.chance(3) {
			c.pods = slices.Delete(c.pods, i, i+1)
		}
	case p.phase == pending:
		p.phase = running
	case c.stopped, p.release != c.template && fresh > 0:
		p.phase = terminating
	case w.chance(5):
		p.phase = pending // it crashed
	}
}

func (k *stock) class(u unit) state.Class {
	var versions []state.Version
	for i, s := range k.def.Shapes {
		if u.fits&(1<<i) != 0 {
			versions = append(versions, s.Version)
		}
	}
	return state.ClassOf(versions...)
}
