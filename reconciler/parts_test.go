package reconciler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
)

// withBilling adds a component to a shop that has nothing to do with the other, and some policy of it.
func withBilling(files fstest.MapFS, release, policy string) fstest.MapFS {
	files["billing.cue"] = &fstest.MapFile{Data: fmt.Appendf(nil, `package shop

system: components: billing: {
	workload: {kind: "Deployment", namespace: "shop", name: "billing"}
	release: %q
	releases: "1.4.0": images: app: "ghcr.io/acme/billing:1.4.0"
	releases: "2.0.0": images: app: "ghcr.io/acme/billing:2.0.0"
	%s
}
`, release, policy)}
	return files
}

// closedNow is the policy of what may not be begun now.
func closedNow() string {
	at := time.Now().UTC().Add(6 * time.Hour)
	return fmt.Sprintf(`policy: windows: [{from: %q, to: %q}]`, at.Format("15:04"), at.Add(2*time.Hour).Format("15:04"))
}

// TestOneOfTwoPartsFails: a Plan of which one part failed waits with the other, and has failed when that is done, too. The
// approval is one of what did not come to its end.
func TestOneOfTwoPartsFails(t *testing.T) {
	w := newWorld(t)
	w.seed(50)
	name := w.deliver("shop", always, func(d *v1alpha1.Delivery) { d.Spec.Timeout = &metav1.Duration{Duration: time.Second} })
	w.git.push(urlOf("shop"), withBilling(w.shop(0), "1.4.0", ""))
	d, _ := w.reconcile(name)
	wantReady(t, d)
	w.cluster.Stick("ghcr.io/acme/checkout:2.0.0")
	w.git.push(urlOf("shop"), withBilling(w.shop(1), "2.0.0", closedNow()))
	w.reconcile(name)
	all, said := w.plans(name)
	if !slices.Equal(said, []string{"AwaitingApproval"}) || len(partsOf(all[0])) != 2 {
		t.Fatalf("plans %v", said)
	}
	w.approve(all[0], true, "ada")
	for range 2 {
		w.reconcile(name)
		w.r.looks.forget(name) // as a restart does
		all, said = w.plans(name)
		if !slices.Equal(said, []string{"Paused ada"}) || !strings.Contains(all[0].Status.Message, "its window opens") || !strings.Contains(all[0].Status.Message, "a part of it has failed") {
			t.Fatalf("plans %v: %+v", said, all[0].Status)
		}
	}
	wantStates(t, all[0], "rollout billing 2.0.0 Pending", "rollout checkout 1.5.0 Done", "rollout checkout 2.0.0 Failed",
		"backup session 2.0.0 Pending", "rewrite session 2.0.0 Pending", "verify session 2.0.0 Pending")

	w.force(name, "now") // what failed has used its approval
	w.reconcile(name)
	if _, said = w.plans(name); !slices.Equal(said, []string{"AwaitingApproval", "Paused ada"}) {
		t.Errorf("plans %v", said)
	}
	w.git.push(urlOf("shop"), withBilling(w.shop(1), "2.0.0", ""))
	d, _ = w.reconcile(name)
	if _, said = w.plans(name); !slices.Equal(said, []string{"AwaitingApproval", "Failed ada"}) {
		t.Errorf("plans %v", said)
	}
	if i := slices.IndexFunc(d.Status.Components, func(c v1alpha1.ComponentStatus) bool { return c.Name == "billing" }); d.Status.Components[i].Live[0].Release != "2.0.0" {
		t.Errorf("%+v", d.Status.Components)
	}
}

// wantStates compares how far the steps of a Plan are.
func wantStates(t *testing.T, x *v1alpha1.Plan, want ...string) {
	t.Helper()
	var got []string
	for i, s := range x.Spec.Steps {
		got = append(got, fmt.Sprintf("%s %s %s %s", s.Kind, s.Object, s.To, x.Status.Steps[i].State))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the steps are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestPartLeftBehind: the approval of a part that a commit has left behind is none when another comes back to it, although the
// other part of its Plan still waits.
func TestPartLeftBehind(t *testing.T) {
	w := newWorld(t)
	w.seed(50)
	name := w.deliver("shop", always)
	w.git.push(urlOf("shop"), withBilling(w.shop(0), "1.4.0", ""))
	w.reconcile(name)
	closed := closedNow()
	slow := []string{`release: "2.0.0" // desired`, "release: \"2.0.0\"\n\t" + closed}
	w.git.push(urlOf("shop"), withBilling(w.shop(1, slow...), "2.0.0", closed))
	w.reconcile(name)
	all, _ := w.plans(name)
	w.approve(all[0], true, "ada")
	w.reconcile(name)
	if _, said := w.plans(name); !slices.Equal(said, []string{"Pending ada"}) && !slices.Equal(said, []string{"Paused ada"}) {
		t.Fatalf("plans %v", said)
	}
	other := append([]string{"div(#old.created_ms, 1000)", "div(#old.created_ms, 1000) + 0"}, slow...)
	w.git.push(urlOf("shop"), withBilling(w.shop(1, other...), "2.0.0", closed))
	w.reconcile(name)
	if _, said := w.plans(name); len(said) != 2 || said[0] != "AwaitingApproval" || !strings.HasSuffix(said[1], "ada") {
		t.Fatalf("plans %v", said)
	}
	w.git.push(urlOf("shop"), withBilling(w.shop(1), "2.0.0", "")) // the first again, with nothing to wait for
	d, _ := w.reconcile(name)
	for _, c := range d.Status.Components {
		if want := map[string]string{"billing": "2.0.0", "checkout": "1.4.0"}[c.Name]; len(c.Live) != 1 || c.Live[0].Release != want {
			t.Errorf("%s is at %+v, want %s", c.Name, c.Live, want)
		}
	}
	if _, said := w.plans(name); !slices.Contains(said, "AwaitingApproval") || !slices.Contains(said, "Superseded ada") {
		t.Errorf("plans %v", said)
	}
}

// TestWordOfTheEnd: a process that ended between the last step and the word of it leaves a Plan behind that is found to have
// succeeded; one whose last step was not begun, or did not come to its end, has not.
func TestWordOfTheEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		state v1alpha1.StepState // of the last step, as it was written last
		back  bool               // whether all of it was taken back meanwhile
		want  string
	}{
		{"begun", v1alpha1.StepRunning, false, "Succeeded"},
		{"not begun", v1alpha1.StepPending, false, "Superseded"},
		{"gone back", v1alpha1.StepRunning, true, "Superseded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			name := w.applied()
			w.git.push(urlOf("shop"), w.shop(1))
			w.reconcile(name)
			all, _ := w.plans(name)
			x := all[0]
			if c.back {
				w.git.push(urlOf("shop"), w.shop(0))
				w.reconcile(name)
			}
			last := len(x.Status.Steps) - 1
			x.Status.Phase, x.Status.EndedAt, x.Status.Parts = v1alpha1.PlanRunning, nil, nil
			x.Status.Steps[last].State, x.Status.Done = c.state, int32(last)
			if err := w.client.Status().Update(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			w.r.looks.forget(name)
			d, _ := w.reconcile(name)
			wantReady(t, d)
			all, _ = w.plans(name)
			if i := slices.IndexFunc(all, func(y *v1alpha1.Plan) bool { return y.Name == x.Name }); string(all[i].Status.Phase) != c.want || c.want == "Succeeded" && int(all[i].Status.Done) != last+1 {
				t.Errorf("it %s, want %s: %+v", all[i].Status.Phase, c.want, all[i].Status)
			}
		})
	}
}
