package reconciler

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/cluster"
	"keyshift.dev/gitsource"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// The keys of the Secrets that a Delivery or a spec may name, those that Flux uses.
const (
	keyUsername   = "username"
	keyPassword   = "password"
	keyCA         = "ca.crt"
	keyIdentity   = "identity"
	keyKnownHosts = "known_hosts"
)

// SecretError says that a Secret is not there or does not hold what it must. It never holds what it does hold.
type SecretError struct {
	Name    string // namespace/name
	Missing bool   // the Secret itself
	Message string
}

// Error names the Secret and what to do.
func (e *SecretError) Error() string { return fmt.Sprintf("Secret %s: %s", e.Name, e.Message) }

// readSecret returns a Secret of the namespace, straight from the API server.
func readSecret(ctx context.Context, c client.Reader, namespace, name string) (*corev1.Secret, error) {
	key := types.NamespacedName{Namespace: namespace, Name: name}
	var secret corev1.Secret
	err := c.Get(ctx, key, &secret)
	if apierrors.IsNotFound(err) {
		return nil, &SecretError{Name: key.String(), Missing: true, Message: "not found; create it in the namespace of the Delivery"}
	}
	if err != nil {
		return nil, requestError("Secret "+key.String(), err)
	}
	return &secret, nil
}

// requestError makes an error of the cluster from a request that failed.
func requestError(object string, err error) error {
	e := &cluster.Error{Reason: cluster.Unreachable, Wait: true, Object: object, Err: err}
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		e.Reason, e.Wait, e.Hint = cluster.Denied, false, "grant the controller the rights in config/rbac"
	}
	return e
}

// gitSource returns what to fetch for a Delivery, with the credentials and the keys that its Secrets hold.
func gitSource(ctx context.Context, c client.Reader, d *v1alpha1.Delivery) (gitsource.Source, error) {
	git := d.Spec.Git
	src := gitsource.Source{URL: git.URL, AllowHTTP: git.InsecureHTTP, Timeout: d.GetTimeout()}
	ref := followed(d)
	src.Branch, src.Tag, src.Commit = ref.Branch, ref.Tag, ref.Commit
	var err error
	if src.Verify, err = verification(ctx, c, d); err != nil {
		return src, err
	}
	if git.SecretRef == nil {
		return src, nil
	}
	secret, err := readSecret(ctx, c, d.Namespace, git.SecretRef.Name)
	if err != nil {
		return src, err
	}
	src.CABundle = secret.Data[keyCA]
	if identity, ok := secret.Data[keyIdentity]; ok {
		src.SSHKey, src.SSHPassword, src.KnownHosts = identity, string(secret.Data[keyPassword]), secret.Data[keyKnownHosts]
		return src, nil
	}
	src.Username, src.Password = string(secret.Data[keyUsername]), string(secret.Data[keyPassword])
	if src.Password == "" && len(src.CABundle) == 0 {
		return src, &SecretError{Name: client.ObjectKeyFromObject(secret).String(),
			Message: "holds none of password, identity and ca.crt; add username and password for https, identity and known_hosts for ssh"}
	}
	return src, nil
}

// login is how to reach one store, and which Secrets said so.
type login struct {
	options keyspace.Options
	version string // changes with what the spec and the Secrets say
}

// storeLogin returns what the spec says of a store, with the credentials and certificates in the Secrets that it names,
// from the Delivery's namespace.
func storeLogin(ctx context.Context, c client.Reader, namespace string, store state.Store) (login, error) {
	version := string(state.DefinitionDigest(store))
	options, err := keyspace.OptionsOf(store, func(name string) (map[string][]byte, error) {
		secret, err := readSecret(ctx, c, namespace, name)
		if err != nil {
			return nil, err
		}
		version += "/" + client.ObjectKeyFromObject(secret).String() + "/" + string(secret.UID) + "/" + secret.ResourceVersion
		return secret.Data, nil
	})
	return login{options, version}, err
}
