package remote

import (
	"context"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"keyshift.dev/api/v1alpha1"
)

// waitingPlan is a Plan of Delivery shop that awaits approval.
func waitingPlan(name string) *v1alpha1.Plan {
	return &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: "1"},
		Spec: v1alpha1.PlanSpec{Delivery: "shop", Digest: "sha256:aaaaaaaaaaaaaaaa", Summary: "1 rollout",
			Steps: []v1alpha1.PlanStep{{Kind: "rollout", Object: "checkout", Digest: "sha256:aaaaaaaaaaaaaaaa"}}},
		Status: v1alpha1.PlanRunStatus{Phase: v1alpha1.PlanAwaitingApproval},
	}
}

// meeting is a place at which somebody else writes the Plan before each of the first patches arrives.
func meeting(t *testing.T, times int, change func(context.Context, client.Client, *v1alpha1.Plan) error) place {
	return testPlace(t, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
			if times--; times >= 0 {
				var now v1alpha1.Plan
				if err := c.Get(ctx, client.ObjectKeyFromObject(o), &now); err != nil {
					return err
				}
				if err := change(ctx, c, &now); err != nil {
					return err
				}
			}
			return c.Patch(ctx, o, patch, options...)
		},
	}, waitingPlan("shop-1"))
}

func approvalOf(t *testing.T, p place) *v1alpha1.PlanApproval {
	t.Helper()
	var x v1alpha1.Plan
	if err := p.client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "shop-1"}, &x); err != nil {
		t.Fatal(err)
	}
	return x.Spec.Approval
}

// What the controller writes meanwhile is no reason to ask again, if the plan is what was shown.
func TestApprovalMeetsAWrite(t *testing.T) {
	label := func(ctx context.Context, c client.Client, x *v1alpha1.Plan) error {
		x.Labels = map[string]string{"now": x.ResourceVersion}
		return c.Update(ctx, x)
	}
	p := meeting(t, 2, label)
	if out, err := command(t, p, "approve shop --yes"); err != nil {
		t.Fatal(out, err)
	}
	if a := approvalOf(t, p); a == nil || !a.Approved || a.By != "ada" {
		t.Errorf("got %+v", a)
	}
	p = meeting(t, 100, label)
	if _, err := command(t, p, "approve shop --yes"); err == nil || approvalOf(t, p) != nil {
		t.Errorf("%v, %+v", err, approvalOf(t, p))
	}
}

// A plan that has changed since it was shown is not approved, whatever has changed.
func TestApprovalIsOfThePlanThatWasShown(t *testing.T) {
	for name, change := range map[string]func(context.Context, client.Client, *v1alpha1.Plan) error{
		"superseded": func(ctx context.Context, c client.Client, x *v1alpha1.Plan) error {
			x.Status.Phase = v1alpha1.PlanSuperseded
			return c.Status().Update(ctx, x)
		},
		"another": func(ctx context.Context, c client.Client, x *v1alpha1.Plan) error {
			y := waitingPlan(x.Name)
			y.UID, y.ResourceVersion = "2", ""
			if err := c.Delete(ctx, x); err != nil {
				return err
			}
			return c.Create(ctx, y)
		},
		"rejected": func(ctx context.Context, c client.Client, x *v1alpha1.Plan) error {
			x.Spec.Approval = &v1alpha1.PlanApproval{By: "bob"}
			return c.Update(ctx, x)
		},
		"edited": func(ctx context.Context, c client.Client, x *v1alpha1.Plan) error {
			x.Spec.Digest = "sha256:bbbbbbbb"
			return c.Update(ctx, x)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := meeting(t, 1, change)
			_, err := command(t, p, "approve shop --yes")
			if err == nil || asProblem(err).Code != "PlanChanged" {
				t.Errorf("got %v", err)
			}
			if a := approvalOf(t, p); a != nil && a.By == "ada" {
				t.Errorf("it is approved: %+v", a)
			}
		})
	}
}

// Where several plans wait, one must be named.
func TestSeveralPlansWait(t *testing.T) {
	p := testPlace(t, interceptor.Funcs{}, waitingPlan("shop-1"), waitingPlan("shop-2"))
	for _, line := range []string{"approve shop --yes", "approve aaaaaaaa --yes"} {
		_, err := command(t, p, line)
		if err == nil || asProblem(err).Code != "SeveralPlans" || !strings.Contains(err.Error(), "shop-1") || !strings.Contains(err.Error(), "shop-2") {
			t.Errorf("%s: %v", line, err)
		}
	}
	if out, err := command(t, p, "approve shop-1 --yes"); err != nil {
		t.Error(out, err)
	}
}

// refusing answers every request of a kind with an error.
func refusing(t *testing.T, err error) place {
	return testPlace(t, interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return err
		},
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return err
		},
	}, waitingPlan("shop-1"))
}

// Every refusal says what is missing.
func TestRefusals(t *testing.T) {
	plans := schema.GroupResource{Group: "keyshift.dev", Resource: "plans"}
	for name, x := range map[string]struct {
		line string
		err  error
		code string
		want string
	}{
		"rights":  {"approve shop --yes", apierrors.NewForbidden(plans, "shop-1", errWord(`User "ada" cannot patch resource "plans"`)), "Forbidden", `User "ada" cannot patch resource "plans"; it takes the verb patch on plans.keyshift.dev in namespace shop: the ClusterRole keyshift-approver has it`},
		"policy":  {"approve shop --yes", apierrors.NewForbidden(plans, "shop-1", errWord("ValidatingAdmissionPolicy 'keyshift-plan-approval' with binding 'keyshift-plan-approval' denied request: ada may not approve plans in shop")), "Forbidden", "ada may not approve plans in shop; ask for the role: kubectl create rolebinding -n shop keyshift-approvers --clusterrole=keyshift-approver --user=NAME"},
		"unknown": {"suspend shop", apierrors.NewUnauthorized("no"), "Unauthorized", "kubectl auth whoami"},
		"get":     {"status shop", apierrors.NewForbidden(schema.GroupResource{Group: "keyshift.dev", Resource: "deliveries"}, "shop", errWord("no")), "Forbidden", "no; it takes the verb get on deliveries.keyshift.dev in namespace shop"},
		"other":   {"status shop", apierrors.NewInternalError(errWord("out of order")), "Refused", "out of order"},
		"network": {"approve shop --yes", errWord("connection reset"), "ClusterUnreachable", "whether it was taken is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := command(t, refusing(t, x.err), x.line)
			if err == nil || asProblem(err).Code != x.code || !strings.Contains(err.Error(), x.want) {
				t.Errorf("got %v, want %s: %s", err, x.code, x.want)
			}
		})
	}
}

type errWord string

// Error implements error.
func (e errWord) Error() string { return string(e) }
