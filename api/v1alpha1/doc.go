// Package v1alpha1 is Keyshift's Kubernetes API: a Delivery names a Git repository whose CUE files say which
// release each component runs and which schema version each Redis keyspace holds.
//
//	apiVersion: keyshift.dev/v1alpha1
//	kind: Delivery
//	metadata: {name: shop, namespace: shop}
//	spec:
//	  interval: 1m
//	  git: {url: https://git.example.com/acme/shop.git, ref: {branch: main}}
//	  path: ./
//
// The conventions are those of Flux: conditions that kstatus understands, observedGeneration, suspend, interval
// and retryInterval, and the annotation reconcile.fluxcd.io/requestedAt.
//
// +kubebuilder:object:generate=true
// +groupName=keyshift.dev
package v1alpha1
