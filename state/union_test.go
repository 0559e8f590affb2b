package state

import (
	"errors"
	"testing"
)

func unionShape(v Version, line int, fields ...Field) Shape {
	return Shape{Version: v, Keys: "session:<id>", Type: Hash, Pos: Pos{File: "a.cue", Line: line},
		Value: Type{Alts: []Alt{{Kind: Struct, Fields: fields}}}}
}

func unionField(name string, optional bool) Field {
	return Field{Name: name, Optional: optional, Type: Type{Alts: []Alt{{Kind: Int}}}}
}

func unionSystem(version Version, release string, shapes ...Shape) Desired {
	k := Keyspace{Name: "session", Store: "main", Version: version, Shapes: shapes}
	if len(shapes) > 1 {
		k.Migrations = []Migration{{From: "1.0.0", To: "2.0.0"}}
	}
	c := Component{Name: "checkout", Release: release}
	for _, s := range shapes {
		c.Releases = append(c.Releases, Release{Name: string(s.Version), Images: []Image{{"app", "checkout:" + string(s.Version)}}})
	}
	return Desired{System: "shop", Stores: []Store{{Name: "main", Address: "redis://a/0"}}, Keyspaces: []Keyspace{k}, Components: []Component{c}}
}

func TestUnionBringsBackWhatARevertDeleted(t *testing.T) {
	one, two := unionShape("1.0.0", 5, unionField("a", false)), unionShape("2.0.0", 9, unionField("b", false))
	recorded := unionSystem("2.0.0", "2.0.0", one, two)
	recorded.Keyspaces = append(recorded.Keyspaces, Keyspace{Name: "cart", Version: "1.0.0"})
	recorded.Components = append(recorded.Components, Component{Name: "worker", Release: "3"})
	moved := one
	moved.Pos.Line = 99

	got, err := Union(unionSystem("1.0.0", "1.0.0", moved), recorded, Observed{})
	if err != nil {
		t.Fatal(err)
	}
	cart, session := got.Keyspaces[0], got.Keyspaces[1]
	if session.Version != "1.0.0" || len(session.Shapes) != 2 || len(session.Migrations) != 1 {
		t.Errorf("session: %+v", session)
	}
	if cart.Name != "cart" || cart.Version != "" {
		t.Errorf("a keyspace known only from the ledger wants no version: %+v", cart)
	}
	checkout, worker := got.Components[0], got.Components[1]
	if checkout.Release != "1.0.0" || checkout.Removed || len(checkout.Releases) != 2 {
		t.Errorf("checkout: %+v", checkout)
	}
	if worker.Name != "worker" || !worker.Removed || worker.Release != "" {
		t.Errorf("worker: %+v", worker)
	}
	if len(recorded.Keyspaces) != 2 || recorded.Keyspaces[1].Version != "1.0.0" || recorded.Components[1].Removed {
		t.Error("Union changed its argument")
	}
}

func TestUnionRefusesChangedDefinitions(t *testing.T) {
	one := unionShape("1.0.0", 5, unionField("a", false))
	recorded := unionSystem("1.0.0", "1.0.0", one)

	if _, err := Union(unionSystem("1.0.0", "1.0.0", unionShape("1.0.0", 5, unionField("a", false), unionField("b", true))), recorded, Observed{}); err != nil {
		t.Errorf("widening is allowed: %v", err)
	}

	commit := unionSystem("1.0.0", "1.0.0", unionShape("1.0.0", 7, unionField("a", false), unionField("b", false)))
	commit.Components[0].Releases[0].Images[0].Image = "checkout:other"
	_, err := Union(commit, recorded, Observed{})
	var ds Diagnostics
	if !errors.As(err, &ds) || len(ds) != 2 {
		t.Fatalf("want two diagnostics, got %v", err)
	}
	if ds[0].Code != "release-changed" || ds[1].Code != "version-changed" || ds[1].Pos.Line != 7 || ds[1].Hint == "" {
		t.Errorf("diagnostics: %v", ds)
	}
}

func TestUnionWithNothingIsTheCommit(t *testing.T) {
	commit := unionSystem("1.0.0", "1.0.0", unionShape("1.0.0", 5, unionField("a", false)))
	got, err := Union(commit, Desired{}, Observed{})
	if err != nil || DigestOf(got) != DigestOf(commit) {
		t.Errorf("%v\n%+v", err, got)
	}
}

// A migration may be mended; where units of both its versions may exist the user is told.
func TestUnionWarnsOfAChangedMigration(t *testing.T) {
	one, two := unionShape("1.0.0", 5, unionField("a", false)), unionShape("2.0.0", 9, unionField("b", false))
	recorded, commit := unionSystem("2.0.0", "2.0.0", one, two), unionSystem("2.0.0", "2.0.0", one, two)
	recorded.Warnings = Diagnostics{{Code: "unused-store"}}
	commit.Keyspaces[0].Migrations = []Migration{{From: "1.0.0", To: "2.0.0", Up: Program{Open: true}}}
	none, mixed := nothing(), nothing()
	mixed.Keyspaces[0].Counts = []Count{{"1.0.0", 1}, {"2.0.0", 1}}
	for name, c := range map[string]struct {
		commit Desired
		have   Observed
		want   int
	}{"same": {recorded, Observed{}, 0}, "no unit": {commit, none, 0}, "mixed units": {commit, mixed, 1}, "not observed": {commit, Observed{}, 1}} {
		c.commit.Warnings = nil
		got, err := Union(c.commit, recorded, c.have)
		if err != nil || len(got.Warnings) != c.want || c.want > 0 && got.Warnings[0].Code != "migration-changed" {
			t.Errorf("%s: %v, %v", name, got.Warnings, err)
		}
		if got.Keyspaces[0].Migrations[0].Up.Open != (name != "same") {
			t.Errorf("%s: not the commit's migration", name)
		}
	}
}

// A store that is renamed is the same by its place.
func TestUnionKnowsAStoreByItsPlace(t *testing.T) {
	one := unionShape("1.0.0", 5, unionField("a", false))
	for name, at := range map[string]Store{
		"address": {Address: "redis://a/0"}, "sentinel": {Sentinel: &Sentinel{Master: "m", Addresses: []string{"s:1"}}}, "cluster": {Cluster: &Cluster{Addresses: []string{"c:1"}}},
	} {
		recorded, commit := unionSystem("1.0.0", "1.0.0", one), unionSystem("1.0.0", "1.0.0", one)
		at.Name = "main"
		recorded.Stores[0] = at
		at.Name = "other"
		commit.Stores[0], commit.Keyspaces[0].Store = at, "other"
		if _, err := Union(commit, recorded, Observed{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		at.Database, at.Address, at.Cluster = 3, "redis://b/0", nil
		commit.Stores[0] = at
		if _, err := Union(commit, recorded, Observed{}); !errors.As(err, new(Diagnostics)) {
			t.Errorf("%s: another place is another store", name)
		}
	}
}
