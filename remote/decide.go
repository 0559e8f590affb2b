package remote

import (
	"context"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
)

// decision is what a person says of a Plan.
type decision struct {
	connection
	approve bool
	yes     bool
}

// decided is a decision for programs.
type decided struct {
	Plan     string `json:"plan"`
	Delivery string `json:"delivery"`
	Digest   string `json:"digest"`
	Approved bool   `json:"approved"`
	By       string `json:"by"`
}

func approveCommand() Command {
	d := &decision{approve: true}
	return Command{
		Use:   "approve PLAN|DELIVERY",
		Short: "Approve the plan of a Delivery that waits for it",
		Long: `Approve finds the Plan that waits for a person, by its own name, by that of its Delivery, or by the digest that
keyshift plan prints. It shows the plan, asks, and approves it in the name under which the cluster knows you. What is
approved is the plan as it was shown, and what is left of it later, for one run; if what is observed changes to what the
plan does not pass through, the plan is superseded and another one waits.

It takes the ClusterRole keyshift-approver in the namespace.`,
		Example: "  keyshift approve shop -n shop\n  keyshift approve shop-0a1b2c3d4e5f --yes",
		Args:    1, Flags: d.bind, Run: d.with(d.run),
	}
}

func rejectCommand() Command {
	d := &decision{}
	return Command{
		Use:   "reject PLAN|DELIVERY",
		Short: "Reject the plan of a Delivery that waits for approval",
		Long: `Reject finds the Plan as approve does, and says that it is not to be done. The Delivery stays as it is until what
is wanted or what is observed changes, or somebody approves the plan after all. A plan that has begun cannot be rejected:
keyshift suspend ends it at the next safe point.

It takes the ClusterRole keyshift-approver in the namespace.`,
		Example: "  keyshift reject shop -n shop",
		Args:    1, Flags: d.bind, Run: d.with(d.run),
	}
}

func (d *decision) bind(fs *pflag.FlagSet) {
	d.connection.bind(fs)
	fs.BoolVarP(&d.yes, "yes", "y", false, "do not ask; needed where there is no terminal")
}

func (d *decision) verb() string {
	if d.approve {
		return "approve"
	}
	return "reject"
}

func (d *decision) run(ctx context.Context, p place, s Streams, name string) error {
	x, err := d.find(ctx, p, name)
	if err != nil {
		return err
	}
	if a := x.Spec.Approval; a != nil && a.Approved == d.approve {
		s.line("Plan %s was %s by %s before.", x.Name, past(d.approve), a.By)
		return d.give(s, x)
	}
	me, err := p.me(ctx)
	if err != nil {
		return err
	}
	showPlan(s, *x, false)
	s.line("")
	if sure, err := d.ask(p, s, *x, me); err != nil {
		return err
	} else if !sure {
		return problem("NotConfirmed", "", "Plan %s is left as it is", x.Name)
	}
	if err := d.write(ctx, p, x, me); err != nil {
		return err
	}
	s.line("Plan %s is %s by %s.", x.Name, past(d.approve), me)
	if d.approve {
		s.line("The controller runs it; look with: %s", p.command("status", x.Spec.Delivery))
		d.warn(ctx, p, s, x.Spec.Delivery)
	}
	return d.give(s, x)
}

func (d *decision) give(s Streams, x *v1alpha1.Plan) error {
	if !s.JSON {
		return nil
	}
	return s.value(decided{x.Name, x.Spec.Delivery, x.Spec.Digest, x.Spec.Approval.Approved, x.Spec.Approval.By})
}

func past(approve bool) string {
	if approve {
		return "approved"
	}
	return "rejected"
}

// ask asks whether the plan that was shown is meant.
func (d *decision) ask(p place, s Streams, x v1alpha1.Plan, me string) (bool, error) {
	switch {
	case d.yes:
		return true, nil
	case s.Ask == nil || s.JSON:
		return false, problem("NotConfirmed", "review it with "+p.command("history", x.Name)+", and add --yes", "there is nobody to ask whether to %s Plan %s", d.verb(), x.Name)
	}
	return s.Ask(clean("Do you, " + me + ", " + d.verb() + " this plan?"))
}

// warn says that a Delivery does nothing, whatever is approved.
func (d *decision) warn(ctx context.Context, p place, s Streams, name string) {
	if of, err := p.delivery(ctx, name); err == nil && of.Spec.Suspend {
		s.note("Delivery %s is suspended: nothing runs until %s", name, p.command("resume", name))
	}
}

// find returns the Plan that is meant and can be decided on, or was decided so before.
func (d *decision) find(ctx context.Context, p place, name string) (*v1alpha1.Plan, error) {
	all, err := p.plans(ctx)
	if err != nil {
		return nil, err
	}
	exact, some := named(all, name)
	if exact != nil {
		return exact, d.refuse(p, all, *exact)
	}
	if len(some) == 0 {
		return nil, p.nothing(ctx, name)
	}
	for _, candidates := range [][]v1alpha1.Plan{
		keep(some, awaits),
		keep(some, func(x v1alpha1.Plan) bool { return decidable(x) && x.Spec.Approval.Approved != d.approve }),
		keep(some, decidable), // decided so before
	} {
		if len(candidates) == 1 {
			return &candidates[0], nil
		}
		if len(candidates) > 1 {
			return nil, problem("SeveralPlans", "name one of them", "%s may be one of several Plans: %s", name, list(candidates))
		}
	}
	if some[0].Spec.Delivery != name {
		return &some[0], d.refuse(p, all, some[0])
	}
	return nil, p.nothing(ctx, name)
}

// decidable tells whether somebody has decided on a Plan of which nothing is begun, so that it may be decided otherwise.
func decidable(x v1alpha1.Plan) bool {
	switch x.Status.Phase {
	case v1alpha1.PlanAwaitingApproval, v1alpha1.PlanRejected, v1alpha1.PlanPending:
		return x.Spec.Approval != nil
	}
	return false
}

// refuse says why a Plan cannot be decided on, and which one waits instead; nil if it can.
func (d *decision) refuse(p place, all []v1alpha1.Plan, x v1alpha1.Plan) error {
	if awaits(x) || decidable(x) {
		return nil
	}
	hint := "no other plan of Delivery " + x.Spec.Delivery + " waits for approval"
	if waits := keep(plansOf(all, x.Spec.Delivery), awaits); len(waits) > 0 {
		hint = "now waits " + list(waits) + ": " + p.command(d.verb(), waits[0].Name)
	}
	switch phase := x.Status.Phase; {
	case phase.Ended():
		return problem("PlanEnded", hint, "Plan %s is %s: it cannot be %s any more", x.Name, phase, past(d.approve))
	case phase == v1alpha1.PlanRunning || phase == v1alpha1.PlanPaused:
		return problem("PlanBegun", "to end it at the next safe point: "+p.command("suspend", x.Spec.Delivery), "Plan %s is %s: it has begun and cannot be %s any more", x.Name, phase, past(d.approve))
	}
	return problem("NothingWaits", hint, "Plan %s waits for no approval", x.Name)
}

func list(plans []v1alpha1.Plan) string {
	text := ""
	for i, x := range plans {
		if i > 0 {
			text += ", "
		}
		text += x.Name + " (" + x.Spec.Summary + ")"
	}
	return text
}

// nothing says that nothing waits at a Delivery, or that there is none of that name.
func (p place) nothing(ctx context.Context, name string) error {
	d, err := p.delivery(ctx, name)
	if err != nil {
		return err
	}
	return problem("NothingWaits", "look with: "+p.command("history", name), "no plan of Delivery %s waits for approval (%s)", name, ready(d).Message)
}

// tries is how often a write is tried that meets a write of the controller.
const tries = 5

// write puts the decision on the very plan that was shown: whatever is written in between is read and compared first.
func (d *decision) write(ctx context.Context, p place, x *v1alpha1.Plan, me string) error {
	shown := x.DeepCopy()
	for range tries {
		before := x.DeepCopy()
		x.Spec.Approval = &v1alpha1.PlanApproval{Approved: d.approve, By: me}
		err := p.client.Patch(ctx, x, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		if !apierrors.IsConflict(err) {
			return p.explain(err, "patch", plansResource, x.Name)
		}
		if err := p.client.Get(ctx, client.ObjectKeyFromObject(x), x); err != nil {
			return p.explain(err, "get", plansResource, x.Name)
		}
		if changed(*shown, *x) {
			return problem("PlanChanged", "look at it again: "+p.command("history", x.Name), "Plan %s has changed since it was shown; it is %s now, and nothing was decided", x.Name, x.Status.Phase)
		}
	}
	return problem("PlanChanged", "ask again", "Plan %s is being written all the time; nothing was decided", x.Name)
}

// changed tells whether a Plan is another than was shown, or not what it was to a person.
func changed(shown, now v1alpha1.Plan) bool {
	a, b := shown.Spec.Approval, now.Spec.Approval
	return shown.UID != now.UID || shown.Spec.Digest != now.Spec.Digest || shown.Status.Phase != now.Status.Phase ||
		(a == nil) != (b == nil) || a != nil && *a != *b
}
