package reconciler

import (
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	"keyshift.dev/api/v1alpha1"
)

// Where nothing has changed since a full pass, a sample stands in for the next one: the status says so, and goes on saying
// when the keys were observed in full. What a sample shows otherwise, a request, or an old pass leads to a full one.
func TestSampleBetweenFullPasses(t *testing.T) {
	w := newWorld(t)
	w.r.Sample = -1
	w.seed(50)
	name := w.deliver("shop")
	w.git.push(urlOf("shop"), w.shop(0))
	var d *v1alpha1.Delivery
	for range 2 { // the first writes the ledger
		d, _ = w.reconcile(name)
	}
	sampled := func(want bool) {
		t.Helper()
		wantReady(t, d)
		message := conditions.GetMessage(d, meta.ReadyCondition)
		if got := strings.Contains(message, "since the last full pass of session all "); got != want {
			t.Errorf("a sample was looked at: %v, want %v: %s", got, want, message)
		}
	}
	d, _ = w.reconcile(name)
	sampled(true)
	full := d.Status.ObservedAt.Time
	d, _ = w.reconcile(name)
	sampled(true)
	if !d.Status.ObservedAt.Time.Equal(full) {
		t.Errorf("observed in full at %s and at %s, and there was no pass", full, d.Status.ObservedAt)
	}
	wantLive(t, d, "1.4.0", "1.0.0", 50)

	w.redis.HSet("session:odd", "colour", "green")
	d, _ = w.reconcile(name)
	sampled(false)
	if live := d.Status.Keyspaces[0].Live; len(live) != 2 || live[1].Units != 1 {
		t.Errorf("live: %+v", live)
	}
	d, _ = w.reconcile(name)
	sampled(true)
	if message := conditions.GetMessage(d, meta.ReadyCondition); !strings.Contains(message, "1 units of session fit no version") {
		t.Errorf("a sample forgot what the pass found: %s", message)
	}

	w.r.Full = -1
	d, _ = w.reconcile(name)
	sampled(false)
	w.r.Full = time.Nanosecond
	d, _ = w.reconcile(name)
	sampled(false)
}

// Between two samples nothing is read but the ledgers and what runs, and the status says what the last one did.
func TestNothingIsReadBetweenSamples(t *testing.T) {
	w := newWorld(t)
	w.seed(50)
	name := w.deliver("shop")
	w.git.push(urlOf("shop"), w.shop(0))
	for range 3 { // the first writes the ledger, the third draws a sample
		w.reconcile(name)
	}
	said := conditions.GetMessage(w.get(name), meta.ReadyCondition)
	w.redis.HSet("session:odd", "colour", "green")
	d, _ := w.reconcile(name)
	wantReady(t, d)
	if message := conditions.GetMessage(d, meta.ReadyCondition); message != said || !strings.Contains(said, "of session all 50 keys were looked at") {
		t.Errorf("%q, before %q", message, said)
	}
	w.r.Sample = time.Nanosecond
	if d, _ = w.reconcile(name); len(d.Status.Keyspaces[0].Live) != 2 {
		t.Errorf("live: %+v", d.Status.Keyspaces[0].Live)
	}
}
