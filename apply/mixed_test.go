package apply_test

import (
	"slices"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// byFields lets a release write single fields.
func byFields(d state.Desired, component, release string) state.Desired {
	d.Components = slices.Clone(d.Components)
	for i := range d.Components {
		c := &d.Components[i]
		c.Releases = slices.Clone(c.Releases)
		for j := range c.Releases {
			r := &c.Releases[j]
			if c.Name == component && r.Name == release {
				r.Uses = slices.Clone(r.Uses)
				for n := range r.Uses {
					r.Uses[n].Updates = state.UpdatesFields
				}
			}
		}
	}
	return d
}

// A release that has gone left a single field behind on a session that was converted. Where the spec says that it writes
// such fields, the version that runs wins in that session; where it does not, the session fits no version.
func TestMixedUnitsAreResolved(t *testing.T) {
	w := embedded(t, 50)
	w.mustDeliver(w.after, "2.0.0")
	w.recluster(cluster.MemoryOptions{}, nil) // pods of 2.0.0 that leave the data alone
	w.deploy("2.0.0")
	key := w.client.Keys(t.Context(), "session:*").Val()[0]
	before := w.client.HGetAll(t.Context(), key).Val()
	w.client.HSet(t.Context(), key, "name", "too late")
	if o, err := w.deliver(w.after); err != nil || len(o.Done) != 0 {
		t.Fatalf("of whole values: %v, %v", o.Done, err)
	}
	o, err := w.deliver(byFields(w.after, "checkout", "1.5.0"))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(o.Done, func(d apply.Done) bool { return d.Step.Kind == plan.Rewrite })
	if i < 0 || o.Done[i].Units.Mixed != 1 || o.Done[i].Units.Logged != 1 || o.Done[i].Units.Unfit != 0 {
		t.Fatalf("%+v", o.Done)
	}
	after := w.client.HGetAll(t.Context(), key).Val()
	if len(after) != len(before) || after["full_name"] != before["full_name"] || after["name"] != "" {
		t.Errorf("%v became %v", before, after)
	}
	if o, err = w.deliver(byFields(w.after, "checkout", "1.5.0")); err != nil || len(o.Done) != 0 {
		t.Errorf("once more: %v, %v", o.Done, err)
	}
}

// A release that begins to read a keyspace in which single fields were mixed: the verify before its rollout finds such units,
// and does not take them for units of no version, which would make it plan the same again and again.
func TestMixedUnitsBeforeANewReader(t *testing.T) {
	w := embedded(t, 50)
	w.after = byFields(w.after, "checkout", "1.5.0")
	w.mustDeliver(w.after, "2.0.0")
	w.recluster(cluster.MemoryOptions{}, nil)
	w.deploy("1.5.0")
	key := w.client.Keys(t.Context(), "session:*").Val()[0]
	w.client.HSet(t.Context(), key, "name", "too late")

	spec := w.after
	reader := state.Component{Name: "billing", Release: "2.0.0", Workload: &state.Workload{Kind: "Deployment", Namespace: "shop", Name: "billing"}}
	for _, name := range []string{"1.0.0", "2.0.0"} {
		r := state.Release{Name: name, Images: []state.Image{{Container: "app", Image: "billing:" + name}}}
		if name == "2.0.0" {
			r.Uses = []state.Use{{Keyspace: "session", Reads: ">=1.0.0 <3.0.0", Updates: state.UpdatesValue}}
		}
		reader.Releases = append(reader.Releases, r)
	}
	spec.Components = append([]state.Component{reader}, spec.Components...)
	w.cluster.Deploy(*reader.Workload, 1, reader.Releases[0].Images...)
	o, err := w.deliver(spec)
	if err != nil {
		t.Fatalf("%v after %v", err, steps(o))
	}
	if got := steps(o); len(got) < 3 || got[0] != "verify session " || got[1] != "rollout billing 2.0.0" {
		t.Errorf("done %v", got)
	}
}
