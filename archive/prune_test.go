package archive

import (
	"context"
	"fmt"
	"path"
	"slices"
	"testing"
	"time"
)

// finishedAt puts an archive that was started at a time into a place.
func finishedAt(t *testing.T, s Storage, p Place, k Kind, at time.Time, job string, byHand, whole bool) string {
	t.Helper()
	ctx := context.Background()
	id := newID(at)
	if job != "" {
		id += "-" + escape(job)
	}
	folder := path.Join(p.folder(k), id)
	if err := s.Put(ctx, path.Join(folder, partName(1)), appendHeader(nil, k), false); err != nil {
		t.Fatal(err)
	}
	if whole {
		if err := (Manifest{Format: Format, Kind: k, ByHand: byHand}).write(ctx, s, folder, false); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestPrunePlace keeps the newest, what is needed, what was made by hand, and what may be being written; nothing of
// another store is touched.
func TestPrunePlace(t *testing.T) {
	ctx := context.Background()
	s := openFolder(t)
	place, other := shop, shop
	place.Identity, other.Identity = "ABCDEFGHIJK", "ZYXWVUTSRQP"
	day := func(n int) time.Time { return time.Date(2025, 1, n, 12, 0, 0, 0, time.UTC) }
	backup := func(n int, byHand, whole bool) string {
		return finishedAt(t, s, place, Backup, day(n), "", byHand, whole)
	}
	log := func(n int, job string, whole bool) string {
		return finishedAt(t, s, place, Undo, day(n), job, false, whole)
	}
	var keep, lose []string
	lose = append(lose, backup(1, false, true))
	keep = append(keep, backup(2, true, true)) // by hand
	needed := backup(3, false, true)
	keep = append(keep, needed)
	lose = append(lose, backup(4, false, false), backup(5, false, true)) // interrupted long ago, and an old one
	keep = append(keep, backup(6, false, true), backup(7, false, true), backup(8, false, true), backup(9, false, false))
	lose = append(lose, log(1, "sha256:a", true), log(2, "sha256:b", false))
	keep = append(keep, log(3, "sha256:c", true), log(4, "sha256:d", true), log(5, "sha256:e", false), log(6, "sha256:f", true))
	for i := range 6 {
		keep = append(keep, finishedAt(t, s, other, Backup, day(i+1), "", false, true))
	}
	gone, err := PrunePlace(ctx, s, place, 3, []string{needed, "sha256:c"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range gone {
		got = append(got, f.Path)
		if f.Kind == Undo && f.Job() != "sha256:a" && f.Job() != "sha256:b" {
			t.Errorf("the job of %s is %q", f.Path, f.Job())
		}
	}
	slices.Sort(got)
	slices.Sort(lose)
	if !slices.Equal(got, lose) {
		t.Errorf("deleted\n%q, want\n%q", got, lose)
	}
	all, err := List(ctx, s, "")
	if err != nil || len(all) != len(keep) {
		t.Fatalf("%d are left, want %d: %v", len(all), len(keep), err)
	}
	for _, f := range all {
		if !slices.Contains(keep, f.Path) {
			t.Errorf("%s is left", f.Path)
		}
	}
}

// TestPlacesOfStoresOfOneName: by its identity each finds its own backups; without one all of that name are told.
func TestPlacesOfStoresOfOneName(t *testing.T) {
	ctx := context.Background()
	s := openFolder(t)
	var want []string
	for i, identity := range []string{"", "ABCDEFGHIJK", "ZYXWVUTSRQP"} {
		p := shop
		p.Identity = identity
		want = append(want, finishedAt(t, s, p, Backup, time.Date(2025, 1, 5-i, 0, 0, 0, 0, time.UTC), "", false, true))
		if at, ok, err := LatestBackup(ctx, s, p); at != want[i] || !ok || err != nil {
			t.Errorf("%s: %q, %v", identity, at, err)
		}
	}
	for _, p := range []Place{{System: "shop", Store: "main2", Keyspace: "session"}, {System: "shop", Store: "main", Keyspace: "cart"}} {
		finishedAt(t, s, p, Backup, time.Now(), "", false, true)
	}
	all, err := Backups(ctx, s, shop)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	for _, f := range all {
		if !slices.Contains(want, f.Path) {
			t.Error(fmt.Sprint(f.Path, " is of another store"))
		}
	}
}
