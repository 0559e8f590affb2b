package cluster

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/state"
)

func images(pairs ...string) []state.Image {
	var out []state.Image
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, state.Image{Container: pairs[i], Image: pairs[i+1]})
	}
	return out
}

func TestMatch(t *testing.T) {
	c := state.Component{Release: "2.0.0", Releases: []state.Release{
		{Name: "1.0.0", Images: images("app", "a:1")},
		{Name: "1.1.0", Images: images("app", "a:1", "side", "s:1")},
		{Name: "2.0.0", Images: images("app", "a:2")},
		{Name: "2.0.1", Images: images("app", "a:2")},
		{Name: "none"},
	}}
	for _, test := range []struct {
		name   string
		images []state.Image
		want   string
	}{
		{"one container", images("app", "a:1"), "1.0.0"},
		{"others beside it", images("mesh", "m:1", "app", "a:1"), "1.0.0"},
		{"the release that lists more wins", images("app", "a:1", "side", "s:1"), "1.1.0"},
		{"of equals the desired one", images("app", "a:2"), "2.0.0"},
		{"another image", images("app", "a:3"), ""},
		{"the image in another container", images("web", "a:1"), ""},
		{"no container", nil, ""},
	} {
		if got, ok := match(c, test.images); got != test.want || ok != (test.want != "") {
			t.Errorf("%s: %q, %t, want %q", test.name, got, ok, test.want)
		}
	}
}

// TestRewrittenImage: a registry mirror has rewritten the pod's image; the template it came from tells.
func TestRewrittenImage(t *testing.T) {
	c := state.Component{Name: "c", Releases: []state.Release{{Name: "1.0.0", Images: images("app", "a:1")}}}
	v := view{template: images("app", "a:1"), seen: true, scaling: scaling{replicas: 1}, pods: []podView{
		{name: "p", images: images("app", "mirror/a:1"), owner: images("app", "a:1"), ready: true},
	}}
	got := running("shop", c, v)
	want := state.Running{Component: "c", Releases: []string{"1.0.0"}, Template: "1.0.0", Desired: 1, Ready: 1, Pods: []state.Pods{{Release: "1.0.0", Count: 1}}}
	if !reflect.DeepEqual(got, want) || !done(c, "1.0.0", v) {
		t.Errorf("got %+v, done %t", got, done(c, "1.0.0", v))
	}
}

// TestTemplateThatMayStillStart: the old ReplicaSet wants a pod but has none at this moment.
func TestTemplateThatMayStillStart(t *testing.T) {
	c := state.Component{Name: "c", Releases: []state.Release{{Name: "1.0.0", Images: images("app", "a:1")}, {Name: "2.0.0", Images: images("app", "a:2")}}}
	v := view{template: images("app", "a:2"), seen: true, started: [][]state.Image{images("app", "a:1")}}
	if got := running("shop", c, v); !slices.Equal(got.Releases, []string{"1.0.0", "2.0.0"}) {
		t.Errorf("releases %q", got.Releases)
	}
	if done(c, "2.0.0", v) {
		t.Error("the rollout has ended while the old template may still start a pod")
	}
}

// TestDoneMeansObservedSo is the law that the rest of the house builds on: when a rollout has ended, exactly
// its release is observed, with nothing unknown, and as many pods as desired.
func TestDoneMeansObservedSo(t *testing.T) {
	c := state.Component{Name: "c", Releases: []state.Release{{Name: "1.0.0", Images: images("app", "a:1")}, {Name: "2.0.0", Images: images("app", "a:2")}}}
	rapid.Check(t, func(t *rapid.T) {
		anImage := rapid.SampledFrom([]string{"a:1", "a:2", "a:2", "a:2", "a:3"})
		v := view{seen: true, template: images("app", anImage.Draw(t, "template")), scaling: scaling{replicas: rapid.IntRange(0, 2).Draw(t, "desired")}}
		for range rapid.IntRange(0, 3).Draw(t, "pods") {
			v.pods = append(v.pods, podView{
				images: images("app", anImage.Draw(t, "image")), ready: rapid.Bool().Draw(t, "ready"), terminating: rapid.Bool().Draw(t, "terminating"),
			})
		}
		got := running("shop", c, v)
		ended := v.template[0].Image == "a:2" && done(c, "2.0.0", v)
		if ended && (!slices.Equal(got.Releases, []string{"2.0.0"}) || got.Unknown != nil || got.Ready != v.replicas) {
			t.Fatalf("ended, but %+v is observed of %+v", got, v)
		}
		counted := 0
		for _, p := range got.Pods {
			counted += p.Count
		}
		p := progress(c, "2.0.0", v)
		if counted > len(v.pods) || p.Old+p.Updated > len(v.pods) || p.Ready > p.Updated {
			t.Fatalf("counts do not add up: %+v, %+v of %+v", got.Pods, p, v.pods)
		}
	})
}
