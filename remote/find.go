package remote

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
)

// The resources, as rights name them.
const (
	plansResource      = "plans.keyshift.dev"
	deliveriesResource = "deliveries.keyshift.dev"
)

// delivery reads a Delivery. If there is none of that name, the error names those that there are.
func (p place) delivery(ctx context.Context, name string) (*v1alpha1.Delivery, error) {
	var d v1alpha1.Delivery
	err := p.client.Get(ctx, client.ObjectKey{Namespace: p.namespace, Name: name}, &d)
	if apierrors.IsNotFound(err) && !undefined(err) {
		return nil, p.noDelivery(ctx, name, err)
	}
	return &d, p.explain(err, "get", deliveriesResource, name)
}

// noDelivery says which Deliveries there are instead: in the namespace, or of that name elsewhere.
func (p place) noDelivery(ctx context.Context, name string, err error) *Problem {
	var list v1alpha1.DeliveryList
	hint := "look with: kubectl get deliveries -A"
	if p.client.List(ctx, &list, client.InNamespace(p.namespace)) == nil && len(list.Items) > 0 {
		hint = "it has " + strings.Join(namesOf(list.Items, func(d v1alpha1.Delivery) string { return d.Name }), ", ")
	}
	if p.client.List(ctx, &list) == nil { // whoever may not look there is not told
		var elsewhere []string
		for _, d := range list.Items {
			if d.Name == name {
				elsewhere = append(elsewhere, d.Namespace)
			}
		}
		if len(elsewhere) > 0 {
			hint = "there is one in " + strings.Join(elsewhere, ", ") + ": name the namespace with -n"
		}
	}
	out := problem("NoDelivery", hint, "namespace %s has no Delivery %s", p.namespace, name)
	out.err = err
	return out
}

func namesOf[T any](list []T, name func(T) string) (names []string) {
	for _, x := range list {
		names = append(names, name(x))
	}
	slices.Sort(names)
	return names
}

// plans reads the Plans of the namespace, the latest first.
func (p place) plans(ctx context.Context) ([]v1alpha1.Plan, error) {
	var list v1alpha1.PlanList
	if err := p.client.List(ctx, &list, client.InNamespace(p.namespace)); err != nil {
		return nil, p.explain(err, "list", plansResource, "")
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Plan) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(b.Name, a.Name))
	})
	return list.Items, nil
}

// keep returns the elements that something holds of.
func keep[T any](list []T, holds func(T) bool) (kept []T) {
	for _, x := range list {
		if holds(x) {
			kept = append(kept, x)
		}
	}
	return kept
}

func plansOf(all []v1alpha1.Plan, delivery string) []v1alpha1.Plan {
	return keep(all, func(x v1alpha1.Plan) bool { return x.Spec.Delivery == delivery })
}

// digestStart is the beginning of a digest, as keyshift plan prints it.
var digestStart = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// digestOf returns a digest without the name of its algorithm.
func digestOf(x v1alpha1.Plan) string {
	_, hex, _ := strings.Cut(x.Spec.Digest, ":")
	return hex
}

// named returns the Plan of a name, or those of a Delivery or with a digest that begins so.
func named(all []v1alpha1.Plan, name string) (exact *v1alpha1.Plan, some []v1alpha1.Plan) {
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
	}
	prefix := strings.TrimPrefix(name, "sha256:")
	return nil, keep(all, func(x v1alpha1.Plan) bool {
		return x.Spec.Delivery == name || digestStart.MatchString(prefix) && strings.HasPrefix(digestOf(x), prefix)
	})
}

// awaits tells whether a Plan waits for a person, and nobody has decided yet.
func awaits(x v1alpha1.Plan) bool {
	return x.Status.Phase == v1alpha1.PlanAwaitingApproval && x.Spec.Approval == nil
}

// ready is the Ready condition of a Delivery, one of unknown status if it has none.
func ready(d *v1alpha1.Delivery) metav1.Condition {
	if c := apimeta.FindStatusCondition(d.Status.Conditions, meta.ReadyCondition); c != nil {
		return *c
	}
	return metav1.Condition{Type: meta.ReadyCondition, Status: metav1.ConditionUnknown, Message: "the controller has not looked at it yet"}
}

var commitEnd = regexp.MustCompile(`(?:^|[@:])([0-9a-f]{40})$`)

// commitOf returns the commit of a revision, nothing if it names none.
func commitOf(revision string) string {
	if m := commitEnd.FindStringSubmatch(revision); m != nil {
		return m[1]
	}
	return ""
}
