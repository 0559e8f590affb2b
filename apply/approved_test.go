package apply_test

import (
	"context"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestApprovalWithABackupIsNoneWithoutOne: a rewrite is not approved by the suffix of a plan that would have kept every unit.
func TestApprovalWithABackupIsNoneWithoutOne(t *testing.T) {
	w := embedded(t, 20)
	w.quiet()
	w.edges.Approval = state.ApprovalAlways
	asked := w.approve("")
	if _, err := w.deliver(w.after); !blockedBy(err, apply.AwaitingApproval) {
		t.Fatal(err)
	}
	w.edges.Approved = givenFor((*asked)[0])
	w.after.Keyspaces[0].Policy.Backup = state.BackupNever
	if o, err := w.deliver(w.after); !blockedBy(err, apply.AwaitingApproval) {
		t.Errorf("%v was done without the backup that was approved: %v", steps(o), err)
	}
}

// TestApprovalIsOfAWorkload and not of what another commit calls by the same name.
func TestApprovalIsOfAWorkload(t *testing.T) {
	w := embedded(t, 20)
	w.edges.Approval = state.ApprovalAlways
	asked := w.approve("")
	if _, err := w.deliver(w.after); !blockedBy(err, apply.AwaitingApproval) {
		t.Fatal(err)
	}
	w.edges.Approved = givenFor((*asked)[0])
	other := *w.after.Components[0].Workload
	other.Name = "payments"
	w.after.Components[0].Workload = &other
	w.cluster.Deploy(other, 2, w.after.Components[0].Releases[0].Images...)
	if o, err := w.deliver(w.after); !blockedBy(err, apply.AwaitingApproval) {
		t.Errorf("%v was done to another workload than was approved: %v", steps(o), err)
	}
}

// givenFor is the approval of a plan and what is left of it.
func givenFor(p plan.Plan) func(context.Context, apply.Situation, plan.Plan) ([]state.Digest, error) {
	var digests []state.Digest
	for _, s := range p.Steps {
		digests = append(digests, s.Digest)
	}
	return func(context.Context, apply.Situation, plan.Plan) ([]state.Digest, error) { return digests, nil }
}
