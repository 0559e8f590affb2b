package remote

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"keyshift.dev/api/v1alpha1"
)

const (
	older = "main@sha1:abcdef0000000000000000000000000000000000"
	newer = "main@sha1:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// glance is what the controller has written when a Delivery is looked at once more; an error is that of the look.
type glance struct {
	status  metav1.ConditionStatus
	reason  string
	message string
	applied string
	tried   string // revision
	stale   bool   // of before the change
	taken   bool   // by somebody: it is not rolled back any more
	handled bool   // the request
	err     error
}

// acting is a place whose Delivery shop, once it was written to, goes through what is told, and stays at the last.
func acting(t *testing.T, looks []glance) (place, *v1alpha1.Delivery) {
	d := &v1alpha1.Delivery{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "shop"}}
	d.Spec.Git.URL = "https://git.example.com/shop.git"
	d.Generation = 1
	d.Status.LastAttemptedRevision, d.Status.LastAppliedRevision = newer, newer
	d.Status.Applied = []v1alpha1.AppliedRevision{{Revision: newer}, {Revision: older}}
	patched, at := false, 0
	written := &v1alpha1.Delivery{}
	p := testPlace(t, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
			patched = true
			o.SetGeneration(2)
			if err := c.Patch(ctx, o, patch, options...); err != nil {
				return err
			}
			o.SetGeneration(2)
			o.(*v1alpha1.Delivery).DeepCopyInto(written)
			return nil
		},
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if err := c.Get(ctx, key, o, options...); err != nil || !patched {
				return err
			}
			l := looks[min(at, len(looks)-1)]
			at++
			tell(o.(*v1alpha1.Delivery), l)
			return l.err
		},
	}, d)
	return p, written
}

// tell writes what the controller has.
func tell(d *v1alpha1.Delivery, l glance) {
	c := metav1.Condition{Type: meta.ReadyCondition, Status: l.status, Reason: l.reason, Message: l.message, ObservedGeneration: 2}
	if l.stale {
		c.ObservedGeneration = 1
	}
	d.Generation = 2
	d.Status.Conditions = []metav1.Condition{c}
	if l.taken {
		d.Spec.Rollback = nil
	}
	if l.tried != "" {
		d.Status.LastAttemptedRevision = l.tried
	}
	if l.applied != "" {
		d.Status.LastAppliedRevision = l.applied
	}
	if l.handled {
		d.Status.LastHandledReconcileAt = d.Annotations[meta.ReconcileRequestAnnotation]
	}
}

var (
	before   = glance{status: "True", reason: "ReconciliationSucceeded", message: "applied before", stale: true}
	working  = glance{status: "Unknown", reason: "Progressing", message: "step 1 of 2"}
	working2 = glance{status: "Unknown", reason: "Progressing", message: "step 2 of 2"}
	arrived  = glance{status: "True", reason: "ReconciliationSucceeded", message: "applied", applied: older, tried: older, handled: true}
	taken    = glance{status: "True", reason: "ReconciliationSucceeded", message: "applied", taken: true}
	other    = glance{status: "True", reason: "ReconciliationSucceeded", message: "applied another", applied: newer, tried: newer}
	stuck    = glance{status: "False", reason: "RolloutStuck", message: "stuck on the way to another", tried: newer}
	awaiting = glance{status: "False", reason: "AwaitingApproval", message: "a person must approve", tried: older, handled: true}
	failed   = glance{status: "False", reason: "StoreFull", message: "no memory", tried: older, handled: true}
	missing  = glance{status: "False", reason: "GitRefNotFound", message: "no such commit", tried: newer, handled: true}
	lost     = glance{err: errors.New("dial tcp: connection refused")}
)

// A rollback and a request are followed until the status is about them, whatever is in between.
func TestFollow(t *testing.T) {
	for name, x := range map[string]struct {
		line  string
		looks []glance
		code  string
		want  []string // in what is printed and the error, in this order
	}{
		"rollback":            {"rollback shop", []glance{before, working, lost, working, working2, arrived}, "", []string{"goes from main@bbbbbbbbbbbb to main@abcdef000000", "  step 1 of 2\n  step 2 of 2\n", "is at main@abcdef", "git revert --no-edit abcdef000000..HEAD", "keyshift resume shop"}},
		"rollback held":       {"rollback shop", []glance{before, working, awaiting}, "AwaitingApproval", []string{"step 1", "a person must approve", "keyshift approve shop"}},
		"rollback failed":     {"rollback shop", []glance{before, failed}, "StoreFull", []string{"no memory", "keyshift status shop"}},
		"rollback overtaken":  {"rollback shop", []glance{working, taken}, "Overtaken", []string{"is not kept at main@abcdef000000 any more"}},
		"rollback in a run":   {"rollback shop", []glance{working, other, stuck, working, stuck, other, working2, arrived}, "", []string{"step 2", "is at main@abcdef000000"}},
		"rollback to nothing": {"rollback shop", []glance{working, missing}, "GitRefNotFound", []string{"no such commit"}},
		"rollback too slow":   {"rollback shop --timeout 30ms", []glance{before}, "NotInTime", []string{"goes on without you"}},
		"reconcile":           {"reconcile shop", []glance{before, working, arrived}, "", []string{"step 1", "is ready: applied"}},
		"reconcile held":      {"reconcile shop", []glance{before, working, awaiting}, "AwaitingApproval", []string{"step 1", "keyshift approve shop"}},
		"reconcile not ready": {"reconcile shop", []glance{failed}, "StoreFull", []string{"no memory"}},
		"reconcile too slow":  {"reconcile shop --timeout 30ms", []glance{working}, "NotInTime", []string{"step 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := acting(t, x.looks)
			text, err := command(t, p, x.line)
			if err != nil {
				text += err.Error()
			}
			if err == nil != (x.code == "") || err != nil && asProblem(err).Code != x.code {
				t.Errorf("the error is %v, want %q", err, x.code)
			}
			rest := text
			for _, want := range x.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("want %q in\n%s", want, text)
				}
				rest = after
			}
			if strings.Contains(text, "applied before") && err == nil {
				t.Errorf("it tells what was before:\n%s", text)
			}
		})
	}
}

// A rollback that does not arrive says nothing of Git, which need not follow yet.
func TestRollbackThatFailsLeavesGitAlone(t *testing.T) {
	p, written := acting(t, []glance{failed})
	text, err := command(t, p, "rollback shop")
	if err == nil || strings.Contains(text, "git") {
		t.Errorf("%v: %s", err, text)
	}
	if written.Spec.Rollback == nil || written.Spec.Rollback.To != older {
		t.Errorf("written: %+v", written.Spec.Rollback)
	}
}

// What a request asks for beside an attempt stands in annotations of the same token.
func TestReconcileTokens(t *testing.T) {
	for line, want := range map[string][]string{
		"reconcile shop":                 {meta.ReconcileRequestAnnotation},
		"reconcile shop --force":         {meta.ReconcileRequestAnnotation, v1alpha1.ForceAnnotation},
		"reconcile shop --adopt":         {meta.ReconcileRequestAnnotation, v1alpha1.AdoptAnnotation},
		"reconcile shop --adopt --force": {meta.ReconcileRequestAnnotation, v1alpha1.AdoptAnnotation, v1alpha1.ForceAnnotation},
	} {
		p, written := acting(t, []glance{arrived})
		if _, err := command(t, p, line); err != nil {
			t.Fatal(err)
		}
		if len(written.Annotations) != len(want) {
			t.Errorf("%s: %v", line, written.Annotations)
		}
		token := written.Annotations[meta.ReconcileRequestAnnotation]
		for _, name := range want {
			if token == "" || written.Annotations[name] != token {
				t.Errorf("%s: %v", line, written.Annotations)
			}
		}
	}
}

// Whoever stops waiting is told that it goes on.
func TestInterruptedWait(t *testing.T) {
	p, _ := acting(t, []glance{working})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &v1alpha1.Delivery{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "shop"}}
	_, err := p.follow(ctx, Streams{Out: discard{}}, waiting{true, 1e12}, d, func(*v1alpha1.Delivery) bool { return false })
	if err == nil || asProblem(err).Code != "Interrupted" || !strings.Contains(err.Error(), "goes on") {
		t.Error(err)
	}
}

type discard struct{}

// Write implements io.Writer.
func (discard) Write(b []byte) (int, error) { return len(b), nil }
