package reconciler

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// maxEnded is how many Plans of a Delivery are kept that came to their end.
const maxEnded = 10

// plans are the Plans of a Delivery: what waits for a person, what runs, and what was done.
type plans struct {
	client client.Client
	of     *v1alpha1.Delivery
	all    []*v1alpha1.Plan // the oldest first
	unmade []*v1alpha1.Plan // of which the status was never written
	loaded bool
	signer string       // of the revision; empty if nothing had to be signed
	failed []failedStep // in this attempt
}

// load reads them.
func (p *plans) load(ctx context.Context) error {
	var list v1alpha1.PlanList
	if err := p.client.List(ctx, &list, client.InNamespace(p.of.Namespace), client.MatchingLabels{v1alpha1.DeliveryLabel: labelOf(p.of.Name)}); err != nil {
		return fmt.Errorf("read the Plans of Delivery %s: %w", p.of.Name, err)
	}
	p.all, p.unmade = nil, nil
	for i := range list.Items {
		switch x := &list.Items[i]; {
		case p.made(x):
			p.all = append(p.all, x)
		case x.Status.Phase == "" && metav1.IsControlledBy(x, p.of):
			p.unmade = append(p.unmade, x)
		}
	}
	slices.SortFunc(p.all, func(a, b *v1alpha1.Plan) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	p.loaded = true
	return nil
}

// made tells whether a Plan was made here, for this Delivery: one without a phase was not, or not to its end, and one that
// another of the same name left behind, or that names no owner, lends its approval to nothing.
func (p *plans) made(x *v1alpha1.Plan) bool {
	return x.Spec.Delivery == p.of.Name && x.Status.Phase != "" && metav1.IsControlledBy(x, p.of)
}

// labelOf is a name as a label, and the name of a Plan, can hold it; whoever looks by it compares the name itself, too.
func labelOf(name string) string {
	if len(name) <= 63 {
		return name
	}
	return strings.TrimRight(name[:63], "-.")
}

// approved tells which digests people have approved, for a plan of all that demands it, and makes a Plan of what nobody
// was asked to approve yet. What waits and is not of that plan any more is superseded.
func (p *plans) approved(ctx context.Context, s apply.Situation, waiting plan.Plan) ([]state.Digest, error) {
	if err := p.load(ctx); err != nil {
		return nil, err
	}
	var digests []state.Digest
	now := lookAt(s.Plan()) // with what needs no approval
	for _, x := range p.all {
		if x.Status.Phase.Ended() {
			continue
		}
		if err := p.decide(ctx, x); err != nil {
			return nil, err
		}
		if err := p.leave(ctx, x, now, s.Have); err != nil {
			return nil, err
		}
		if a := x.Spec.Approval; a != nil && a.Approved {
			digests = append(digests, covered(x, waiting)...)
		}
	}
	open := waiting.Only(without(waiting, digests))
	asked := false
	for _, x := range p.all {
		if !asks(x) {
			continue
		}
		if x.Spec.Digest == string(open.Digest) {
			asked = true
		} else if now.awaits(x) {
			continue // it was asked for a moment ago, and this is about the rest
		} else if err := p.end(ctx, x, v1alpha1.PlanSuperseded, "what was observed, or the spec, has changed"); err != nil {
			return nil, err
		}
	}
	if asked || len(open.Steps) == 0 {
		return digests, nil
	}
	_, err := p.create(ctx, open, apply.Sizes(s, open), v1alpha1.PlanAwaitingApproval)
	return digests, err
}

// decide takes down what a person decided, and when that was learned.
func (p *plans) decide(ctx context.Context, x *v1alpha1.Plan) error {
	phase, by := x.Status.Phase, ""
	waits := phase == v1alpha1.PlanAwaitingApproval || phase == v1alpha1.PlanRejected || phase == v1alpha1.PlanPending
	switch a := x.Spec.Approval; {
	case !waits:
		return nil
	case a == nil && x.Status.ApprovedBy != "":
		phase = v1alpha1.PlanAwaitingApproval
	case a == nil:
		return nil
	case a.Approved:
		phase, by = v1alpha1.PlanPending, a.By
	default:
		phase, by = v1alpha1.PlanRejected, a.By
	}
	if phase == x.Status.Phase && by == x.Status.ApprovedBy {
		return nil
	}
	return p.change(ctx, x, func(s *v1alpha1.PlanRunStatus) {
		now := metav1.Now()
		s.Phase, s.ApprovedBy, s.ApprovedAt = phase, by, &now
	})
}

// planned makes a Plan of what is run and no Plan has yet, and ends what is not gone on with.
func (p *plans) planned(ctx context.Context, e apply.Event) error {
	if !p.loaded {
		if err := p.load(ctx); err != nil {
			return err
		}
	}
	var known []state.Digest
	now := lookAt(e.Plan)
	for _, x := range p.all {
		if err := p.leave(ctx, x, now, e.Have); err != nil {
			return err
		}
		if runs(x) {
			known = append(known, covered(x, e.Plan)...)
		}
	}
	parts := without(e.Plan, known)
	if len(parts) == 0 {
		return nil
	}
	sizes := e.Sizes
	if len(parts) < len(e.Plan.Parts) {
		sizes = nil // they are of other places
	}
	_, err := p.create(ctx, e.Plan.Only(parts), sizes, v1alpha1.PlanPending)
	return err
}

// runs tells whether a Plan may be run, or is.
func runs(x *v1alpha1.Plan) bool {
	switch x.Status.Phase {
	case v1alpha1.PlanPending, v1alpha1.PlanRunning, v1alpha1.PlanPaused:
		return true
	}
	return false
}

// asks tells whether a Plan waits for a person, or was rejected by one.
func asks(x *v1alpha1.Plan) bool {
	return x.Status.Phase == v1alpha1.PlanAwaitingApproval || x.Status.Phase == v1alpha1.PlanRejected
}

// create makes a Plan in a phase.
func (p *plans) create(ctx context.Context, of plan.Plan, sizes []apply.Size, phase v1alpha1.PlanPhase) (*v1alpha1.Plan, error) {
	base := labelOf(p.of.Name) + "-" + of.Short()
	run := 1 + count(p.all, func(x *v1alpha1.Plan) bool { return strings.HasPrefix(x.Name, base) })
	for {
		x := &v1alpha1.Plan{Spec: planSpec(of, sizes, p.of)}
		x.Name, x.Namespace = base, p.of.Namespace
		if run > 1 {
			x.Name = fmt.Sprintf("%s-%d", base, run)
		}
		x.Labels = map[string]string{v1alpha1.DeliveryLabel: labelOf(p.of.Name)}
		x.OwnerReferences = []metav1.OwnerReference{owner(p.of)}
		err := p.client.Create(ctx, x)
		if apierrors.IsAlreadyExists(err) && run < 1000 {
			run++
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("make Plan %s: %w", x.Name, err)
		}
		p.all = append(p.all, x)
		return x, p.change(ctx, x, func(s *v1alpha1.PlanRunStatus) {
			s.Phase, s.Signer = phase, p.signer
			for range x.Spec.Steps {
				s.Steps = append(s.Steps, v1alpha1.PlanStepStatus{State: v1alpha1.StepPending})
			}
		})
	}
}

func count[T any](list []T, f func(T) bool) (n int) {
	for _, x := range list {
		if f(x) {
			n++
		}
	}
	return n
}

// change writes the status of a Plan.
func (p *plans) change(ctx context.Context, x *v1alpha1.Plan, change func(*v1alpha1.PlanRunStatus)) error {
	before := x.DeepCopy()
	change(&x.Status)
	bound(&x.Status)
	if err := p.client.Status().Patch(ctx, x, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the status of Plan %s: %w", x.Name, err)
	}
	return nil
}

// end says that nothing more is done by a Plan.
func (p *plans) end(ctx context.Context, x *v1alpha1.Plan, phase v1alpha1.PlanPhase, message string) error {
	return p.change(ctx, x, func(s *v1alpha1.PlanRunStatus) { ended(s, phase, message) })
}

func ended(s *v1alpha1.PlanRunStatus, phase v1alpha1.PlanPhase, message string) {
	now := metav1.Now()
	s.Phase, s.Message, s.EndedAt = phase, clip(message, maxMessage), &now
	for i := range s.Steps {
		if s.Steps[i].State == v1alpha1.StepRunning { // it was interrupted, and the word of that did not get through
			s.Steps[i].State = v1alpha1.StepPending
		}
	}
}

// prune deletes the oldest of the Plans that came to their end, and those that were never made to the end.
func (p *plans) prune(ctx context.Context) {
	surplus := count(p.all, func(x *v1alpha1.Plan) bool { return x.Status.Phase.Ended() }) - maxEnded
	old := slices.Clone(p.unmade)
	for _, x := range p.all {
		if surplus > 0 && x.Status.Phase.Ended() {
			old = append(old, x)
			surplus--
		}
	}
	for _, x := range old {
		if err := p.client.Delete(ctx, x); client.IgnoreNotFound(err) != nil {
			ctrl.LoggerFrom(ctx).Info("an old Plan was not deleted", "plan", x.Name, "error", err.Error())
		}
	}
}
