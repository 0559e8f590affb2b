package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gocloud.dev/blob/fileblob"
)

// storages are all kinds of storages, empty.
var storages = []struct {
	name string
	open func(t testing.TB) Storage
}{
	{"folder", openFolder},
	{"memory", func(t testing.TB) Storage {
		s, err := Open(context.Background(), "mem://")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}},
	{"files", func(t testing.TB) Storage {
		b, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
		if err != nil {
			t.Fatal(err)
		}
		return &bucket{name: "files://", bucket: b}
	}},
	{"s3", openS3},
	{"prefix", func(t testing.TB) Storage {
		s, err := Open(context.Background(), "mem://?prefix=a/subfolder/")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}},
}

func TestStorages(t *testing.T) {
	for _, kind := range storages {
		t.Run(kind.name, func(t *testing.T) {
			s := kind.open(t)
			t.Cleanup(func() { _ = s.Close() })
			t.Run("put", func(t *testing.T) { putAndGet(t, s) })
			t.Run("create", func(t *testing.T) { createAndAbort(t, s) })
			t.Run("list", func(t *testing.T) { listAndDelete(t, s) })
			t.Run("journal", func(t *testing.T) { journalOn(t, s) })
			t.Run("prune", func(t *testing.T) { pruneOn(t, s) })
		})
	}
}

func get(t *testing.T, s Storage, name string) string {
	t.Helper()
	r, size, err := s.Get(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil || int64(len(data)) != size {
		t.Fatalf("%d bytes of %d, %v", len(data), size, err)
	}
	return string(data)
}

func putAndGet(t *testing.T, s Storage) {
	ctx := context.Background()
	if _, _, err := s.Get(ctx, "put/none"); !errors.Is(err, errMissing) {
		t.Fatal(err)
	}
	for _, data := range []string{"", "one\x00\xff", strings.Repeat("long", 100_000)} {
		name := fmt.Sprintf("put/%d", len(data))
		if err := s.Put(ctx, name, []byte(data), false); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(ctx, name, []byte("other"), false); !errors.Is(err, errExists) {
			t.Fatalf("put over an object: %v", err)
		}
		if got := get(t, s, name); got != data {
			t.Fatalf("%d bytes, want %d", len(got), len(data))
		}
		if err := s.Put(ctx, name, []byte("other"), true); err != nil || get(t, s, name) != "other" {
			t.Fatalf("not replaced: %v", err)
		}
	}
}

func createAndAbort(t *testing.T, s Storage) {
	ctx := context.Background()
	f, err := s.Create(ctx, "create/a")
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789"), 50_000)
	for part := range slices.Chunk(want, 70_000) {
		if _, err := f.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); s.Grows() != (err == nil) {
			t.Fatalf("grows: %t, flush: %v", s.Grows(), err)
		}
	}
	if err := f.Close(); err != nil || get(t, s, "create/a") != string(want) {
		t.Fatalf("another content, %v", err)
	}
	if _, err := s.Create(ctx, "create/a"); !errors.Is(err, errExists) {
		t.Fatalf("created twice: %v", err)
	}
	if f, err = s.Create(ctx, "create/b"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if _, _, err := s.Get(ctx, "create/b"); !s.Grows() && !errors.Is(err, errMissing) {
		t.Fatalf("an upload that was given up is there: %v", err)
	}
}

func listAndDelete(t *testing.T, s Storage) {
	ctx := context.Background()
	want := []string{"list/a/1", "list/a/2", "list/b/c/3"}
	for _, name := range append(slices.Clone(want), "listing") {
		if err := s.Put(ctx, name, []byte(name), false); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, s, "list"); !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	if got := names(t, s, "list/nothing"); len(got) > 0 {
		t.Fatalf("%q in a folder that is not there", got)
	}
	for range 2 { // twice is no error
		if err := s.Delete(ctx, "list/b/c/3"); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, s, "list"); !slices.Equal(got, want[:2]) {
		t.Fatalf("%q, want %q", got, want[:2])
	}
	stop := errors.New("enough")
	if err := s.List(ctx, "list", func(Object) error { return stop }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
}

func names(t *testing.T, s Storage, folder string) (out []string) {
	t.Helper()
	err := s.List(context.Background(), folder, func(o Object) error {
		out = append(out, o.Name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func journalOn(t *testing.T, s Storage) {
	ctx := context.Background()
	want := images(0, 90)
	for round := range 3 {
		j := openJournal(t, s)
		for at := round * 30; at < round*30+30; at += 10 {
			if err := j.Append(ctx, want[at:at+10]); err != nil {
				t.Fatal(err)
			}
		}
		wantImages(t, readImages(t, s, shop, "7f3c"), want[:round*30+30])
		if err := j.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	wantImages(t, readImages(t, s, shop, "7f3c"), want)
}

func pruneOn(t *testing.T, s Storage) {
	ctx := context.Background()
	j, err := OpenJournal(ctx, s, shop, "another job/..")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(ctx, images(0, 3)); err != nil {
		t.Fatal(err)
	}
	all, err := Archives(ctx, s, shop, Undo)
	if err != nil || len(all) != 2 || !all[0].Finished || all[1].Finished || all[1].Path != j.Path() || TimeOf(all[0].ID).IsZero() {
		t.Fatalf("%+v, %v", all, err)
	}
	gone, err := Prune(ctx, s, func(f Found) bool { return f.Path == j.Path() })
	if err != nil || len(gone) != 1 || gone[0].Path != all[0].Path {
		t.Fatalf("%+v, %v", gone, err)
	}
	if got := names(t, s, all[0].Path); len(got) > 0 {
		t.Fatalf("left behind: %q", got)
	}
	wantImages(t, readImages(t, s, shop, "another job/.."), images(0, 3))
}

func TestAFolderIsPrivate(t *testing.T) {
	s := openFolder(t)
	j := openJournal(t, s)
	if err := j.Append(context.Background(), images(0, 1)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(s.String(), "shop"), func(p string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", p, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNamesStayInTheFolder(t *testing.T) {
	ctx := context.Background()
	s := openFolder(t)
	if err := s.Put(ctx, "../outside", []byte("x"), true); err == nil {
		t.Fatal("a name leads out of the folder")
	}
	seen := map[string]string{}
	for _, name := range []string{"", ".", "..", "a/b", "a%2Fb", "%", "é", "a b", "..a", "a.."} {
		e := escape(name)
		if other, twice := seen[e]; twice || e == "" || e[0] == '.' || strings.ContainsAny(e, "/\\ ") {
			t.Errorf("%q is %q, like %q", name, e, other)
		}
		seen[e] = name
	}
}

func TestRoom(t *testing.T) {
	ctx := context.Background()
	s := openFolder(t)
	if err := CheckRoom(ctx, s, 1); err != nil {
		t.Fatal(err)
	}
	err := CheckRoom(ctx, s, math.MaxInt64)
	if e, ok := errors.AsType[*Error](err); !ok || e.Reason != StateFull {
		t.Fatal(err)
	}
	if !strings.Contains(err.Error(), "it has room for ") || !strings.Contains(err.Error(), "iB, 8.0 EiB are needed") {
		t.Errorf("not for people: %v", err)
	}
	if err := CheckRoom(ctx, storages[1].open(t), math.MaxInt64); err != nil {
		t.Fatalf("a bucket does not know its room: %v", err)
	}
}

// TestRoomOfWhatIsNotThereYet: a plan asks for the room of a folder that its run will make, and makes none.
func TestRoomOfWhatIsNotThereYet(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		address       string
		known, broken bool
	}{
		{filepath.Join(dir, "a", "b", "c"), true, false},
		{(&url.URL{Scheme: "file", Path: filepath.ToSlash(dir) + "/a b/c"}).String(), true, false},
		{"s3://bucket?region=eu-west-1", false, false},
		{"mem://", false, false},
		{filepath.Join(file, "a"), false, true},
	} {
		free, known, err := RoomAt(c.address)
		if (err != nil) != c.broken || known != c.known || (free > 0) != c.known {
			t.Errorf("%s: %d, %v, %v", c.address, free, known, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("it made %v, %v", entries, err)
	}
}

func TestOpen(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	for _, address := range []string{dir + "/a", "file://" + dir + "/b", (&url.URL{Scheme: "file", Path: dir + "/with space"}).String()} {
		s, err := Open(ctx, address)
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		if s.String() == dir || !strings.HasPrefix(s.String(), dir) {
			t.Fatalf("%s is %s", address, s)
		}
		_ = s.Close()
	}
	for _, address := range []string{"", "file://host/a", "nope://a", "s3://user:s3cret@bucket", "mem://?nonsense=1"} {
		_, err := Open(ctx, address)
		if e, ok := errors.AsType[*Error](err); !ok || e.Reason != StateInvalid || strings.Contains(err.Error(), "s3cret") {
			t.Fatalf("%s: %v", address, err)
		}
	}
}
