package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyshift.dev/state"
)

// look takes one look at a component's workload. It returns an *ImageOwnedError if the template is not that
// of the awaited release.
type look func(context.Context) (view, error)

// awaiting is one Await.
type awaiting struct {
	component state.Component
	release   state.Release
	every     time.Duration // between two looks
	look      look
	over      func(view) bool   // what is awaited is there
	gaveUp    func(view) string // why it cannot come, empty if it may
	report    func(Progress)

	began time.Time
	seen  bool // one look succeeded
	last  view // of the last that did
}

var errTimeout = errors.New("the rollout's timeout has passed")

// awaitRollout waits for the end of a rollout.
func awaitRollout(c state.Component, r state.Release, every time.Duration, report func(Progress), look look) *awaiting {
	return &awaiting{
		component: c, release: r, every: every, report: report, look: look,
		over:   func(v view) bool { return done(c, r.Name, v) },
		gaveUp: func(v view) string { return v.stopped },
	}
}

// until looks again and again until the rollout has ended or cannot end.
func (a *awaiting) until(ctx context.Context, timeout time.Duration) error {
	a.began = time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	tick := time.NewTicker(a.every)
	defer tick.Stop()
	for {
		v, failed := a.look(ctx)
		if failed == nil {
			a.tell(v)
			if a.over(v) {
				return nil
			}
			if why := a.gaveUp(v); why != "" {
				return stuck(a.component, a.release, v, why, time.Since(a.began))
			}
		} else if !passing(failed) {
			return failed
		}
		select {
		case <-ctx.Done():
			return a.expired(ctx, failed)
		case <-tick.C:
		}
	}
}

// tell reports the progress if it changed, and remembers the look.
func (a *awaiting) tell(v view) {
	now := progress(a.component, a.release.Name, v)
	if a.report != nil && (!a.seen || now != progress(a.component, a.release.Name, a.last)) {
		a.report(now)
	}
	a.seen, a.last = true, v
}

// expired tells our own timeout, which makes a stuck rollout, from an end by the caller or a cluster that
// never answered.
func (a *awaiting) expired(ctx context.Context, failed error) error {
	switch {
	case !errors.Is(context.Cause(ctx), errTimeout):
		return ctx.Err()
	case !a.seen:
		return cmp.Or(failed, ctx.Err())
	default:
		return stuck(a.component, a.release, a.last, TimedOut, time.Since(a.began))
	}
}

// passing tells whether an error may pass by itself.
func passing(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Wait
}

// stuck makes the error of a rollout that does not end, with the pods that hold it up.
func stuck(c state.Component, r state.Release, v view, reason string, after time.Duration) *StuckError {
	e := &StuckError{Component: c.Name, Object: object(c), Release: strings.TrimPrefix(r.Name, nobody.Name), Reason: reason, After: after, Progress: progress(c, r.Name, v)}
	for _, p := range v.pods {
		name, _ := p.of(c)
		if name == r.Name && (p.ready || p.terminating) {
			continue
		}
		why := cmp.Or(p.reason, "not ready")
		if name != r.Name && !p.terminating {
			why = fmt.Sprintf("of release %s, still running", cmp.Or(name, "unknown"))
		}
		e.Pods = append(e.Pods, PodProblem{Name: p.name, Release: name, Reason: why})
	}
	slices.SortFunc(e.Pods, func(a, b PodProblem) int {
		return cmp.Or(-cmp.Compare(b2i(a.Release == r.Name), b2i(b.Release == r.Name)), cmp.Compare(a.Name, b.Name))
	})
	e.Pods = e.Pods[:min(len(e.Pods), 5)]
	return e
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// object names a component's workload for people.
func object(c state.Component) string {
	if c.Workload == nil {
		return "component " + c.Name
	}
	return fmt.Sprintf("%s %s/%s", c.Workload.Kind, c.Workload.Namespace, c.Workload.Name)
}
