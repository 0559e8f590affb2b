package reconciler

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

func TestClip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "bytes"))
		n := rapid.IntRange(4, 64).Draw(t, "n")
		out := clip(in, n)
		if len(out) > n || !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return r < ' ' }) {
			t.Fatalf("clip(%q, %d) = %q", in, n, out)
		}
		if again := clip(out, n); again != out {
			t.Fatalf("clip(%q) = %q, and again %q", in, out, again)
		}
	})
}

func TestShowIsBounded(t *testing.T) {
	have := state.Observed{}
	for range 1000 {
		have.Components = append(have.Components, state.Running{Component: "c", Pods: make([]state.Pods, 100), Unknown: make([]state.Image, 100)})
		have.Keyspaces = append(have.Keyspaces, state.Live{Keyspace: "k", Counts: make([]state.Count, 100), Samples: make([]state.Sample, 100)})
	}
	have.Keyspaces[0].Samples[0] = state.Sample{Key: strings.Repeat("k", 4096), Reason: strings.Repeat("r", 4096)}
	var s v1alpha1.DeliveryStatus
	show(&s, state.Desired{}, have, metav1.Now())
	c, k := s.Components[0], s.Keyspaces[0]
	if len(s.Components) != v1alpha1.MaxComponents || len(s.Keyspaces) != v1alpha1.MaxKeyspaces || len(c.Live) != v1alpha1.MaxReleases ||
		len(c.Unknown) != v1alpha1.MaxReleases || len(k.Live) != v1alpha1.MaxClasses || len(k.Unfit) != v1alpha1.MaxUnfit || len(k.Unfit[0].Key) > 256 {
		t.Errorf("%d components, %d keyspaces, %+v, %+v", len(s.Components), len(s.Keyspaces), c, k)
	}
	if p := showPlan(plan.Plan{Steps: make([]plan.Step, 200)}, "r"); len(p.Steps) != v1alpha1.MaxSteps || p.Total != 200 {
		t.Errorf("%d steps of %d", len(p.Steps), p.Total)
	}
}

func TestShow(t *testing.T) {
	want := state.Desired{
		Components: []state.Component{{Name: "checkout", Release: "2.0.0"}},
		Keyspaces:  []state.Keyspace{{Name: "session", Version: "2.0.0"}},
	}
	have := state.Observed{
		Components: []state.Running{{Component: "checkout", Pods: []state.Pods{{Release: "1.4.0", Count: 3, Terminating: 1}}}},
		Keyspaces: []state.Live{{Keyspace: "session", Counts: []state.Count{{Class: "1.0.0", Units: 7}, {Class: state.Unfit, Units: 1}},
			Samples: []state.Sample{{Key: "session:1", Reason: "user_id is not an int"}}}},
	}
	var s v1alpha1.DeliveryStatus
	show(&s, want, have, metav1.Now())
	if c := s.Components[0]; c.Desired != "2.0.0" || c.Live[0] != (v1alpha1.LiveRelease{Release: "1.4.0", Pods: 3, Terminating: 1}) {
		t.Errorf("%+v", c)
	}
	if k := s.Keyspaces[0]; k.Desired != "2.0.0" || k.Live[0].Units != 7 || k.Live[1].Class != "?" || k.Unfit[0].Key != "session:1" {
		t.Errorf("%+v", k)
	}
}

// A stopped component says so, and for which rewrite; it is told as soon as the step has ended.
func TestShowStopped(t *testing.T) {
	want := state.Desired{
		Components: []state.Component{
			{Name: "checkout", Release: "2.0.0", Releases: []state.Release{{Name: "2.0.0", Uses: []state.Use{{Keyspace: "session"}}}}},
			{Name: "mail"},
		},
		Keyspaces: []state.Keyspace{{Name: "session", Version: "2.0.0", Policy: state.Policy{Strategy: state.StrategyStop},
			Shapes: []state.Shape{{Version: "1.0.0", Keys: "a:<id>"}, {Version: "2.0.0", Keys: "b:<id>"}}}},
	}
	have := state.Observed{
		Components: []state.Running{
			{Component: "checkout", Releases: []string{"2.0.0"}, Pods: []state.Pods{{Release: "2.0.0", Count: 1}}},
			{Component: "mail", StoppedBy: "post"},
		},
		Keyspaces: []state.Live{{Keyspace: "session", Counts: []state.Count{{Class: "1.0.0", Units: 7}}}},
	}
	var s v1alpha1.DeliveryStatus
	show(&s, want, have, metav1.Now())
	if c := s.Components; c[0].Stopped != nil || c[1].Stopped == nil || c[1].Stopped.By != "post" {
		t.Errorf("%+v", c)
	}
	at := metav1.Unix(1790000000, 0)
	showScaled(&s, want, have, plan.Step{Kind: plan.Scale, Object: "checkout", To: plan.ToZero}, at)
	told := s.Components[0]
	if told.Stopped == nil || !told.Stopped.Since.Equal(&at) || !slices.Equal(told.Stopped.For, []string{"session"}) || len(told.Live) > 0 {
		t.Errorf("%+v: %+v", told, told.Stopped)
	}
	have.Components[0] = state.Running{Component: "checkout", Template: "2.0.0", Stopped: true, Since: at.UnixMilli()}
	show(&s, want, have, metav1.Now())
	if !reflect.DeepEqual(s.Components[0], told) {
		t.Errorf("%+v, told was %+v", s.Components[0], told)
	}
	showScaled(&s, want, have, plan.Step{Kind: plan.Scale, Object: "checkout", To: plan.BackUp}, at)
	if s.Components[0].Stopped != nil {
		t.Errorf("%+v", s.Components[0])
	}
}

func TestMark(t *testing.T) {
	p := showPlan(plan.Plan{Steps: []plan.Step{{Kind: plan.Rewrite, Object: "session", From: []string{"1.0.0"}, To: "2.0.0"}}}, "r")
	p.Progress = &v1alpha1.Progress{Scanned: 1}
	mark(p, 0, v1alpha1.StepDone)
	mark(p, 7, v1alpha1.StepDone) // beyond what is listed
	mark(nil, 0, v1alpha1.StepDone)
	if p.Steps[0].State != v1alpha1.StepDone || p.Current != 8 || p.Progress != nil {
		t.Errorf("%+v", p)
	}
}
