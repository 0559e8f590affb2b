package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/demo"
)

// units is how many sessions and how many carts the line carries.
const units = 20_000

// The whole line on real parts: a real control plane, a real Redis, a real Git server and the real binary.
// Three pods that take ten seconds to terminate serve 20,000 hashes and 20,000 JSON strings all the time, each
// in the release that its image names, from Running until its object is gone.
func TestLine(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	l.push("the system at 1.0.0", l.before)
	l.seed()
	l.deploy("1.4.0", 10*time.Second)
	l.startController()
	l.createDelivery()
	l.awaitApplied("nothing to do at 1.0.0")

	up := l.push("sessions and carts at 2.0.0", l.after)
	watch := l.forbidRewriteBeside("1.4.0", "1.5.0")
	l.awaitMiddleOfRewrite(demo.V2)
	l.killController()
	l.requireBothVersions()
	l.startController()
	l.awaitRevision(up)
	watch()
	l.requireAll(demo.V2, "2.0.0")

	l.app.Turn()
	back := l.revert()
	watch = l.forbidRewriteBeside("2.0.0")
	l.awaitRevision(back)
	watch()
	l.requireAll(demo.V1, "1.4.0")
	t.Logf("%+v", summary(l.app.Report()))
}

// summary is a report without its lists.
func summary(r demo.Report) string {
	return fmt.Sprintf("reads %d, writes %d, refused %d, removed %d, created %d, failed %d, lost updates %d, unreadable reads %d",
		r.Reads, r.Writes, r.Refused, r.Removed, r.Created, r.Failed, r.LostUpdates, r.UnreadableReads)
}

// requireAll checks that every unit is at one version, the Deployment in one release, and that the application
// missed nothing.
func (l *line) requireAll(v version, release string) {
	l.t.Helper()
	report, err := l.app.Check(l.ctx, l.redis)
	if err != nil {
		l.t.Fatal(err)
	}
	for i, f := range report.Findings {
		if i < 20 {
			l.t.Errorf("%+v", f)
		}
	}
	if report.LostUpdates != 0 || report.UnreadableReads != 0 {
		l.t.Fatalf("the application suffered: %s", summary(report))
	}
	if report.Writes < 1000 || report.Removed < 50 || report.Created < 50 {
		l.t.Fatalf("the application did too little to prove anything: %s", summary(report))
	}
	for _, h := range report.Held {
		if h.Version != v && h.Units > 0 {
			l.t.Errorf("%d units of %s are at %q, want none", h.Units, h.Keyspace, h.Version)
		}
	}
	for _, k := range []string{"session", "cart"} {
		if report.At(k, v) < units/2 {
			l.t.Errorf("%d units of %s at %s, want most of %d", report.At(k, v), k, v, units)
		}
	}
	if got := l.images(); len(got) != 1 || got[0] != image(release) {
		l.t.Errorf("pods run %v, want %s alone", got, image(release))
	}
}

// forbidRewriteBeside watches until the returned function is called, and fails the test if a rewrite is under way
// while a pod of one of the releases exists, whatever its phase.
func (l *line) forbidRewriteBeside(releases ...string) (stop func()) {
	l.t.Helper()
	ctx, cancel := context.WithCancel(l.ctx)
	done := make(chan int)
	go func() {
		seen := 0
		defer func() { done <- seen }()
		for ctx.Err() == nil {
			if l.rewriting() {
				seen++
				for _, img := range l.images() {
					for _, r := range releases {
						if img == image(r) {
							l.t.Errorf("a rewrite is under way while a pod of %s exists", r)
							return
						}
					}
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return func() {
		l.t.Helper()
		cancel()
		if <-done == 0 {
			l.t.Error("the status never showed a rewrite under way")
		}
	}
}

// rewriting tells whether the Delivery's status shows a running rewrite.
func (l *line) rewriting() bool {
	d, err := l.delivery()
	if err != nil || d.Status.Plan == nil {
		return false
	}
	for _, s := range d.Status.Plan.Steps {
		if s.Kind == "rewrite" && s.State == v1alpha1.StepRunning {
			return true
		}
	}
	return false
}

// awaitMiddleOfRewrite returns when some, and not all, of the units have been rewritten to a version.
func (l *line) awaitMiddleOfRewrite(v version) {
	l.t.Helper()
	l.await("the middle of a rewrite", 5*time.Minute, func() error {
		if !l.rewriting() {
			return fmt.Errorf("no rewrite is under way: %s", l.ready())
		}
		n, err := l.count(v)
		if err != nil {
			return err
		}
		if n < units/4 {
			return fmt.Errorf("%d units rewritten", n)
		}
		return nil
	})
}

// requireBothVersions shows that the controller died in the middle.
func (l *line) requireBothVersions() {
	l.t.Helper()
	for _, v := range []version{demo.V1, demo.V2} {
		n, err := l.count(v)
		if err != nil {
			l.t.Fatal(err)
		}
		if n == 0 {
			l.t.Fatalf("no unit is at %s: the controller was not killed in the middle of a rewrite", v)
		}
	}
}
