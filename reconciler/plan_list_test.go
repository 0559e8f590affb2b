package reconciler

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// planOf is a plan with parts of so many steps each, on a keyspace of its own, sealed as plan.Make seals one.
func planOf(parts ...int) plan.Plan {
	p := plan.Plan{System: "large"}
	for n, length := range parts {
		name := fmt.Sprintf("k%d", n)
		for i := range length {
			p.Steps = append(p.Steps, plan.Step{Kind: plan.Rewrite, Object: name, To: fmt.Sprintf("%d.0.0", i), Part: n, Risk: diff.RiskLossy})
		}
		p.Parts = append(p.Parts, plan.Part{Keyspaces: []string{name}})
	}
	return sealed(p)
}

// sealed computes the digests.
func sealed(p plan.Plan) plan.Plan {
	for i := len(p.Steps) - 1; i >= 0; i-- {
		s := &p.Steps[i]
		next := state.Digest("none")
		if i+1 < len(p.Steps) && p.Steps[i+1].Part == s.Part {
			next = p.Steps[i+1].Digest
		}
		s.Digest = state.DigestOf([]string{string(s.Kind), s.Object, s.To, string(next)})
		p.Parts[s.Part].Digest = s.Digest
	}
	p.Digest = state.DigestOf(p.Parts)
	return p
}

// leftOf is what is left of a plan when one of its parts has come to the step at i, and the others are not begun.
func leftOf(p plan.Plan, i int) plan.Plan {
	out := p
	out.Steps = nil
	for j, s := range p.Steps {
		if s.Part != p.Steps[i].Part || j >= i {
			out.Steps = append(out.Steps, s)
		}
	}
	out.Parts = slices.Clone(p.Parts)
	out.Parts[p.Steps[i].Part].Digest = p.Steps[i].Digest
	return out
}

func digestsOf(p plan.Plan) (out []state.Digest) {
	for _, part := range p.Parts {
		out = append(out, part.Digest)
	}
	return out
}

// owned are the Plans of a Delivery, in a world of their own.
func owned(t *testing.T) *plans {
	w := newWorld(t)
	return &plans{client: w.client, of: w.get(w.deliver("shop")), loaded: true}
}

// asked makes a Plan that a person has approved, as it is read by the next process.
func asked(t *testing.T, p *plans, of plan.Plan) *v1alpha1.Plan {
	t.Helper()
	x, err := p.create(t.Context(), of, nil, v1alpha1.PlanAwaitingApproval)
	if err != nil {
		t.Fatal(err)
	}
	x.Spec.Approval = &v1alpha1.PlanApproval{Approved: true, By: "ada"}
	if err := p.client.Update(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if err := p.load(t.Context()); err != nil || len(p.all) != 1 {
		t.Fatalf("%d Plans, %v", len(p.all), err)
	}
	return p.all[0]
}

// TestApprovalCoversWhatIsNotListed: an approval is of every suffix of every part of the plan, listed or not, and of nothing else.
func TestApprovalCoversWhatIsNotListed(t *testing.T) {
	p := owned(t)
	of := planOf(900, 700, 3, 1)
	x := asked(t, p, of)
	if len(x.Spec.Steps) != v1alpha1.MaxPlanSteps || x.Spec.More != 604 || len(x.Spec.Rest) != 3 {
		t.Fatalf("%d listed, %d more, %d with a rest", len(x.Spec.Steps), x.Spec.More, len(x.Spec.Rest))
	}
	if err := p.decide(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(of.Steps); i += 50 {
		left := leftOf(of, i)
		if err := p.leave(t.Context(), x, lookAt(left), state.Observed{}); err != nil || len(x.Status.Parts) > 0 {
			t.Fatalf("left before step %d: %+v, %v", i, x.Status.Parts, err)
		}
		if got := covered(x, left); !slices.Equal(got, digestsOf(left)) {
			t.Fatalf("before step %d no more than %v is covered", i, got)
		}
	}
	other := planOf(900, 700, 3, 1)
	other.Steps[1599].To = "another" // the last of the second part, and with it every suffix that it ends
	other = sealed(other)
	for i := 900; i < 1600; i += 50 {
		if got := covered(x, leftOf(other, i)); !slices.Equal(got, []state.Digest{of.Parts[0].Digest, of.Parts[2].Digest, of.Parts[3].Digest}) {
			t.Fatalf("before step %d of another plan %v is covered", i, got)
		}
	}
}

// leftAfter is what is left of a plan when its step at i was told of, and all parts before are done.
func leftAfter(of plan.Plan, i int, kinds []apply.EventKind) plan.Plan {
	part := of.Steps[i].Part
	if slices.Contains(kinds, apply.Ended) {
		i++
	}
	if i == len(of.Steps) {
		return plan.Plan{Digest: "done"}
	}
	left := leftOf(of, i)
	if of.Steps[i].Part > part {
		part++
	}
	left.Steps = slices.DeleteFunc(left.Steps, func(s plan.Step) bool { return s.Part < part })
	left.Parts = left.Parts[part:]
	return left
}

// run tells a step of a plan as a delivery does, and lets another process go on from there.
func run(t *testing.T, p *plans, of plan.Plan, i int, kinds ...apply.EventKind) {
	t.Helper()
	for _, kind := range kinds {
		if err := p.report(t.Context(), apply.Event{Kind: kind, Plan: of, Index: i, Step: of.Steps[i]}); err != nil {
			t.Fatal(err)
		}
	}
	*p = plans{client: p.client, of: p.of}
	if err := p.report(t.Context(), apply.Event{Kind: apply.Planned, Plan: leftAfter(of, i, kinds)}); err != nil {
		t.Fatal(err)
	}
}

// TestUnlistedStepsAreCounted: what is not listed is run by the Plan that was approved, by no other, and counts; the Plan
// succeeds with the last of it, and with that its approval is consumed.
func TestUnlistedStepsAreCounted(t *testing.T) {
	p := owned(t)
	of := planOf(998, 6, 2)
	x := asked(t, p, of)
	if err := p.decide(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	end := func(want v1alpha1.PlanPhase, done int32) {
		t.Helper()
		if err := p.load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if x = p.all[0]; len(p.all) != 1 || x.Status.Phase != want || x.Status.Done != done {
			t.Fatalf("%d Plans: %s, %d done, %+v", len(p.all), x.Status.Phase, x.Status.Done, x.Status.Parts)
		}
	}
	run(t, p, of, 997, apply.Started)
	end(v1alpha1.PlanRunning, 997)
	run(t, p, of, 997, apply.Ended)
	end(v1alpha1.PlanRunning, 998)
	run(t, p, of, 1001, apply.Started) // the word of the others did not get through
	end(v1alpha1.PlanRunning, 998+3)
	run(t, p, of, 1001, apply.Ended)
	run(t, p, of, 1003, apply.Started, apply.Ended)
	end(v1alpha1.PlanRunning, 998+6)
	run(t, p, of, 1004, apply.Started, apply.Ended)
	run(t, p, of, 1005, apply.Started, apply.Ended)
	end(v1alpha1.PlanRunning, 1006)
	if err := p.close(t.Context(), apply.Outcome{Left: plan.Plan{Digest: "done"}}, nil); err != nil {
		t.Fatal(err)
	}
	end(v1alpha1.PlanSucceeded, 1006)
	if got := covered(x, of); len(got) > 0 {
		t.Errorf("an approval that was consumed covers %v", got)
	}
}

// TestUnlistedStepsThatWereNotRun: of what is not listed one step alone may miss its word. What was left out of more is not
// said to have succeeded because nothing is left to do.
func TestUnlistedStepsThatWereNotRun(t *testing.T) {
	for _, c := range []struct {
		parts []int
		last  int
		want  v1alpha1.PlanPhase
	}{
		{[]int{1010}, 1002, v1alpha1.PlanSuperseded},
		{[]int{1010}, 1008, v1alpha1.PlanSucceeded},
		{[]int{1001}, 0, v1alpha1.PlanSuperseded},      // one is not listed, and those that are were not run
		{[]int{1001}, 999, v1alpha1.PlanSucceeded},     // all that are listed were
		{[]int{1000, 1}, 999, v1alpha1.PlanSuperseded}, // of the second part there is no word at all
	} {
		p := owned(t)
		of, last, want := planOf(c.parts...), c.last, c.want
		if err := p.decide(t.Context(), asked(t, p, of)); err != nil {
			t.Fatal(err)
		}
		run(t, p, of, last, apply.Started, apply.Ended)
		if err := p.close(t.Context(), apply.Outcome{Left: plan.Plan{Digest: "done"}}, nil); err != nil {
			t.Fatal(err)
		}
		if err := p.load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := p.all[0].Status; got.Phase != want {
			t.Errorf("after step %d: %s, %d done", last, got.Phase, got.Done)
		}
	}
}

// TestPlanIsBoundedInBytes however long is what its steps say; of too many the digests are left out, too, and what has none is
// not covered.
func TestPlanIsBoundedInBytes(t *testing.T) {
	for _, c := range []struct {
		name   string
		parts  []int
		letter string
		least  int // steps that are listed
	}{
		{"ordinary", []int{2500, 2500}, "e", 90},
		{"in other letters", []int{5000}, "語", 50},
		{"in what JSON escapes", []int{1000}, "<", 20},
		{"of very many steps", []int{30000}, "e", 90},
		{"of very many parts", slices.Repeat([]int{1}, 9000), "e", 90},
	} {
		of := planOf(c.parts...)
		long := strings.Repeat(c.letter, 300)
		for i := range of.Steps {
			s := &of.Steps[i]
			s.From, s.Reason, s.Undo, s.To = []string{long}, long, long, long
			s.Object = strings.Repeat("k", 253)
			s.Notes = slices.Repeat([]string{long}, 10)
		}
		p := owned(t)
		x := asked(t, p, of)
		said, err := json.Marshal(x.Spec)
		if err != nil || len(said) > maxListed+maxRest+4096 || len(x.Spec.Steps) < c.least || int(x.Spec.More) != len(of.Steps)-len(x.Spec.Steps) {
			t.Errorf("%s: %d of %d steps are listed, in %d bytes, %v", c.name, len(x.Spec.Steps), len(of.Steps), len(said), err)
		}
		got := covered(x, of)
		for _, d := range got {
			if !slices.Contains(digestsOf(of), d) {
				t.Errorf("%s: %s is covered", c.name, d)
			}
		}
		if len(c.parts) < 10 && len(got) != len(c.parts) || len(got) < 900 && len(c.parts) > 1000 || len(got) == 9000 {
			t.Errorf("%s: %d parts are covered", c.name, len(got))
		}
	}
}

// TestStatusIsBoundedInBytes: it keeps what is not done said, and how far everything is.
func TestStatusIsBoundedInBytes(t *testing.T) {
	s := v1alpha1.PlanRunStatus{Phase: v1alpha1.PlanRunning}
	now := metav1.Now()
	for i := range v1alpha1.MaxPlanSteps {
		step := v1alpha1.PlanStepStatus{State: v1alpha1.StepDone, StartedAt: &now, EndedAt: &now, Message: strings.Repeat("<", 512)}
		if i == 990 {
			step.State = v1alpha1.StepFailed
		}
		s.Steps = append(s.Steps, step)
	}
	for i := range 4000 {
		setPart(&s, int32(i), func(p *v1alpha1.PlanPartStatus) { p.Phase = v1alpha1.PlanSuperseded })
	}
	bound(&s)
	if n := encoded(s); n > maxSaid || n < maxSaid-4096 {
		t.Errorf("it takes %d bytes", n)
	}
	if s.Steps[0].Message != "" || s.Steps[999].Message == "" || s.Steps[990].Message == "" || s.Steps[0].State != v1alpha1.StepDone {
		t.Errorf("the first: %+v, the last: %+v", s.Steps[0], s.Steps[999])
	}
}
