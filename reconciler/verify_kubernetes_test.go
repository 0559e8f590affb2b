package reconciler

import (
	"strings"
	"testing"

	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/testbed"
)

// TestVerifiedOnKubernetes: with the rights of config/rbac, a real API server refuses what could never be verified, and the
// controller what is not signed.
func TestVerifiedOnKubernetes(t *testing.T) {
	plane := testbed.SharedKubernetes(t)
	git, redis := testbed.Git(t), testbed.Redis(t)
	namespace := plane.Namespace(t)
	c := installed(t, plane)
	wantVerifyAdmission(t, c, namespace)
	plane.Deploy(t, testbed.Deployment{Namespace: namespace, Name: "checkout", Replicas: 2,
		Images: map[string]string{"app": "ghcr.io/acme/checkout:1.4.0"}})
	git.Commit("before", tree(t, 0, namespace, redis.Addr))
	runController(t, Options{Config: asController(plane.Config), Namespaces: []string{namespace}, Concurrent: 1, State: t.TempDir()})

	ada := testbed.PGPSigner(t, "Ada", "ada@example.org")
	d := newDelivery(namespace, "shop", git.URL)
	d.Spec.Git.Verify = &v1alpha1.GitVerification{SecretRef: v1alpha1.SecretReference{Name: "signers"}}
	if err := c.Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if d.Spec.Git.Verify.Mode != v1alpha1.VerifyHEAD {
		t.Errorf("the default mode is %q", d.Spec.Git.Verify.Mode)
	}
	wantFailed(t, c, d, v1alpha1.ReasonSecretNotFound, namespace+"/signers")
	if err := c.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "signers"}, Data: map[string][]byte{"ada.asc": ada.Public}}); err != nil {
		t.Fatal(err)
	}
	request(t, c, d, "unsigned")
	wantFailed(t, c, d, v1alpha1.ReasonSignatureMissing, "ada.asc (PGP "+ada.ID+")")
	if !conditions.IsFalse(d, v1alpha1.SourceVerifiedCondition) || d.Status.LastAttemptedRevision != "" {
		t.Errorf("%+v", d.Status)
	}
	signed := git.SignHead(ada)
	request(t, c, d, "signed")
	wantApplied(t, c, d, signed, "1.4.0")
	if by := "Ada <ada@example.org> (PGP " + ada.ID + ")"; !strings.HasSuffix(conditions.GetMessage(d, v1alpha1.SourceVerifiedCondition), by) || d.Status.Applied[0].Signer != by {
		t.Errorf("%+v", d.Status)
	}
	good := git.Commit("after", tree(t, 1, namespace, redis.Addr))
	request(t, c, d, "unsigned again")
	wantFailed(t, c, d, v1alpha1.ReasonSignatureMissing, "commit "+good[:12])
	if d.Status.LastAppliedRevision != "main@sha1:"+signed {
		t.Errorf("applied is %s", d.Status.LastAppliedRevision)
	}
}

func wantVerifyAdmission(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	for what, change := range map[string]func(*v1alpha1.Delivery){
		"need ref.tag":      func(d *v1alpha1.Delivery) { d.Spec.Git.Verify.Mode = v1alpha1.VerifyTag },
		"Unsupported value": func(d *v1alpha1.Delivery) { d.Spec.Git.Verify.Mode = "head" },
		"secretRef.name":    func(d *v1alpha1.Delivery) { d.Spec.Git.Verify.SecretRef.Name = "" },
		"name an earlier tag in git.ref.t": func(d *v1alpha1.Delivery) {
			d.Spec.Git.Verify.Mode, d.Spec.Git.Ref = v1alpha1.VerifyTagAndHEAD, &v1alpha1.GitRef{Tag: "v1"}
			d.Spec.Rollback = &v1alpha1.Rollback{To: strings.Repeat("a", 40)}
		},
		"": func(d *v1alpha1.Delivery) {
			d.Spec.Git.Verify.Mode, d.Spec.Git.Ref = v1alpha1.VerifyTag, &v1alpha1.GitRef{Tag: "v1"}
		},
	} {
		d := newDelivery(namespace, "refused", "https://git.example.com/x")
		d.Spec.Git.Verify = &v1alpha1.GitVerification{SecretRef: v1alpha1.SecretReference{Name: "signers"}}
		change(d)
		err := c.Create(t.Context(), d, client.DryRunAll)
		if (err == nil) != (what == "") || err != nil && !strings.Contains(err.Error(), what) {
			t.Errorf("want a refusal with %q, got %v", what, err)
		}
	}
}
