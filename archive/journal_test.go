package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keyshift.dev/keyspace"
)

func TestUndoLogIsReadFromItsEnd(t *testing.T) {
	ctx := context.Background()
	s := openFolder(t)
	j := openJournal(t, s)
	j.limit = 50_000
	want := images(0, 5000)
	for at := 0; at < len(want); at += 100 {
		if err := j.Append(ctx, want[at:at+100]); err != nil {
			t.Fatal(err)
		}
	}
	wantImages(t, readImages(t, s, shop, "7f3c"), want) // while it is open
	if err := j.Close(ctx); err != nil {
		t.Fatal(err)
	}
	wantImages(t, readImages(t, s, shop, "7f3c"), want)
	m, err := ReadManifest(ctx, s, j.Path())
	if err != nil || m.Records != 5000 || len(m.Parts) < 10 || m.Job != "7f3c" {
		t.Fatalf("%d parts, %d records, %v", len(m.Parts), m.Records, err)
	}
	if got := readImages(t, s, shop, "other"); len(got) != 0 {
		t.Fatalf("a job without a log has %d pre-images", len(got))
	}
	if err := j.Append(ctx, want[:1]); err == nil {
		t.Fatal("a closed journal takes more")
	}
}

// TestUndoLogGoesOn opens the log of a job again, after it was closed and after it was left open.
func TestUndoLogGoesOn(t *testing.T) {
	ctx := context.Background()
	s := openFolder(t)
	want := images(0, 40)
	for round := range 4 {
		j := openJournal(t, s)
		if err := j.Append(ctx, want[round*10:round*10+10]); err != nil {
			t.Fatal(err)
		}
		if round%2 == 0 {
			if err := j.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
		wantImages(t, readImages(t, s, shop, "7f3c"), want[:round*10+10])
	}
}

func TestAppendsShareAFlush(t *testing.T) {
	s := &slowStorage{Storage: openFolder(t), gate: make(chan struct{}), flushing: make(chan struct{}, 2)}
	j := openJournal(t, s)
	const callers = 20
	var wait sync.WaitGroup
	add := func(i int) {
		wait.Go(func() {
			if err := j.Append(context.Background(), images(i*10, 10)); err != nil {
				t.Error(err)
			}
		})
	}
	add(0)
	<-s.flushing
	for i := 1; i < callers; i++ {
		add(i)
	}
	for joined := false; !joined; time.Sleep(time.Millisecond) { // they wait in one group for the one that flushes
		j.mu.Lock()
		joined = j.next.records == (callers-1)*10
		j.mu.Unlock()
	}
	close(s.gate)
	wait.Wait()
	if got := readImages(t, s, shop, "7f3c"); len(got) != callers*10 {
		t.Fatalf("%d pre-images", len(got))
	}
	if s.syncs != 2 {
		t.Fatalf("%d flushes for %d appends, want 2", s.syncs, callers)
	}
}

// slowStorage holds every flush back until its gate opens.
type slowStorage struct {
	Storage
	gate     chan struct{}
	flushing chan struct{}
	syncs    int
}

func (s *slowStorage) Create(ctx context.Context, name string) (File, error) {
	f, err := s.Storage.Create(ctx, name)
	return slowFile{f, s}, err
}

type slowFile struct {
	File
	s *slowStorage
}

func (f slowFile) Sync() error {
	f.s.flushing <- struct{}{}
	<-f.s.gate
	f.s.syncs++
	return f.File.Sync()
}

// fullStorage is a disk with room for so many bytes: what fits of a write is written.
type fullStorage struct {
	Storage
	room  int
	flush error
}

func (s *fullStorage) Create(ctx context.Context, name string) (File, error) {
	f, err := s.Storage.Create(ctx, name)
	return fullFile{f, s}, err
}

type fullFile struct {
	File
	s *fullStorage
}

func (f fullFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b[:min(len(b), f.s.room)])
	f.s.room -= n
	if err == nil && n < len(b) {
		err = &os.PathError{Op: "write", Path: "part", Err: syscall.ENOSPC}
	}
	return n, err
}

func (f fullFile) Sync() error { return errors.Join(f.s.flush, f.File.Sync()) }

// TestADiskThatFillsUpLosesNothingAcknowledged tries every place at which a disk may be full.
func TestADiskThatFillsUpLosesNothingAcknowledged(t *testing.T) {
	ctx := context.Background()
	size := len(part(images(0, 6)))
	for room := 0; room < size; room += 31 {
		s := &fullStorage{Storage: openFolder(t), room: room}
		j := openJournal(t, s)
		acknowledged, err := 0, error(nil)
		for at := 0; at < 6 && err == nil; at += 2 {
			if err = j.Append(ctx, images(at, 2)); err == nil {
				acknowledged += 2
			}
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Reason != StateFull || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("room for %d bytes: %v", room, err)
		}
		s.room = 1 << 20
		if err := j.Append(ctx, images(0, 1)); err == nil {
			t.Fatal("a journal that failed takes more")
		}
		if err := j.Close(ctx); err != nil {
			t.Fatal(err)
		}
		got := readImages(t, s, shop, "7f3c")
		if len(got) < acknowledged {
			t.Fatalf("room for %d bytes: %d pre-images of %d acknowledged", room, len(got), acknowledged)
		}
		wantImages(t, got, images(0, len(got)))
	}
}

func TestAFailedFlushIsNoAcknowledgement(t *testing.T) {
	ctx := context.Background()
	s := &fullStorage{Storage: openFolder(t), room: 1 << 20}
	j := openJournal(t, s)
	if err := j.Append(ctx, images(0, 3)); err != nil {
		t.Fatal(err)
	}
	s.flush = syscall.EIO
	if err := j.Append(ctx, images(3, 3)); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	s.flush = nil
	if err := j.Append(ctx, images(6, 3)); !errors.Is(err, syscall.EIO) {
		t.Fatalf("after a failed flush: %v", err)
	}
	if again := openJournal(t, s); again.number != 1 {
		t.Fatalf("the next part comes after %d, want 1", again.number)
	}
	wantImages(t, readImages(t, s, shop, "7f3c")[:3], images(0, 3))
}

// childFolder makes the test binary a process that appends until it is killed.
const childFolder = "KEYSHIFT_TEST_JOURNAL"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		appendForEver(dir)
	}
	if dir := os.Getenv(largeFolder); dir != "" {
		appendLarge(dir)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// journalOf opens a journal in a process that has no test to fail.
func journalOf(dir string) *Journal {
	s, err := Open(context.Background(), dir)
	if err != nil {
		panic(err)
	}
	j, err := OpenJournal(context.Background(), s, shop, "7f3c")
	if err != nil {
		panic(err)
	}
	return j
}

// appendForEver appends three pre-images at a time, in small parts, and says after each append how many there are.
func appendForEver(dir string) {
	ctx, j := context.Background(), journalOf(dir)
	j.limit = 2000
	for n := 0; ; n += 3 {
		if err := j.Append(ctx, images(n, 3)); err != nil {
			panic(err)
		}
		fmt.Println(n + 3)
	}
}

// TestAKilledProcessLosesNothingAcknowledged kills the process that appends after each of its first appends, over
// several parts, and reads what is there.
func TestAKilledProcessLosesNothingAcknowledged(t *testing.T) {
	for round := range 10 {
		s := openFolder(t)
		acknowledged := appendAndDie(t, s.String(), round+1)
		got := readImages(t, s, shop, "7f3c")
		if len(got) < acknowledged {
			t.Fatalf("%d pre-images of %d acknowledged", len(got), acknowledged)
		}
		wantImages(t, got, images(0, len(got)))
	}
}

// appendAndDie runs a child, kills it once it has said so many lines, and returns the last number it said.
func appendAndDie(t *testing.T, dir string, lines int) int {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	last, read := 0, bufio.NewReader(out)
	for i := 0; ; i++ {
		line, err := read.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if last, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
			t.Fatal(err)
		}
		if i+1 == lines {
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return last
}

// TestATornPartIsNeverUsed cuts a part of a log at places all over it, as a kill in the middle of a write does, and goes on
// with the log: what was whole before the cut is there, and what is appended after it, and nothing else.
func TestATornPartIsNeverUsed(t *testing.T) {
	ctx := context.Background()
	whole := part(images(0, 4))
	places, err := index("part", whole, Undo, false)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(whole); cut += 11 {
		s := openFolder(t)
		j := openJournal(t, s)
		dir := filepath.Join(s.String(), filepath.FromSlash(j.Path()))
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, partName(1)), whole[:cut], 0o600)); err != nil {
			t.Fatal(err)
		}
		var want []keyspace.Preimage
		for i, p := range places {
			if p.start+p.length <= cut {
				want = append(want, images(i, 1)...)
			}
		}
		j = openJournal(t, s)
		if err := errors.Join(j.Append(ctx, images(100, 2)), j.Close(ctx)); err != nil {
			t.Fatal(err)
		}
		wantImages(t, readImages(t, s, shop, "7f3c"), append(want, images(100, 2)...))
	}
}

func TestAMissingPartIsAnError(t *testing.T) {
	ctx := context.Background()
	s := openFolder(t)
	j := openJournal(t, s)
	j.limit = 1
	for i := range 3 {
		if err := j.Append(ctx, images(i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(j.Close(ctx), s.Delete(ctx, j.Path()+"/"+partName(2))); err != nil {
		t.Fatal(err)
	}
	_, err := tryImages(s, shop, "7f3c")
	if e, ok := errors.AsType[*Error](err); !ok || e.Reason != ArchiveMissing || !strings.HasSuffix(e.Where, partName(2)) {
		t.Fatal(err)
	}
}

// BenchmarkAppend appends 500 pre-images a call: what one batch of a rewrite does before it writes. Bytes are those of
// the log.
//
//	go test ./archive -run '^$' -bench Append
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{100, 500, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := openFolder(b)
			j := openJournal(b, s)
			list := images(0, n)
			b.SetBytes(int64(len(part(list)) - headerBytes))
			for b.Loop() {
				if err := j.Append(context.Background(), list); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "images/s")
			if err := j.Close(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
