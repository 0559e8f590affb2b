package reconciler

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/patch"
	kuberecorder "k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestProgress: starts and ends are written at once, progress at most every two seconds, and it is no event.
func TestProgress(t *testing.T) {
	s, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	d := newDelivery("shop", "shop", "https://git.example.com/shop")
	writes := 0
	c := fake.NewClientBuilder().WithScheme(s).WithObjects(d).WithStatusSubresource(d).WithInterceptorFuncs(interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			writes++
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	}).Build()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil {
		t.Fatal(err)
	}
	events := kuberecorder.NewFakeRecorder(100)
	a := &attempt{r: &DeliveryReconciler{Client: c, EventRecorder: events}, delivery: d, name: client.ObjectKeyFromObject(d), patcher: patch.NewSerialPatcher(d, c), plans: &plans{client: c, of: d}}
	step := plan.Step{Kind: plan.Rewrite, Object: "session", From: []string{"1.0.0"}, To: "2.0.0", Reason: "nobody writes 1.0.0"}
	p := plan.Plan{Steps: []plan.Step{step}, Digest: "sha256:1"}

	a.report(t.Context(), apply.Event{Kind: apply.Planned, Plan: p})
	a.report(t.Context(), apply.Event{Kind: apply.Started, Plan: p, Step: step})
	begun := writes
	rewrite := func(n int64) apply.Event {
		return apply.Event{Kind: apply.Progressed, Plan: p, Step: step, Rewrite: &keyspace.Progress{Scanned: n, Estimate: 1000}}
	}
	for n := range int64(100) {
		a.report(t.Context(), rewrite(n))
	}
	if writes != begun {
		t.Errorf("%d writes of progress within two seconds", writes-begun)
	}
	a.told = time.Now().Add(-every)
	a.report(t.Context(), rewrite(500))
	var now v1alpha1.Delivery
	if err := c.Get(t.Context(), a.name, &now); err != nil {
		t.Fatal(err)
	}
	if m := conditions.GetMessage(&now, meta.ReconcilingCondition); !strings.HasPrefix(m, "step 1 of 1: rewrite session 1.0.0 → 2.0.0: 500 of about 1000 scanned") {
		t.Errorf("%q", m)
	}
	if st := now.Status.Plan; st.Steps[0].State != v1alpha1.StepRunning || st.Progress.Scanned != 500 {
		t.Errorf("%+v", st)
	}
	a.told = time.Now().Add(-every)
	a.report(t.Context(), apply.Event{Kind: apply.Progressed, Plan: p, Step: step, Rollout: &cluster.Progress{Old: 2, Desired: 3}})
	if pods := d.Status.Plan.Progress.Pods; pods == nil || pods.Old != 2 || pods.Desired != 3 {
		t.Errorf("%+v", d.Status.Plan.Progress)
	}
	a.report(t.Context(), apply.Event{Kind: apply.Superseded, Plan: p, Step: step})
	if st := d.Status.Plan.Steps[0].State; st != v1alpha1.StepPending {
		t.Errorf("superseded: %s", st)
	}
	a.report(t.Context(), apply.Event{Kind: apply.Failed, Plan: p, Step: step, Err: keyspace.ErrLedgerMoved})
	if st := d.Status.Plan.Steps[0].State; st != v1alpha1.StepFailed || a.ran != 1 {
		t.Errorf("failed: %s", st)
	}
	close(events.Events)
	var said []string
	for e := range events.Events {
		said = append(said, e)
	}
	if len(said) != 3 { // planned, started, failed
		t.Errorf("events %q", said)
	}
}

func ledgersOf(system string) []state.Ledger {
	return []state.Ledger{{Format: state.LedgerFormat, System: system}}
}

// TestMirror keeps the ledgers of one system apart from those of another.
func TestMirror(t *testing.T) {
	m := mirror{records: &memoryRecords{}}
	if got, err := m.Load(t.Context(), "shop"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, system := range []string{"shop", "bank", "shop"} {
		if err := m.Save(t.Context(), system, ledgersOf(system)); err != nil {
			t.Fatal(err)
		}
	}
	for _, system := range []string{"shop", "bank"} {
		if got, err := m.Load(t.Context(), system); err != nil || len(got) != 1 || got[0].System != system {
			t.Errorf("%v, %v", got, err)
		}
	}
	for _, blob := range []string{"{", `[{"format": 99, "system": "shop"}]`} {
		_, err := mirror{records: &memoryRecords{[]byte(blob)}}.Load(t.Context(), "shop")
		if v := judge(err); err == nil || v.reason != v1alpha1.ReasonRecordsDamaged {
			t.Errorf("%s: %v", blob, err)
		}
	}
	if n := recordsName(strings.Repeat("a", 253)); len(n) > 63 || n == recordsName(strings.Repeat("a", 252)) {
		t.Errorf("name %s", n)
	}
}
