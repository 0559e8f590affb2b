package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/cluster"
	"keyshift.dev/testbed"
)

// people lets ada approve plans of a namespace, and eve change them, but not approve.
func people(t testing.TB, plane *testbed.ControlPlane, namespace string) {
	t.Helper()
	c := clientOf(t, plane.Config)
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "plan-editor"}
	bind := func(name, kind, role, user string) *rbacv1.RoleBinding {
		return &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}}
	}
	for _, o := range []client.Object{
		bind("ada", "ClusterRole", "keyshift-approver", "ada"),
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{v1alpha1.GroupVersion.Group},
			Resources: []string{"plans"}, Verbs: []string{"get", "list", "watch", "create", "update", "patch"}}}},
		bind("eve", "Role", meta.Name, "eve"),
	} {
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitAdmission waits until the API server refuses what the admission policy refuses: it learns of it a little later.
func awaitAdmission(t testing.TB, plane *testbed.ControlPlane, namespace string) {
	t.Helper()
	c := clientOf(t, as(plane.Config, "eve"))
	err := until(t.Context(), "the admission policy is in force", func() error {
		x := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "probe"}, Spec: v1alpha1.PlanSpec{
			Delivery: "shop", Digest: "sha256:0", Steps: []v1alpha1.PlanStep{{Kind: "rollout", Object: "checkout", Digest: "sha256:0"}},
			Approval: &v1alpha1.PlanApproval{Approved: true, By: "eve"}}}
		err := c.Create(t.Context(), x, client.DryRunAll)
		if apierrors.IsForbidden(err) && strings.Contains(err.Error(), "may not approve plans") {
			return nil
		}
		return fmt.Errorf("eve approves: %v", err)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// create makes the Delivery.
func (s *scenario) create(w words) error {
	if !w.is("delivery") {
		return errWords(w)
	}
	return s.kube.Create(s.ctx, &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: s.namespace},
		Spec: v1alpha1.DeliverySpec{
			Interval: metav1.Duration{Duration: 2 * time.Second}, Timeout: &metav1.Duration{Duration: time.Minute},
			Git: v1alpha1.GitSource{URL: s.git.URL, Ref: &v1alpha1.GitRef{Branch: "main"}},
		},
	})
}

// delete deletes the Delivery and waits until it is gone.
func (s *scenario) delete(w words) error {
	if !w.is("delivery") {
		return errWords(w)
	}
	d, err := s.delivery()
	if err != nil {
		return err
	}
	if err := s.kube.Delete(s.ctx, d); err != nil {
		return err
	}
	return until(s.ctx, "the Delivery is gone", func() error {
		d, err := s.delivery()
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return fmt.Errorf("it is there, with the finalizers %v", d.Finalizers)
	})
}

func (s *scenario) delivery() (*v1alpha1.Delivery, error) {
	var d v1alpha1.Delivery
	err := s.kube.Get(s.ctx, types.NamespacedName{Namespace: s.namespace, Name: "shop"}, &d)
	return &d, err
}

// change changes the Delivery.
func (s *scenario) change(change func(*v1alpha1.Delivery)) error {
	d, err := s.delivery()
	if err != nil {
		return err
	}
	before := d.DeepCopy()
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	change(d)
	return s.kube.Patch(s.ctx, d, client.MergeFrom(before))
}

// reconcile asks for a reconciliation as the Flux command line does, and waits until it is over.
func (s *scenario) reconcile(w words) error {
	if len(w) > 0 {
		return errWords(w)
	}
	return s.request()
}

// force asks for one that tries again what failed.
func (s *scenario) force(w words) error {
	if len(w) > 0 {
		return errWords(w)
	}
	return s.request(v1alpha1.ForceAnnotation)
}

func (s *scenario) request(annotations ...string) error {
	token := time.Now().Format(time.RFC3339Nano)
	err := s.change(func(d *v1alpha1.Delivery) {
		for _, name := range append(annotations, meta.ReconcileRequestAnnotation) {
			d.Annotations[name] = token
		}
	})
	if err != nil {
		return err
	}
	return until(s.ctx, "the request is handled", func() error {
		d, err := s.delivery()
		if err == nil && d.Status.LastHandledReconcileAt != token {
			err = fmt.Errorf("the last one that was handled is %q", d.Status.LastHandledReconcileAt)
		}
		return err
	})
}

// rollback keeps the live world at the revision that was applied before the last.
func (s *scenario) rollback(w words) error {
	if !w.is("to", "the", "one", "before") {
		return errWords(w)
	}
	return s.change(func(d *v1alpha1.Delivery) {
		if len(d.Status.Applied) > 1 {
			d.Spec.Rollback = &v1alpha1.Rollback{To: d.Status.Applied[1].Revision}
		}
	})
}

// resume lets it follow the repository again.
func (s *scenario) resume(w words) error {
	if len(w) > 0 {
		return errWords(w)
	}
	return s.change(func(d *v1alpha1.Delivery) { d.Spec.Rollback = nil })
}

// approve approves the plan that waits, or was rejected.
func (s *scenario) approve(w words) error { return s.decide(w, true) }

// reject rejects it.
func (s *scenario) reject(w words) error { return s.decide(w, false) }

// decide decides on a plan: [the superseded] as USER [by OTHER].
func (s *scenario) decide(w words, approved bool) error {
	phases := []v1alpha1.PlanPhase{v1alpha1.PlanAwaitingApproval, v1alpha1.PlanRejected}
	rest, found := w.cut("the", "superseded")
	if found {
		phases = []v1alpha1.PlanPhase{v1alpha1.PlanSuperseded}
	}
	rest, found = rest.cut("as")
	if !found || len(rest) == 0 {
		return errWords(w)
	}
	user, by := rest[0], rest[0]
	if other, found := rest[1:].cut("by"); found {
		by = other.first()
	}
	return s.patchPlan(user, phases, func(x *v1alpha1.Plan) { x.Spec.Approval = &v1alpha1.PlanApproval{Approved: approved, By: by} })
}

// edit changes what is to be done: as USER.
func (s *scenario) edit(w words) error {
	rest, found := w.cut("plan", "as")
	if !found || len(rest) != 1 {
		return errWords(w)
	}
	return s.patchPlan(rest[0], []v1alpha1.PlanPhase{v1alpha1.PlanAwaitingApproval}, func(x *v1alpha1.Plan) { x.Spec.Steps = x.Spec.Steps[1:] })
}

// patchPlan changes the one plan in one of some phases, in the name of a user.
func (s *scenario) patchPlan(user string, phases []v1alpha1.PlanPhase, change func(*v1alpha1.Plan)) error {
	all, err := s.plans()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(x v1alpha1.Plan) bool { return slices.Contains(phases, x.Status.Phase) })
	if i < 0 {
		return fmt.Errorf("no Plan is %v", phases)
	}
	before := all[i].DeepCopy()
	change(&all[i])
	return clientOf(s.t, as(s.plane.Config, user)).Patch(s.ctx, &all[i], client.MergeFrom(before))
}

// helm is another manager of the Deployment.
func (s *scenario) helm(w words) error {
	deployments := s.plane.Client.AppsV1().Deployments(s.namespace)
	if w.is("hands", "over") {
		patch := fmt.Sprintf(`{"metadata": {"annotations": {%q: %q}}}`, cluster.HandOverAnnotation, cluster.HandOverImages)
		_, err := deployments.Patch(s.ctx, "checkout", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-annotate"})
		return err
	}
	rest, found := w.cut("sets")
	if !found || len(rest) != 1 {
		return errWords(w)
	}
	pod := coreapply.PodSpec().WithContainers(coreapply.Container().WithName("app").WithImage(image(rest[0])))
	_, err := deployments.Apply(s.ctx, appsapply.Deployment("checkout", s.namespace).
		WithSpec(appsapply.DeploymentSpec().WithTemplate(coreapply.PodTemplateSpec().WithSpec(pod))),
		metav1.ApplyOptions{FieldManager: "helm", Force: true})
	return err
}
