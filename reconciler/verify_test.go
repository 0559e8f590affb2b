package reconciler

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// signing is a world whose repository is a real one, of which every commit must be signed.
type signing struct {
	*world
	git       *testbed.GitServer
	ada, ci   testbed.Signer
	name      types.NamespacedName
	evaluated int
}

func newSigning(t *testing.T, change ...func(*v1alpha1.Delivery)) *signing {
	s := &signing{world: newWorld(t), git: testbed.Git(t), ada: testbed.PGPSigner(t, "Ada", "ada@example.org"), ci: testbed.SSHSigner(t, "ci", "git")}
	s.r.Fetch = nil // gitsource's own
	s.r.Evaluate = func(ctx context.Context, files fs.FS, dir string) (state.Desired, error) {
		s.evaluated++
		return evaluateHere(ctx, files, dir)
	}
	s.signers(map[string][]byte{"ada.asc": s.ada.Public, "ci.pub": s.ci.Public})
	change = append(change, func(d *v1alpha1.Delivery) {
		d.Spec.Git = v1alpha1.GitSource{URL: s.git.URL, Verify: &v1alpha1.GitVerification{SecretRef: v1alpha1.SecretReference{Name: "signers"}}}
	})
	s.seed(50)
	s.name = s.deliver("shop", change...)
	return s
}

// signers says whose signatures count, nobody's and not even that if there are no files.
func (s *signing) signers(files map[string][]byte) {
	s.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "signers"}}
	_ = s.client.Delete(s.t.Context(), secret)
	if files == nil {
		return
	}
	secret.ResourceVersion, secret.Data = "", files
	if err := s.client.Create(s.t.Context(), secret); err != nil {
		s.t.Fatal(err)
	}
}

func (s *signing) push(tree fstest.MapFS) {
	files := map[string]string{}
	for name, f := range tree {
		files[name] = string(f.Data)
	}
	s.git.Commit("change", files)
}

// unverified makes sure that a revision is refused for a reason, and that nothing of it was evaluated or applied.
func (s *signing) unverified(reason string, parts ...string) {
	s.t.Helper()
	s.happened()
	before, evaluated := dump(s.world), s.evaluated
	d, _ := s.reconcile(s.name)
	c := conditions.Get(d, v1alpha1.SourceVerifiedCondition)
	if c == nil || c.Status != metav1.ConditionFalse || c.Reason != reason {
		s.t.Fatalf("the source is said to be %+v", c)
	}
	for _, part := range append(parts, "shop/signers") {
		wantReason(s.t, d, reason, part)
		if !strings.Contains(c.Message, part) {
			s.t.Errorf("the condition does not say %q: %s", part, c.Message)
		}
	}
	wantLive(s.t, d, "1.4.0", "1.0.0", 50)
	if said := s.happened(); dump(s.world) != before || s.evaluated != evaluated || len(said) != 1 || !strings.HasPrefix(said[0], "Warning "+reason) {
		s.t.Errorf("a revision that is not verified was evaluated or applied: %q", said)
	}
}

// verified makes sure that the source is said to be signed by somebody.
func (s *signing) verified(d *v1alpha1.Delivery, by string) {
	s.t.Helper()
	c := conditions.Get(d, v1alpha1.SourceVerifiedCondition)
	if c == nil || c.Status != metav1.ConditionTrue || c.Reason != meta.SucceededReason || !strings.HasSuffix(c.Message, "is signed by "+by) || !strings.Contains(c.Message, s.git.Head()) {
		s.t.Fatalf("the source is said to be %+v", c)
	}
}

// TestVerified: what is not signed by somebody who may is neither evaluated nor applied; what is names its signer wherever it
// is told of, beside who approved it.
func TestVerified(t *testing.T) {
	s := newSigning(t, always)
	ada := "Ada <ada@example.org> (PGP " + s.ada.ID + ")"
	s.push(s.shop(0))
	s.git.SignHead(s.ada)
	d, _ := s.reconcile(s.name)
	wantReady(t, d)
	s.verified(d, ada)
	if !strings.Contains(conditions.GetMessage(d, meta.ReadyCondition), ", signed by "+ada) || d.Status.Applied[0].Signer != ada {
		t.Errorf("the signer is not told of: %+v", d.Status)
	}

	s.push(s.shop(1))
	s.unverified(v1alpha1.ReasonSignatureMissing, "commit "+s.git.Head()[:12]+" is not signed", "ada.asc (PGP "+s.ada.ID+")", "ci.pub (SSH "+s.ci.ID+")")
	eve := testbed.SSHSigner(t, "eve", "git")
	s.git.SignHead(eve)
	s.unverified(v1alpha1.ReasonSignatureInvalid, eve.ID)

	s.push(s.shop(1, "div(#old.created_ms, 1000)", "div(#old.created_ms, 1000) + 0"))
	s.git.SignHead(s.ci)
	d, _ = s.reconcile(s.name)
	ci := "ci (SSH " + s.ci.ID + ")"
	s.verified(d, ci)
	wantReason(t, d, v1alpha1.ReasonAwaitingApproval, "")
	all, _ := s.plans(s.name)
	if len(all) != 1 || all[0].Status.Signer != ci {
		t.Fatalf("plans %+v", all)
	}
	s.approve(all[0], true, "bob")
	d, _ = s.reconcile(s.name)
	wantReady(t, d)
	wantLive(t, d, "2.0.0", "2.0.0", 50)
	if h := d.Status.History.Latest(); h == nil || h.Metadata["signer"] != ci || d.Status.Applied[0].Signer != ci || d.Status.Applied[1].Signer != ada {
		t.Errorf("history %+v, applied %+v", d.Status.History, d.Status.Applied)
	}
	s.wantTold(ci, "bob")
}

// wantTold: the change stream names the signer and the approver of every step.
func (s *signing) wantTold(signer, approver string) {
	s.t.Helper()
	store, err := keyspace.Open(s.t.Context(), keyspace.Options{Store: "main", Address: "redis://" + s.redis.Addr() + "/0"})
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	told, err := store.Changes(s.t.Context(), "shop", 100)
	if err != nil || len(told) < 10 {
		s.t.Fatalf("%d changes, %v", len(told), err)
	}
	for _, c := range told {
		if c.Kind != keyspace.ChangeBatch && (c.Signer != signer || c.Approver != approver || c.Approved.IsZero()) {
			s.t.Errorf("%+v", c)
		}
	}
}

// TestSignersChange: who may sign is looked at anew in every attempt, also where the revision stays; and what nobody can look
// at is not said to be verified.
func TestSignersChange(t *testing.T) {
	s := newSigning(t)
	s.push(s.shop(0))
	s.git.SignHead(s.ada)
	d, _ := s.reconcile(s.name)
	wantReady(t, d)

	s.signers(map[string][]byte{"ci.pub": s.ci.Public})
	s.unverified(v1alpha1.ReasonSignatureInvalid, s.ada.ID)
	s.signers(map[string][]byte{"ci.pub": []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n")})
	s.unverified(v1alpha1.ReasonSecretInvalid, "spec.git.verify.secretRef", "ci.pub: it holds a private key")
	s.signers(nil)
	s.unverified(v1alpha1.ReasonSecretNotFound, "spec.git.verify.secretRef")

	s.signers(map[string][]byte{"ada.asc": s.ada.Public})
	s.git.Fail(testbed.GitHangUp)
	d, _ = s.reconcile(s.name)
	wantReason(t, d, v1alpha1.ReasonGitUnreachable, "")
	if c := conditions.Get(d, v1alpha1.SourceVerifiedCondition); c == nil || c.Status != metav1.ConditionUnknown || c.Reason != v1alpha1.ReasonGitUnreachable {
		t.Errorf("nobody can tell, and it is said to be %+v", c)
	}
	s.git.Fail(testbed.GitHealthy)
	d, _ = s.reconcile(s.name)
	s.verified(d, "Ada <ada@example.org> (PGP "+s.ada.ID+")")
	s.git.Fail(testbed.GitHangUp)
	d, _ = s.reconcile(s.name)
	s.verified(d, "Ada <ada@example.org> (PGP "+s.ada.ID+")") // that was looked at, with these keys

	s.git.Fail(testbed.GitHealthy)
	d.Spec.Git.SecretRef = &v1alpha1.SecretReference{Name: "credentials"}
	if err := s.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d, _ = s.reconcile(s.name)
	wantReason(t, d, v1alpha1.ReasonSecretNotFound, "credentials")
	s.verified(d, "Ada <ada@example.org> (PGP "+s.ada.ID+")") // so it was, too
	d.Spec.Git.SecretRef = nil
	d.Spec.Git.Verify, d.Generation = nil, 2
	if err := s.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d, _ = s.reconcile(s.name)
	wantReady(t, d)
	d.Status.Applied[0].Signer = ""
	if err := s.client.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if conditions.Has(d, v1alpha1.SourceVerifiedCondition) || strings.Contains(conditions.GetMessage(d, meta.ReadyCondition), "signed") {
		t.Errorf("nothing is verified, and it is said to be %+v", d.Status.Conditions)
	}
	d.Spec.Git.Verify, d.Generation = &v1alpha1.GitVerification{SecretRef: v1alpha1.SecretReference{Name: "signers"}}, 3
	if err := s.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if d, _ = s.reconcile(s.name); len(d.Status.Applied) != 1 || d.Status.Applied[0].Signer == "" {
		t.Errorf("it was verified after it was applied, and the list says %+v", d.Status.Applied)
	}
}

// TestVerifyATag: a mode that needs a tag follows one, and says so where there is none.
func TestVerifyATag(t *testing.T) {
	s := newSigning(t)
	s.push(s.shop(0))
	s.git.SignTag(s.ada, "v1.0.0", "v1.0.0")
	d := s.get(s.name)
	d.Spec.Git.Verify.Mode, d.Spec.Git.Ref, d.Generation = v1alpha1.VerifyTag, &v1alpha1.GitRef{Tag: "v1.0.0"}, 2
	if err := s.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d, _ = s.reconcile(s.name)
	wantReady(t, d)
	s.verified(d, "Ada <ada@example.org> (PGP "+s.ada.ID+")")
	d.Spec.Rollback, d.Generation = &v1alpha1.Rollback{To: d.Status.LastAppliedRevision}, 3
	if err := s.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d, _ = s.reconcile(s.name)
	wantReason(t, d, v1alpha1.ReasonVerifyRefused, "also to go back to an earlier one")
	if !conditions.IsStalled(d) || !conditions.IsFalse(d, v1alpha1.SourceVerifiedCondition) {
		t.Errorf("%+v", d.Status.Conditions)
	}
}

// TestUnsignedPushDoesNotStopARun: what is pushed while a run goes on interrupts it if it is signed, and not otherwise.
func TestUnsignedPushDoesNotStopARun(t *testing.T) {
	s := newSigning(t)
	s.push(s.shop(0))
	s.git.SignHead(s.ada)
	d, _ := s.reconcile(s.name)
	wantReady(t, d)
	src, err := gitSource(t.Context(), s.client, d)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{r: s.r, src: src, generation: d.Generation, revision: d.Status.LastAttemptedRevision}
	a := &attempt{r: s.r, name: s.name}
	s.push(s.shop(1))
	if change := w.look(t.Context(), a, d.CreationTimestamp.Time); change != "" {
		t.Errorf("an unsigned commit stops a run: %s", change)
	}
	s.git.SignHead(s.ci)
	if change := w.look(t.Context(), a, d.CreationTimestamp.Time); !strings.Contains(change, s.git.Head()) {
		t.Errorf("a signed commit does not stop a run: %q", change)
	}
	if said := slices.DeleteFunc(s.happened(), func(e string) bool { return !strings.Contains(e, "Signature") }); len(said) > 0 {
		t.Errorf("%q", said)
	}
}
