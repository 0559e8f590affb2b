package reconciler

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/plan"
	"keyshift.dev/testbed"
)

// TestLargestPlanOnKubernetes: an API server keeps the largest Plan there may be, and lets nobody change what is not listed.
func TestLargestPlanOnKubernetes(t *testing.T) {
	plane := testbed.SharedKubernetes(t)
	c := installed(t, plane)
	d := newDelivery(plane.Namespace(t), "large", "https://git.example.com/large")
	d.Spec.Suspend = true
	if err := c.Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	parts := slices.Repeat([]int{1}, 9000)
	parts[2000] = 30000
	of := planOf(parts...)
	for i := range of.Steps {
		of.Steps[i].Notes = []string{strings.Repeat("<", 64)}
	}
	p := &plans{client: c, of: d, loaded: true}
	x, err := p.create(t.Context(), of, nil, v1alpha1.PlanPending)
	if err != nil {
		t.Fatal(err)
	}
	now := metav1.Now()
	err = p.change(t.Context(), x, func(s *v1alpha1.PlanRunStatus) {
		for i := range s.Steps {
			s.Steps[i] = v1alpha1.PlanStepStatus{State: v1alpha1.StepDone, StartedAt: &now, EndedAt: &now, Message: strings.Repeat("<", 512)}
		}
		for _, q := range partsOf(x) {
			setPart(s, q.index, func(s *v1alpha1.PlanPartStatus) { s.Phase, s.Done = v1alpha1.PlanSuperseded, 1000000 })
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := encoded(x); n < 1<<20 || len(x.Spec.Rest) < 1000 {
		t.Errorf("the largest Plan takes %d bytes, and names %d parts beside %d steps", n, len(x.Spec.Rest), len(x.Spec.Steps))
	}
	for name, change := range map[string]func(*v1alpha1.PlanSpec){
		"a digest": func(s *v1alpha1.PlanSpec) { s.Rest[0].Digests = strings.Repeat("A", shortLength) },
		"all":      func(s *v1alpha1.PlanSpec) { s.Rest = nil },
	} {
		edited := x.DeepCopy()
		change(&edited.Spec)
		if err := c.Patch(t.Context(), edited, client.MergeFrom(x)); err == nil || !strings.Contains(err.Error(), "cannot be changed, only approved") {
			t.Errorf("%s of what is not listed was changed: %v", name, err)
		}
	}
	small, err := p.create(t.Context(), plan.Plan{Digest: "small", Steps: of.Steps[:1], Parts: of.Parts[:1]}, nil, v1alpha1.PlanPending)
	if err != nil {
		t.Fatal(err)
	}
	edited := small.DeepCopy()
	edited.Spec.Rest = x.Spec.Rest[:1]
	if err := c.Patch(t.Context(), edited, client.MergeFrom(small)); err == nil {
		t.Error("something was added that is not listed")
	}
}
