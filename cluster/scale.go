package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"keyshift.dev/state"
)

// ReplicasAnnotation on a workload says that Keyshift has stopped it: how many replicas it had before, for which system, and
// since when ("3 shop 2026-11-29T02:53:03Z"; a number alone is enough). It is in force for as long as the replicas are as
// Keyshift has put them; Start removes it, or Forget if somebody else has started the workload.
const ReplicasAnnotation = "keyshift.dev/replicas"

// note is what a stop leaves on a workload.
type note struct {
	replicas int       // that it had before; -1 if the note is damaged
	system   string    // that stopped it; empty if the note does not say so, as those of earlier versions
	since    time.Time // zero if that is not known
}

// String is the annotation.
func (n note) String() string {
	text := strconv.Itoa(n.replicas)
	if n.system != "" {
		text += " " + n.system + " " + n.since.UTC().Format(time.RFC3339)
	}
	return text
}

// readNote reads the annotation of a workload; nil if there is none.
func readNote(annotation string, there bool) *note {
	if !there {
		return nil
	}
	words := append(strings.Fields(annotation), "", "", "")
	count, err := strconv.ParseInt(words[0], 10, 32)
	if err != nil || count < 0 {
		return &note{replicas: -1}
	}
	n := &note{replicas: int(count), system: words[1]}
	n.since, _ = time.Parse(time.RFC3339, words[2])
	return n
}

// damagedNote says that nobody can tell what a note is to say.
func damagedNote(c state.Component, annotation string) *Error {
	return &Error{Reason: Damaged, Object: object(c), Hint: fmt.Sprintf("its annotation %s is %q, which does not begin with a number of replicas: set it to how many are to run", ReplicasAnnotation, annotation)}
}

// scaling is how many replicas a workload has, and what Keyshift has to do with that.
type scaling struct {
	replicas int
	note     *note // that stands on it, nil if none
	theirs   bool  // somebody else has set the replicas since Keyshift did last
}

// inForce tells whether the replicas are zero because of the stop that is noted. Stopping and noting are one write, so that
// replicas that are another's are of a later time. Who had none before the stop is given none: whose zero that is does not
// matter.
func (s scaling) inForce() bool {
	return s.note != nil && s.replicas == 0 && (!s.theirs || s.note.replicas == 0)
}

// of tells whether a note is one of a system. One that does not say so is taken for that of whoever asks.
func (n *note) of(system string) bool { return n != nil && (n.system == "" || n.system == system) }

// foreign refuses what would undo the stop of another system.
func (s scaling) foreign(c state.Component, system string) error {
	if s.note == nil || s.note.of(system) {
		return nil
	}
	return &Error{Reason: StoppedByOther, Object: object(c), Hint: fmt.Sprintf(
		"system %s of Keyshift has stopped it: wait until that has started it again, and let only one system have this workload; if %s is no more, set its replicas and remove its annotation %s",
		s.note.system, s.note.system, ReplicasAnnotation)}
}

// toStop returns what a stop notes of a workload, and whether there is anything to do. What was noted earlier stands; if
// somebody has scaled it up since, the greater number does, and nothing if somebody has put it to zero.
func (s scaling) toStop(system string, now time.Time) (n note, needed bool) {
	n = note{s.replicas, system, now}
	switch {
	case s.inForce():
		return *s.note, false
	case s.note != nil && s.replicas > 0:
		n.replicas = max(s.replicas, s.note.replicas)
	}
	return n, true
}

// toStart returns how many replicas a start gives a workload, and whether there is anything to do. One that somebody has
// scaled already keeps its number.
func (s scaling) toStart() (count int, needed bool) {
	if s.inForce() {
		return s.note.replicas, true
	}
	return s.replicas, s.note != nil
}

// nobody is no release: no pod is of it.
var nobody = state.Release{Name: "\x00"}

// awaitStop waits until no pod of a workload is left.
func awaitStop(c state.Component, every time.Duration, report func(Progress), look look) *awaiting {
	a := &awaiting{component: c, release: nobody, every: every, report: report}
	a.over = func(v view) bool { return v.seen && len(v.pods) == 0 && len(v.started) == 0 }
	a.gaveUp = func(view) string { return "" } // a paused workload is scaled all the same
	a.look = func(ctx context.Context) (view, error) {
		v, err := look(ctx)
		switch {
		case err != nil:
			return v, err
		case v.missing:
			return v, missing(c)
		case v.replicas > 0:
			return v, &ScaledError{Component: c.Name, Object: object(c), Replicas: v.replicas}
		}
		return v, nil
	}
	return a
}

// Scaled tells whether somebody else scaled a workload up while Keyshift stopped it.
func Scaled(err error) bool {
	_, ok := errors.AsType[*ScaledError](err)
	return ok
}

// ScaledError says that somebody else scaled a workload up that Keyshift had stopped.
type ScaledError struct {
	Component string
	Object    string // "Deployment shop/checkout"
	Replicas  int
}

// Error says what to do, which is to find out who does that.
func (e *ScaledError) Error() string {
	return fmt.Sprintf("component %s: somebody scaled %s up to %d replicas while Keyshift stopped it; let nothing else set its replicas for so long", e.Component, e.Object, e.Replicas)
}

// replicasOwned says that another manager declares the replicas of a workload and would put its number back.
func replicasOwned(c state.Component, manager string) *Error {
	return &Error{Reason: ReplicasOwned, Object: object(c), Hint: fmt.Sprintf(
		"its replicas are set by %s, which would start it again in the middle of a rewrite: take them out of what that applies, or let it ignore the field and add the word %q to the annotation %s",
		manager, HandOverReplicas, HandOverAnnotation)}
}

// handsOver tells whether the annotation of a workload hands a field over to Keyshift: "images", or "images,replicas".
func handsOver(annotation, what string) bool {
	for _, word := range strings.Split(annotation, ",") {
		if strings.TrimSpace(word) == what {
			return true
		}
	}
	return false
}
