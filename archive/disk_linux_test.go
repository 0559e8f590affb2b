package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The variables that make the test binary a process which appends a few pre-images and then very many at once, and what
// its files may have in bytes.
const (
	largeFolder   = "KEYSHIFT_TEST_JOURNAL_LARGE"
	fileSizeLimit = "KEYSHIFT_TEST_FILE_SIZE"
	largeImages   = 30_000
)

func appendLarge(dir string) {
	ctx := context.Background()
	if limit, err := strconv.Atoi(os.Getenv(fileSizeLimit)); err == nil {
		signal.Ignore(syscall.SIGXFSZ) // so that the write fails instead
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(limit), Max: uint64(limit)}); err != nil {
			panic(err)
		}
	}
	j := journalOf(dir)
	many := images(3, largeImages)
	if err := j.Append(ctx, images(0, 3)); err != nil {
		panic(err)
	}
	fmt.Println("small")
	if err := j.Append(ctx, many); err != nil {
		fmt.Println("refused")
		return
	}
	fmt.Println("large")
	select {}
}

func large(t *testing.T, dir string, more ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(append(os.Environ(), largeFolder+"="+dir), more...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(out)
}

func said(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// wantPrefix reads the log: it starts as what was appended does, has no less than so many, and can be gone on with.
func wantPrefix(t *testing.T, s Storage, least int) int {
	t.Helper()
	got := readImages(t, s, shop, "7f3c")
	if len(got) < least {
		t.Fatalf("%d pre-images, %d were acknowledged", len(got), least)
	}
	wantImages(t, got, images(0, len(got)))
	j := openJournal(t, s)
	if err := j.Append(context.Background(), images(len(got), 2)); err != nil {
		t.Fatal(err)
	}
	wantImages(t, readImages(t, s, shop, "7f3c"), images(0, len(got)+2))
	return len(got)
}

// TestKilledInTheMiddleOfAWrite kills the process at several sizes of the part that it writes in one piece.
func TestKilledInTheMiddleOfAWrite(t *testing.T) {
	torn := 0
	for round := range 4 {
		s := openFolder(t)
		c, out := large(t, s.String())
		if line := said(t, out); line != "small" {
			t.Fatal(line)
		}
		for size := int64(0); size < 4000+int64(round)*1_500_000; {
			parts, err := filepath.Glob(filepath.Join(s.String(), "shop/main/session/undo/*/part-*"))
			if err != nil || len(parts) != 1 {
				t.Fatal(parts, err)
			}
			info, err := os.Stat(parts[0])
			if err != nil {
				t.Fatal(err)
			}
			size = info.Size()
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		if n := wantPrefix(t, s, 3); n < 3+largeImages {
			torn++
		}
	}
	t.Logf("%d of 4 were killed in the middle", torn)
}

// TestARealDiskThatIsFull: where a file may not grow, and where the file system has no room, the append is an error, what
// was acknowledged is there, and the log goes on once there is room.
func TestARealDiskThatIsFull(t *testing.T) {
	t.Run("a file that may not grow", func(t *testing.T) {
		s := openFolder(t)
		c, out := large(t, s.String(), fileSizeLimit+"=100000")
		if first, then := said(t, out), said(t, out); first != "small" || then != "refused" {
			t.Fatal(first, then)
		}
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		wantPrefix(t, s, 3)
	})
	t.Run("a file system", func(t *testing.T) {
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
			t.Logf("no file system of its own: %v; a folder with a full quota is tried above", err)
			return
		}
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
		ctx := context.Background()
		s, err := Open(ctx, dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		j := openJournal(t, s)
		if err := j.Append(ctx, images(0, 3)); err != nil {
			t.Fatal(err)
		}
		err = j.Append(ctx, images(3, 10_000))
		if e, ok := errors.AsType[*Error](err); !ok || e.Reason != StateFull || !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=20m"); err != nil {
			t.Fatal(err)
		}
		wantPrefix(t, s, 3)
	})
}
