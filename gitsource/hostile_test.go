package gitsource

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
)

// put stores an object and returns its hash.
func put(t *testing.T, s *memory.Storage, kind plumbing.ObjectType, content string) plumbing.Hash {
	t.Helper()
	o := &plumbing.MemoryObject{}
	o.SetType(kind)
	if _, err := o.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	h, err := s.SetEncodedObject(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func entry(mode, name string, h plumbing.Hash) string {
	return mode + " " + name + "\x00" + string(h[:])
}

// Trees that no git binary would make.
func TestWalkRefusesHostileTrees(t *testing.T) {
	s := memory.NewStorage()
	blob := put(t, s, plumbing.BlobObject, "x")
	for name, tree := range map[string]string{
		"parent":          entry("100644", "..", blob),
		"self":            entry("100644", ".", blob),
		"git":             entry("100644", ".git", blob),
		"odd case":        entry("100644", ".GiT", blob),
		"trailing dot":    entry("100644", ".git.", blob),
		"invisible":       entry("100644", ".g\u200cit", blob),
		"short name":      entry("100644", "GIT~1", blob),
		"slash":           entry("100644", "a/b", blob),
		"backslash":       entry("100644", `a\b`, blob),
		"not UTF-8":       entry("100644", "a\xff", blob),
		"newline":         entry("100644", "a\nb", blob),
		"twice":           entry("100644", "a", blob) + entry("100755", "a", blob),
		"symbolic link":   entry("120000", "a", blob),
		"submodule":       entry("160000", "a", blob),
		"unknown mode":    entry("140000", "a", blob),
		"folder and file": entry("100644", "a", blob) + entry("40000", "a", put(t, s, plumbing.TreeObject, entry("100644", "b", blob))),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := walk(s, put(t, s, plumbing.TreeObject, tree), Limits{}.withDefaults())
			var e *Error
			if !errors.As(err, &e) || e.Reason != TreeRefused {
				t.Fatalf("error is %v, want TreeRefused", err)
			}
			if strings.ContainsFunc(e.Error(), func(r rune) bool { return r < ' ' || r == '\ufffd' }) {
				t.Errorf("the error is not fit to print: %q", e.Error())
			}
		})
	}
}

// packObject is one object of a pack: its header and its deflated content.
func packObject(kind plumbing.ObjectType, declared int64, content io.Reader, reference []byte) []byte {
	var b bytes.Buffer
	c := byte(kind)<<4 | byte(declared&15)
	for declared >>= 4; declared > 0; declared >>= 7 {
		b.WriteByte(c | 0x80)
		c = byte(declared & 0x7f)
	}
	b.WriteByte(c)
	b.Write(reference)
	z := zlib.NewWriter(&b)
	if _, err := io.Copy(z, content); err != nil {
		panic(err)
	}
	z.Close()
	return b.Bytes()
}

func pack(objects ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(len(objects)))
	for _, o := range objects {
		b = append(b, o...)
	}
	sum := sha1.Sum(b)
	return append(b, sum[:]...)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// deltaBomb copies 16 MiB of its base over and over.
func deltaBomb(base plumbing.Hash, baseSize, copies int) []byte {
	number := func(n int) (out []byte) {
		for ; n > 0x7f; n >>= 7 {
			out = append(out, byte(n)|0x80)
		}
		return append(out, byte(n))
	}
	delta := append(number(baseSize), number(baseSize*copies)...)
	for range copies {
		delta = append(delta, 0x80|0x10|0x20|0x40, byte(baseSize), byte(baseSize>>8), byte(baseSize>>16))
	}
	return packObject(plumbing.REFDeltaObject, int64(len(delta)), bytes.NewReader(delta), base[:])
}

// Packs that are small on the wire and huge in memory end before they are held.
func TestPackBombs(t *testing.T) {
	const size = 8 << 20
	base := plumbing.ComputeHash(plumbing.BlobObject, make([]byte, size))
	for name, bomb := range map[string]struct {
		pack   []byte
		reason Reason
	}{
		"one huge blob": {pack(packObject(plumbing.BlobObject, 1<<30, io.LimitReader(zeros{}, 64<<20), nil)), TreeTooLarge},
		"delta": {pack(packObject(plumbing.BlobObject, size, io.LimitReader(zeros{}, size), nil), deltaBomb(base, size, 1000)),
			TreeTooLarge},
		"declared too small": {pack(packObject(plumbing.BlobObject, 10, io.LimitReader(zeros{}, 1<<20), nil)), GitProtocol},
		"object count":       {append([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"), make([]byte, 40)...), TreeTooLarge},
		"no pack":            {[]byte("hello"), GitProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, bomb.pack)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Fetch(t.Context(), Source{URL: server.URL + "/repo.git"}, "")
			runtime.ReadMemStats(&after)
			var e *Error
			if !errors.As(err, &e) || e.Reason != bomb.reason {
				t.Fatalf("error is %v, want %s", err, bomb.reason)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 128<<20 {
				t.Errorf("allocated %d MiB", grown>>20)
			}
		})
	}
}

// serve answers like a Git server with one branch, and with the given pack.
func serve(t *testing.T, pack []byte) *httptest.Server {
	t.Helper()
	line := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	tip := strings.Repeat("12", 20)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/info/refs") {
			_, _ = io.WriteString(w, line("# service=git-upload-pack\n")+"0000"+
				line(tip+" HEAD\x00symref=HEAD:refs/heads/main ofs-delta\n")+line(tip+" refs/heads/main\n")+"0000")
			return
		}
		_, _ = io.WriteString(w, line("NAK\n"))
		_, _ = w.Write(pack)
	}))
	t.Cleanup(server.Close)
	return server
}

// More bytes than the cap end the fetch, whatever they are, also in the list of refs.
func TestEndlessAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, "0040"+strings.Repeat("ab", 20)+" refs/heads/branch-abc\n"[:20]); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	server2 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server2.Close)
	for _, url := range []string{server.URL, server2.URL} {
		_, err := Fetch(t.Context(), Source{URL: url + "/repo.git", Limits: Limits{Wire: 1 << 20}, Timeout: 20 * time.Second}, "")
		var e *Error
		if !errors.As(err, &e) || (e.Reason != TreeTooLarge && e.Reason != GitProtocol) {
			t.Errorf("error is %v", err)
		}
	}
}

// Damaged packs end in an error, never in a panic or another commit.
func TestDamagedPacks(t *testing.T) {
	good := pack(packObject(plumbing.BlobObject, 5, strings.NewReader("hello"), nil),
		packObject(plumbing.BlobObject, 5, strings.NewReader("world"), nil))
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		damaged := bytes.Clone(good)
		for range 1 + random.IntN(3) {
			damaged[random.IntN(len(damaged))] = byte(random.IntN(256))
		}
		store, err := unpack(context.Background(), damaged[:1+random.IntN(len(damaged))], Limits{}.withDefaults())
		if err != nil {
			continue
		}
		for h, o := range store.Blobs {
			r, _ := o.Reader()
			b, _ := io.ReadAll(r)
			if plumbing.ComputeHash(plumbing.BlobObject, b) != h {
				t.Fatalf("object %s holds %q (pack %s)", h, b, hex.EncodeToString(damaged))
			}
		}
	}
}

func TestUnpackHonoursItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := unpack(ctx, pack(packObject(plumbing.BlobObject, 1, strings.NewReader("x"), nil)), Limits{}.withDefaults()); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestRedirects(t *testing.T) {
	for name, test := range map[string]struct {
		to       string
		password string
		reason   Reason
	}{
		"metadata service":      {"http://169.254.169.254/repo.git/info/refs", "", URLRefused},
		"unencrypted":           {"http://git.example/repo.git/info/refs", "", URLRefused},
		"other host, with auth": {"https://git.example/repo.git/info/refs", "secret-token", URLRefused},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.RedirectHandler(test.to, http.StatusFound))
			t.Cleanup(server.Close)
			_, err := Fetch(t.Context(), Source{URL: server.URL + "/repo.git", Password: test.password, Timeout: 5 * time.Second}, "")
			var e *Error
			if !errors.As(err, &e) || e.Reason != test.reason {
				t.Fatalf("error is %v, want %s", err, test.reason)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
}

func TestLinkLocalIsRefusedAtTheDial(t *testing.T) {
	_, err := Fetch(t.Context(), Source{URL: "https://169.254.169.254/repo.git", Timeout: 5 * time.Second}, "")
	var e *Error
	if !errors.As(err, &e) || e.Reason != URLRefused {
		t.Fatalf("error is %v", err)
	}
}
