package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
)

// await waits until what follows is so.
func (s *scenario) await(w words) error {
	if len(w) == 0 {
		return errWords(w)
	}
	return s.awaited(w[0], w[1:])
}

func (s *scenario) awaited(what string, w words) error {
	look := map[string]func(words) error{"applied": s.isApplied, "ready": s.isReady, "reason": s.hasReason, "plans": s.hasPlans,
		"release": s.runs, "data": s.hasData, "middle": s.middle()}[what]
	if look == nil {
		return errWords(append(words{what}, w...))
	}
	return until(s.ctx, "await "+what+" "+strings.Join(w, " "), func() error { return look(w) })
}

// want tells what is not as it should be.
func (s *scenario) want(w words) error {
	look := map[string]func(words) error{"plans": s.hasPlans, "steps": s.hasSteps, "no": s.hasNo, "release": s.runs, "data": s.hasData}[w.first()]
	if look == nil {
		return errWords(w)
	}
	return look(w[1:])
}

// isApplied tells whether the tip of the branch is applied.
func (s *scenario) isApplied(words) error {
	d, err := s.delivery()
	if err != nil {
		return err
	}
	if !conditions.IsReady(d) || d.Status.ObservedGeneration != d.Generation || !strings.HasSuffix(d.Status.LastAppliedRevision, s.git.Head()) {
		return fmt.Errorf("%s", sayReady(d))
	}
	return nil
}

// isReady tells whether the Delivery is ready, and says a text.
func (s *scenario) isReady(w words) error {
	d, err := s.delivery()
	if err != nil {
		return err
	}
	if !conditions.IsReady(d) || d.Status.ObservedGeneration != d.Generation || !strings.Contains(conditions.GetMessage(d, meta.ReadyCondition), w.first()) {
		return fmt.Errorf("%s", sayReady(d))
	}
	return nil
}

// hasReason tells whether the tip of the branch is not applied for a reason, and the Delivery says a text.
func (s *scenario) hasReason(w words) error {
	d, err := s.delivery()
	if err != nil {
		return err
	}
	text := words(w[min(1, len(w)):]).first()
	if !conditions.IsFalse(d, meta.ReadyCondition) || conditions.GetReason(d, meta.ReadyCondition) != w.first() ||
		!strings.Contains(conditions.GetMessage(d, meta.ReadyCondition), text) || !strings.HasSuffix(d.Status.LastAttemptedRevision, s.git.Head()) {
		return fmt.Errorf("%s", sayReady(d))
	}
	return nil
}

// sayReady is what a Delivery says of itself.
func sayReady(d *v1alpha1.Delivery) string {
	c := conditions.Get(d, meta.ReadyCondition)
	if c == nil {
		return "no condition Ready yet"
	}
	return fmt.Sprintf("Ready=%s %s: %s (attempted %s, applied %s)", c.Status, c.Reason, c.Message, d.Status.LastAttemptedRevision, d.Status.LastAppliedRevision)
}

// plans returns the Plans there are, the oldest first.
func (s *scenario) plans() ([]v1alpha1.Plan, error) {
	var list v1alpha1.PlanList
	err := s.kube.List(s.ctx, &list, client.InNamespace(s.namespace))
	slices.SortStableFunc(list.Items, func(a, b v1alpha1.Plan) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return list.Items, err
}

// hasPlans compares the phases of all Plans.
func (s *scenario) hasPlans(w words) error {
	all, err := s.plans()
	if err != nil {
		return err
	}
	var said []string
	for _, x := range all {
		phase := string(x.Status.Phase)
		if by := x.Status.ApprovedBy; by != "" {
			phase += " by " + by
		}
		said = append(said, phase)
	}
	slices.Sort(said)
	if wanted := slices.Sorted(slices.Values(w)); !slices.Equal(said, wanted) {
		return fmt.Errorf("plans are %q, want %q", said, wanted)
	}
	return nil
}

// steps returns the steps of all Plans in a state.
func (s *scenario) steps(in ...v1alpha1.StepState) ([]string, error) {
	all, err := s.plans()
	var out []string
	for _, x := range all {
		for i, step := range x.Spec.Steps {
			if i < len(x.Status.Steps) && slices.Contains(in, x.Status.Steps[i].State) {
				out = append(out, strings.TrimSpace(step.Kind+" "+step.Object+" "+step.To))
			}
		}
	}
	return out, err
}

// hasSteps compares the steps that were done with a file of the scenario.
func (s *scenario) hasSteps(w words) error {
	b, err := os.ReadFile(filepath.Join(s.folder, w.first()))
	if err != nil {
		return err
	}
	done, err := s.steps(v1alpha1.StepDone)
	if said := strings.Join(done, "\n") + "\n"; err == nil && said != string(b) {
		err = fmt.Errorf("steps done are\n%swant\n%s", said, b)
	}
	return err
}

// hasNo tells whether there is no plan, or no step of one that has begun, or that is not over.
func (s *scenario) hasNo(w words) error {
	all, err := s.plans()
	if err != nil {
		return err
	}
	if w.is("plan") && len(all) > 0 {
		return fmt.Errorf("there are %d Plans", len(all))
	}
	begun, err := s.steps(v1alpha1.StepRunning, v1alpha1.StepDone, v1alpha1.StepFailed)
	if err == nil && w.is("step", "begun") && len(begun) > 0 {
		err = fmt.Errorf("begun are %q", begun)
	}
	running, err2 := s.steps(v1alpha1.StepRunning)
	if err = errors.Join(err, err2); err == nil && w.is("step", "running") && len(running) > 0 {
		err = fmt.Errorf("running are %q", running)
	}
	if err == nil && !w.is("plan") && !w.is("step", "begun") && !w.is("step", "running") {
		err = errWords(w)
	}
	return err
}

// runs tells whether all pods there are, terminating ones included, are of a release.
func (s *scenario) runs(w words) error {
	var pods corev1.PodList
	if err := s.kube.List(s.ctx, &pods, client.InNamespace(s.namespace), client.MatchingLabels{"app": "checkout"}); err != nil {
		return err
	}
	var got []string
	for _, p := range pods.Items {
		got = append(got, s.releaseOf(p.Spec.Containers[0].Image)+" "+string(p.Status.Phase))
	}
	wanted := slices.Repeat([]string{w.first() + " Running"}, 3)
	if slices.Sort(got); len(w) != 1 || !slices.Equal(got, wanted) {
		return fmt.Errorf("pods are %q, want %q", got, wanted)
	}
	return nil
}

// releaseOf names the release of an image.
func (s *scenario) releaseOf(image string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, known := s.releases[image]; known {
		return r.Name
	}
	return image
}

// hasData tells whether all units are at a version, or each keyspace has units of several.
func (s *scenario) hasData(w words) error {
	held, err := s.held()
	if err != nil {
		return err
	}
	for name, counts := range held {
		if alone := len(counts) == 1 && counts[version(w.first())] > 0; !alone && !w.is("mixed") || w.is("mixed") && len(counts) < 2 {
			return fmt.Errorf("units of %s by version: %v, want %s", name, counts, w.first())
		}
	}
	return nil
}

// middle makes a look that tells whether a rewrite has rewritten many units, and not all.
func (s *scenario) middle() func(words) error {
	before := map[string]int64{} // units at the target when the rewrite of a keyspace was seen first
	return func(words) error {
		d, err := s.delivery()
		if err != nil {
			return err
		}
		keyspace, to := rewriting(d)
		if keyspace == "" {
			return fmt.Errorf("no rewrite is under way: %s", sayReady(d))
		}
		held, err := s.held()
		if err != nil {
			return err
		}
		at := held[keyspace][version(to)]
		if _, seen := before[keyspace]; !seen {
			before[keyspace] = at
		}
		if rewritten := at - before[keyspace]; rewritten < int64(s.units/8) || len(held[keyspace]) < 2 {
			return fmt.Errorf("units of %s by version: %v, %d since the rewrite was seen", keyspace, held[keyspace], rewritten)
		}
		return nil
	}
}

// rewriting returns what a rewrite that goes on rewrites, and to what.
func rewriting(d *v1alpha1.Delivery) (keyspace, to string) {
	if d.Status.Plan == nil {
		return "", ""
	}
	for _, step := range d.Status.Plan.Steps {
		if step.Kind == "rewrite" && step.State == v1alpha1.StepRunning {
			return step.Object, step.To
		}
	}
	return "", ""
}

// describe says how everything is, for a scenario that failed.
func (s *scenario) describe() string {
	var b strings.Builder
	if d, err := s.delivery(); err == nil {
		fmt.Fprintf(&b, "the Delivery: %s\n", sayReady(d))
		for _, f := range d.Status.Failures {
			fmt.Fprintf(&b, "failed: %s %s %s: %s\n", f.Kind, f.Object, f.To, f.Reason)
		}
	}
	all, _ := s.plans()
	for _, x := range all {
		fmt.Fprintf(&b, "Plan %s of %s: %s %s %s\n", x.Name, x.Spec.Revision, x.Status.Phase, x.Status.ApprovedBy, x.Status.Message)
		for i, step := range x.Spec.Steps {
			if i < len(x.Status.Steps) {
				fmt.Fprintf(&b, "    %-8s %s %s %s %s\n", x.Status.Steps[i].State, step.Kind, step.Object, step.To, x.Status.Steps[i].Message)
			}
		}
	}
	held, err := s.held()
	fmt.Fprintf(&b, "units: %v %v\npods: %v\n", held, err, s.runs(words{"?"}))
	return b.String()
}
