package reconciler

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestIsAt: what counts as the end of a step.
func TestIsAt(t *testing.T) {
	step := func(kind plan.Kind, from, to string) v1alpha1.PlanStep {
		return v1alpha1.PlanStep{Kind: string(kind), Object: "x", From: from, To: to}
	}
	runs := func(r state.Running) state.Observed {
		r.Component = "x"
		return state.Observed{Components: []state.Running{r}}
	}
	holds := func(verified bool, present ...state.Class) state.Observed {
		return state.Observed{Keyspaces: []state.Live{{Keyspace: "x", Record: state.Record{Keyspace: "x", Verified: verified, Present: present}}}}
	}
	for _, c := range []struct {
		name string
		step v1alpha1.PlanStep
		have state.Observed
		want bool
	}{
		{"rolled out", step(plan.Rollout, "1", "2"), runs(state.Running{Releases: []string{"2"}, Template: "2"}), true},
		{"a pod of the old release is there", step(plan.Rollout, "1", "2"), runs(state.Running{Releases: []string{"1", "2"}, Template: "2"}), false},
		{"an unknown image runs", step(plan.Rollout, "1", "2"), runs(state.Running{Releases: []string{"2"}, Template: "2", Unknown: []state.Image{{}}}), false},
		{"the workload is gone", step(plan.Rollout, "1", "2"), runs(state.Running{Missing: true}), false},
		{"stopped", step(plan.Scale, "1", plan.ToZero), runs(state.Running{Stopped: true, Template: "1"}), true},
		{"a pod is left", step(plan.Scale, "1", plan.ToZero), runs(state.Running{Stopped: true, Releases: []string{"1"}, Template: "1"}), false},
		{"started", step(plan.Scale, "1", plan.BackUp), runs(state.Running{Releases: []string{"1"}, Template: "1", Desired: 2, Ready: 2}), true},
		{"not ready", step(plan.Scale, "1", plan.BackUp), runs(state.Running{Releases: []string{"1"}, Template: "1", Desired: 2, Ready: 1}), false},
		{"verified", step(plan.Verify, "", "2.0.0"), holds(true, "2.0.0", state.Unfit), true},
		{"verified at another version", step(plan.Verify, "", "2.0.0"), holds(true, "1.0.0", "2.0.0"), false},
		{"not verified", step(plan.Verify, "", "2.0.0"), holds(false, "2.0.0"), false},
		{"looked at", step(plan.Verify, "", ""), holds(true, "1.0.0"), true},
		{"not observed", step(plan.Verify, "", ""), state.Observed{}, false},
	} {
		if got := isAt(c.have, c.step); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// TestBacks finds every part that went back in what ended a delivery.
func TestBacks(t *testing.T) {
	one, two := apply.Failure{Object: "a"}, apply.Failure{Object: "b"}
	err := errors.Join(errors.Join(&apply.BackError{Failure: one}, fmt.Errorf("wrapped: %w", &apply.BackError{Failure: two})), errors.New("else"))
	if got := backs(err); !slices.Equal(got, []apply.Failure{one, two}) {
		t.Errorf("%+v", got)
	}
	if got := backs(nil); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

// TestTogether: a Plan is what the worst of its parts is.
func TestTogether(t *testing.T) {
	done, failed, back, gone := v1alpha1.PlanSucceeded, v1alpha1.PlanFailed, v1alpha1.PlanRolledBack, v1alpha1.PlanSuperseded
	for _, c := range []struct {
		parts []v1alpha1.PlanPhase
		want  v1alpha1.PlanPhase
	}{
		{[]v1alpha1.PlanPhase{done, done}, done},
		{[]v1alpha1.PlanPhase{done, gone}, gone},
		{[]v1alpha1.PlanPhase{gone, back, done}, back},
		{[]v1alpha1.PlanPhase{back, failed}, failed},
	} {
		if got := together(c.parts); got != c.want {
			t.Errorf("%v: %s", c.parts, got)
		}
	}
}

// TestBackAfterARestart: a part that goes back while another process goes on is told as such, and not as left behind.
func TestBackAfterARestart(t *testing.T) {
	p := owned(t)
	of := planOf(2, 1)
	x := asked(t, p, of)
	if err := p.decide(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	run(t, p, of, 0, apply.Started, apply.Failed)
	f := apply.Failure{Kind: of.Steps[0].Kind, Object: of.Steps[0].Object, To: of.Steps[0].To, Back: true}
	p.of.Status.Failures = showFailures([]apply.Failure{f})
	rest := leftOf(of, 2)
	rest.Parts = rest.Parts[1:]
	if err := p.report(t.Context(), apply.Event{Kind: apply.Planned, Plan: rest}); err != nil {
		t.Fatal(err)
	}
	x = p.all[0]
	if len(p.all) != 1 || x.Status.Phase != v1alpha1.PlanRunning || len(x.Status.Parts) != 1 || x.Status.Parts[0].Phase != v1alpha1.PlanRolledBack {
		t.Errorf("%d Plans: %+v", len(p.all), x.Status)
	}
	if got := covered(x, of); !slices.Equal(got, []state.Digest{of.Parts[1].Digest}) {
		t.Errorf("%v is covered", got)
	}
}
