package cluster

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"keyshift.dev/state"
)

// scaleTries is how often a Deployment that somebody else writes at the same time is read again and patched.
const scaleTries = 10

// Stop implements Cluster. It is one patch, which does nothing if the Deployment has changed since it was read.
//
// A manager that applies the number of replicas, or updates in its own way again and again, would put its own back: the
// stop is refused, as a rollout is whose image is another's. An autoscaler leaves a Deployment alone that has none.
func (k *Kube) Stop(ctx context.Context, system string, c state.Component) error {
	return k.scale(ctx, c, func(d *appsv1.Deployment, s scaling) (patch any, err error) {
		n, needed := s.toStop(system, time.Now())
		if err := s.foreign(c, system); err != nil || !needed {
			return nil, err
		}
		if name := replicasManager(d); name != "" {
			return nil, replicasOwned(c, name)
		}
		return scaleTo(d, 0, n.String()), nil
	})
}

// Start implements Cluster.
func (k *Kube) Start(ctx context.Context, system string, c state.Component) error {
	return k.scale(ctx, c, func(d *appsv1.Deployment, s scaling) (patch any, err error) {
		count, needed := s.toStart()
		if err := s.foreign(c, system); err != nil || !needed {
			return nil, err
		}
		return scaleTo(d, count, nil), nil
	})
}

// Forget implements Cluster.
func (k *Kube) Forget(ctx context.Context, system string, c state.Component) error {
	return k.scale(ctx, c, func(d *appsv1.Deployment, s scaling) (patch any, err error) {
		if !s.note.of(system) || s.inForce() {
			return nil, nil
		}
		return map[string]any{"metadata": annotated(d, nil)}, nil
	})
}

// AwaitStopped implements Cluster.
func (k *Kube) AwaitStopped(ctx context.Context, c state.Component, timeout time.Duration, report func(Progress)) error {
	return awaitStop(c, k.every, report, func(ctx context.Context) (view, error) {
		s, err := k.read(ctx, c)
		if err != nil {
			return view{}, err
		}
		return s.view(), nil
	}).until(ctx, timeout)
}

// scale patches a Deployment as it was read; none if there is nothing to change.
func (k *Kube) scale(ctx context.Context, c state.Component, change func(*appsv1.Deployment, scaling) (patch any, err error)) error {
	if err := supported(c); err != nil {
		return err
	}
	client := k.client.AppsV1().Deployments(c.Workload.Namespace)
	for tries := 1; ; tries++ {
		d, err := client.Get(ctx, c.Workload.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return missing(c)
		}
		if err != nil {
			return failed(err, object(c), "get", "deployments.apps")
		}
		s := scalingOf(d)
		if s.note != nil && s.note.replicas < 0 {
			return damagedNote(c, d.Annotations[ReplicasAnnotation])
		}
		patch, err := change(d, s)
		if patch == nil || err != nil {
			return err
		}
		data, err := json.Marshal(patch)
		if err != nil {
			return err
		}
		_, err = client.Patch(ctx, c.Workload.Name, types.MergePatchType, data, metav1.PatchOptions{FieldManager: FieldManager})
		if err == nil || !apierrors.IsConflict(err) || tries == scaleTries {
			return patched(err, c)
		}
	}
}

// patched turns the end of a patch into an error.
func patched(err error, c state.Component) error {
	if err == nil {
		return nil
	}
	return failed(err, object(c), "patch", "deployments.apps")
}

// scaleTo is the patch of a Deployment that sets its replicas, and the note of those it had, nil if none; it is refused if
// the Deployment is another by then.
func scaleTo(d *appsv1.Deployment, replicas int, note any) any {
	return map[string]any{"metadata": annotated(d, note), "spec": map[string]any{"replicas": replicas}}
}

// annotated is the metadata of such a patch.
func annotated(d *appsv1.Deployment, note any) any {
	return map[string]any{
		"uid": d.UID, "resourceVersion": d.ResourceVersion,
		"annotations": map[string]any{ReplicasAnnotation: note},
	}
}

// scalingOf reads the replicas of a Deployment and the note of a stop.
func scalingOf(d *appsv1.Deployment) scaling {
	annotation, there := d.Annotations[ReplicasAnnotation]
	return scaling{replicasOf(d), readNote(annotation, there), replicasTheirs(d)}
}

// replicasTheirs tells whether somebody else has set the replicas since Keyshift did last: who changes a field owns it from
// then on, and who scales to zero through the subresource leaves it to nobody. Where no owner of any field is kept, nobody
// can tell, and nobody else is taken to have.
func replicasTheirs(d *appsv1.Deployment) bool {
	return len(d.ManagedFields) > 0 && !slices.ContainsFunc(d.ManagedFields, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == FieldManager && owns(e, "f:spec", "f:replicas")
	})
}

// replicasOf is how many replicas are asked for, one where the API server would fill that in.
func replicasOf(d *appsv1.Deployment) int {
	if d.Spec.Replicas == nil {
		return 1
	}
	return int(*d.Spec.Replicas)
}

// replicasManager returns who would put the replicas back, nobody if that is not to be feared.
func replicasManager(d *appsv1.Deployment) string {
	if handsOver(d.Annotations[HandOverAnnotation], HandOverReplicas) {
		return ""
	}
	for _, e := range d.ManagedFields {
		if persists(e) && owns(e, "f:spec", "f:replicas") {
			return e.Manager
		}
	}
	return ""
}
