package cluster

import (
	"context"
	"encoding/json"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"

	"keyshift.dev/state"
)

// Rollout implements Cluster.
//
// Who owns an image decides whether it may be taken. A manager that applies (server-side apply by Flux, by
// Helm 4, by kubectl apply --server-side) declares the field and puts it back at its next run: the rollout is
// held. So is one of those that update again and again in their own way (Argo CD, Helm 3). Any other update
// is a change somebody made once (kubectl create, kubectl set image, client-side kubectl apply): it is taken
// over, by force where the API server calls it a conflict. The same if the workload's annotation hands its
// images over.
func (k *Kube) Rollout(ctx context.Context, c state.Component, r state.Release) error {
	if err := supported(c); err != nil {
		return err
	}
	w := c.Workload
	d, err := k.client.AppsV1().Deployments(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return missing(c)
	}
	if err != nil {
		return failed(err, object(c), "get", "deployments.apps")
	}
	live := imagesOf(d.Spec.Template.Spec)
	if err := containers(c, r, live); err != nil {
		return err
	}
	if runs(r, live) {
		return nil
	}
	if err := held(c, r, d); err != nil {
		return err
	}
	_, err = k.client.AppsV1().Deployments(w.Namespace).Apply(ctx, imageFields(c, r, d),
		metav1.ApplyOptions{FieldManager: FieldManager, Force: true})
	if err != nil {
		return failed(err, object(c), "patch", "deployments.apps")
	}
	return nil
}

// imageFields is all that Keyshift applies: the images of the release's containers, of this very object.
func imageFields(c state.Component, r state.Release, d *appsv1.Deployment) *appsapply.DeploymentApplyConfiguration {
	pod := coreapply.PodSpec()
	for _, i := range r.Images {
		pod.WithContainers(coreapply.Container().WithName(i.Container).WithImage(i.Image))
	}
	return appsapply.Deployment(c.Workload.Name, c.Workload.Namespace).WithUID(d.UID).
		WithSpec(appsapply.DeploymentSpec().WithTemplate(coreapply.PodTemplateSpec().WithSpec(pod)))
}

// persistent are managers that update in their own way, not by server-side apply, and do so again and again.
var persistent = []string{
	"argocd-controller", "argocd-application-controller", "helm", "helm-controller", "kustomize-controller",
}

// held returns an *ImageOwnedError if another manager would put back one of the images that differ from the
// release.
func held(c state.Component, r state.Release, d *appsv1.Deployment) error {
	if handsOver(d.Annotations[HandOverAnnotation], HandOverImages) {
		return nil
	}
	live := imagesOf(d.Spec.Template.Spec)
	for _, want := range r.Images {
		if slices.Contains(live, want) {
			continue
		}
		for _, e := range d.ManagedFields {
			if persists(e) && ownsImage(e, want.Container) {
				return owned(c, want, live, e.Manager)
			}
		}
	}
	return nil
}

// persists tells whether an entry of metadata.managedFields is that of another manager which puts back what is its own.
func persists(e metav1.ManagedFieldsEntry) bool {
	return e.Manager != FieldManager && (e.Operation == metav1.ManagedFieldsOperationApply || slices.Contains(persistent, e.Manager))
}

// ownsImage tells whether an entry owns the image of a container of the template.
func ownsImage(e metav1.ManagedFieldsEntry, container string) bool {
	key, err := json.Marshal(map[string]string{"name": container})
	return err == nil && owns(e, "f:spec", "f:template", "f:spec", "f:containers", "k:"+string(key), "f:image")
}

// owns tells whether an entry owns a field. The format of the entry is that of structured-merge-diff: "f:" fields, "k:"
// list items by their keys.
func owns(e metav1.ManagedFieldsEntry, path ...string) bool {
	if e.FieldsV1 == nil || e.Subresource != "" {
		return false
	}
	fields := json.RawMessage(e.FieldsV1.GetRawBytes())
	for _, name := range path {
		var level map[string]json.RawMessage
		if json.Unmarshal(fields, &level) != nil || level[name] == nil {
			return false
		}
		fields = level[name]
	}
	return true
}

// manager returns who else owns the image of a container, nobody if only we do.
func manager(d *appsv1.Deployment, container string) (name string) {
	for _, e := range d.ManagedFields {
		if e.Manager != FieldManager && ownsImage(e, container) {
			name = e.Manager
		}
	}
	return name
}
