package reconciler

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// maxFailures is how many failures a status lists.
const maxFailures = 32

// showFailures returns failures as a status has them, of too many the latest.
func showFailures(failures []apply.Failure) []v1alpha1.StepFailure {
	var out []v1alpha1.StepFailure
	for _, f := range failures[max(0, len(failures)-maxFailures):] {
		out = append(out, v1alpha1.StepFailure{
			Kind: string(f.Kind), Object: f.Object, To: f.To, Goal: string(f.Goal), Unfit: f.Unfit, Code: f.Code,
			Reason: tidy(f.Reason), At: metav1.NewTime(f.At), Back: f.Back,
		})
	}
	return out
}

// failuresOf reads them back.
func failuresOf(status []v1alpha1.StepFailure) []apply.Failure {
	var out []apply.Failure
	for _, f := range status {
		out = append(out, apply.Failure{
			Kind: plan.Kind(f.Kind), Object: f.Object, To: f.To, Goal: state.Digest(f.Goal), Unfit: f.Unfit, Code: f.Code,
			Reason: f.Reason, At: f.At.UTC(), Back: f.Back,
		})
	}
	return out
}
