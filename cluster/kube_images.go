package cluster

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/state"
)

// Pullable implements Cluster.
func (k *Kube) Pullable(ctx context.Context, c state.Component, images []state.Image) []ImageAnswer {
	if err := supported(c); err != nil {
		return same(images, PullUnknown, err.Error())
	}
	d, err := k.client.AppsV1().Deployments(c.Workload.Namespace).Get(ctx, c.Workload.Name, metav1.GetOptions{})
	if err != nil {
		return same(images, PullUnknown, failed(err, object(c), "get", "deployments.apps").Error())
	}
	return askRegistries(ctx, k.keyring(ctx, c.Workload.Namespace, d.Spec.Template.Spec), images)
}

// keyring reads the credentials with which the pods of a template pull: of its own pull secrets, else, as the admission of
// pods has it, of those of its service account. A Secret that does not exist is left out, as a kubelet does.
func (k *Kube) keyring(ctx context.Context, namespace string, pod corev1.PodSpec) (keys keyring) {
	for _, c := range pod.Containers {
		if c.ImagePullPolicy == corev1.PullNever {
			keys.local = append(keys.local, c.Name)
		}
	}
	named := pod.ImagePullSecrets
	if len(named) == 0 {
		name := cmp.Or(pod.ServiceAccountName, "default")
		account, err := k.client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
		switch {
		case err == nil:
			named = account.ImagePullSecrets
		case !apierrors.IsNotFound(err):
			keys.lacks = failed(err, fmt.Sprintf("ServiceAccount %s/%s", namespace, name), "get", "serviceaccounts").Error()
		}
	}
	for _, ref := range named {
		secret, err := k.client.CoreV1().Secrets(namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if err == nil {
			var entries []pullSecret
			entries, err = pullSecrets(secret)
			keys.secrets = append(keys.secrets, entries...)
		} else if !apierrors.IsNotFound(err) {
			err = failed(err, fmt.Sprintf("Secret %s/%s", namespace, ref.Name), "get", "secrets")
		}
		if err != nil && !apierrors.IsNotFound(err) {
			keys.lacks = err.Error()
		}
	}
	return keys
}
