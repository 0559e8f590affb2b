package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"keyshift.dev/state"
)

// Kube is a Kubernetes cluster.
type Kube struct {
	client kubernetes.Interface
	every  time.Duration // between two looks of Await
}

var _ Cluster = (*Kube)(nil)

// NewKube opens a cluster without talking to it. Unless the configuration limits the rate of requests, 50 a
// second are allowed: a look costs three for each component.
func NewKube(config *rest.Config) (*Kube, error) {
	own := rest.CopyConfig(config)
	if own.QPS == 0 {
		own.QPS, own.Burst = 50, 100
	}
	client, err := kubernetes.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("cluster: open: %w", err)
	}
	return &Kube{client: client, every: time.Second}, nil
}

// Observe implements Cluster.
func (k *Kube) Observe(ctx context.Context, system string, components []state.Component) ([]state.Running, error) {
	out := make([]state.Running, 0, len(components))
	for _, c := range components {
		if c.External {
			out = append(out, external(c))
			continue
		}
		s, err := k.read(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, running(system, c, s.view()))
	}
	slices.SortFunc(out, func(a, b state.Running) int { return cmp.Compare(a.Component, b.Component) })
	return out, nil
}

// Await implements Cluster.
func (k *Kube) Await(ctx context.Context, c state.Component, r state.Release, timeout time.Duration, report func(Progress)) error {
	return awaitRollout(c, r, k.every, report, func(ctx context.Context) (view, error) {
		s, err := k.read(ctx, c)
		if err != nil {
			return view{}, err
		}
		if s.deployment == nil {
			return view{}, missing(c)
		}
		v := s.view()
		return v, changed(c, r, v.template, func(container string) string { return manager(s.deployment, container) })
	}).until(ctx, timeout)
}

// Secret returns the data of a Secret.
func (k *Kube) Secret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	secret, err := k.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, failed(err, fmt.Sprintf("Secret %s/%s", namespace, name), "get", "secrets")
	}
	return secret.Data, nil
}

// failed turns an error of the API into an Error with a hint; verb and resource are those of the request.
func failed(err error, object, verb, resource string) error {
	e := &Error{Reason: Unreachable, Wait: true, Object: object, Err: err}
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case apierrors.IsForbidden(err):
		e.Reason, e.Wait = Denied, false
		e.Hint = fmt.Sprintf("allow Keyshift's service account the verb %s on %s in that namespace", verb, resource)
	case apierrors.IsUnauthorized(err):
		e.Reason, e.Wait, e.Hint = Denied, false, "renew the credentials of the kubeconfig"
	case apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err):
		e.Hint = "the API server is overloaded or starting"
	case apierrors.IsNotFound(err):
		e.Reason, e.Wait, e.Hint = Missing, false, "create it, or mend the name"
	case errors.As(err, &status):
		e.Reason, e.Wait = Refused, false
	default:
		e.Hint = "see whether the API server can be reached from here"
	}
	return e
}

// ended tells whether a pod will never run anything again: its phase is final and every container that was
// reported has terminated. A final phase alone does not say that: for a pod on a lost node it is set by the
// control plane while the containers may still run, and their last report says running.
func ended(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
		return false
	}
	for _, s := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses) {
		if s.State.Terminated == nil {
			return false
		}
	}
	return true
}
