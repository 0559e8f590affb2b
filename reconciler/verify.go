package reconciler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/gitsource"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// maxSigner is the length of a signer in a status, in bytes.
const maxSigner = 512

// keysError is why nobody knows who may sign.
type keysError struct{ err error }

// Error names the field, what is wrong with its Secret, and what is to be there.
func (e *keysError) Error() string {
	return fmt.Sprintf("spec.git.verify.secretRef: %v (it holds the public keys of those who may sign, a file each: ada.asc as gpg --export --armor writes it, ci.pub of an SSH key)", e.err)
}

// Unwrap returns the error of the Secret.
func (e *keysError) Unwrap() error { return e.err }

// verification returns what of a Delivery's repository must be signed, and by whom; nil if nothing must.
func verification(ctx context.Context, c client.Reader, d *v1alpha1.Delivery) (*gitsource.Verify, error) {
	v := d.Spec.Git.Verify
	if v == nil {
		return nil, nil
	}
	secret, err := readSecret(ctx, c, d.Namespace, v.SecretRef.Name)
	if err != nil {
		return nil, &keysError{err}
	}
	keys, err := gitsource.ReadKeys(secret.Data)
	if err != nil {
		return nil, &keysError{&SecretError{Name: client.ObjectKeyFromObject(secret).String(), Message: err.Error()}}
	}
	return &gitsource.Verify{Mode: gitsource.VerifyMode(v.Mode), Keys: keys}, nil
}

// isUnverified tells whether an error says that a revision is not signed as it must be, or that this cannot be told.
func isUnverified(err error) bool {
	if _, ok := errors.AsType[*keysError](err); ok {
		return true
	}
	e, ok := errors.AsType[*gitsource.Error](err)
	return ok && (e.Reason == gitsource.SignatureMissing || e.Reason == gitsource.SignatureInvalid || e.Reason == gitsource.VerifyRefused)
}

// vouch says that a revision is signed as the Delivery demands, and by whom. Where it demands nothing, nothing is said.
func (a *attempt) vouch(revision, signer string) {
	d := a.delivery
	a.signer = clip(signer, maxSigner)
	a.plans.signer = a.signer
	if d.Spec.Git.Verify == nil {
		return
	}
	a.vouched = true
	conditions.MarkTrue(d, v1alpha1.SourceVerifiedCondition, meta.SucceededReason, "%s", tidy(fmt.Sprintf("revision %s is signed by %s", revision, a.signer)))
}

// disavow says why a revision is not verified: it is not signed as it must be, or nobody could look. What is held of an
// earlier attempt was verified with the keys of now, and stays so. It returns the error with the name of the Secret.
func (a *attempt) disavow(err error, held spec) error {
	d := a.delivery
	if d.Spec.Git.Verify == nil || err == nil {
		return err
	}
	_, named := errors.AsType[*keysError](err)
	if isUnverified(err) && !named {
		err = fmt.Errorf("%w; the keys are those of Secret %s/%s", err, d.Namespace, d.Spec.Git.Verify.SecretRef.Name)
	}
	v := judge(err)
	switch {
	case isUnverified(err):
		conditions.MarkFalse(d, v1alpha1.SourceVerifiedCondition, v.reason, "%s", v.message)
	case !a.vouched && held.revision == "":
		conditions.MarkUnknown(d, v1alpha1.SourceVerifiedCondition, v.reason, "%s", tidy("nothing was verified yet: "+v.message))
	}
	return err
}

// signed is what a message says of who signed a revision.
func (s spec) signed() string {
	if s.signer == "" {
		return ""
	}
	return ", signed by " + clip(s.signer, maxSigner)
}

// approver tells who approved the plan that a step is of, and when that was learned.
func (a *attempt) approver(step state.Digest) (string, time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q, _, _ := a.plans.with(plan.Step{Digest: step})
	x := q.of
	if x == nil || x.Spec.Approval == nil || !x.Spec.Approval.Approved || x.Status.ApprovedBy == "" || x.Status.ApprovedAt == nil {
		return "", time.Time{}
	}
	return x.Status.ApprovedBy, x.Status.ApprovedAt.Time
}
