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

// ReplicasAnnotation on a workload says that Keyshift has stopped it, and how many replicas it had before. It stands for as
// long as that.
const ReplicasAnnotation = "keyshift.dev/replicas"

// noted returns how many replicas a workload had before Keyshift stopped it, by its annotation, and whether there is one.
func noted(c state.Component, annotation string, there bool) (int, bool, error) {
	if !there {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(annotation, 10, 32)
	if err != nil || n < 0 {
		return 0, true, &Error{Reason: Damaged, Object: object(c), Hint: fmt.Sprintf("its annotation %s is %q, which is no number of replicas: set it to how many are to run", ReplicasAnnotation, annotation)}
	}
	return int(n), true, nil
}

// toStop returns what a stop notes of a workload, and whether there is anything to do. What was noted earlier stands; if
// somebody has scaled it up since, the greater number does.
func toStop(replicas, earlier int, stands bool) (count int, needed bool) {
	if replicas == 0 && stands {
		return earlier, false
	}
	return max(replicas, earlier), true
}

// toStart returns how many replicas a start gives a workload, and whether there is anything to do. One that somebody has
// scaled up already keeps its number.
func toStart(replicas, earlier int, stands bool) (count int, needed bool) {
	if replicas > 0 {
		return replicas, stands
	}
	return earlier, stands
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
		case v.desired > 0:
			return v, &ScaledError{Component: c.Name, Object: object(c), Replicas: v.desired}
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
