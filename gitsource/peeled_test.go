package gitsource

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
	"keyshift.dev/testbed"
)

// TestPeeledByTheServer: which commit a tag names is what the tag says, not what the server says that it does: else a signed
// tag would vouch for any commit.
func TestPeeledByTheServer(t *testing.T) {
	ada := testbed.PGPSigner(t, "Ada", "ada@example.org")
	keys, err := ReadKeys(map[string][]byte{"ada.asc": ada.Public})
	if err != nil {
		t.Fatal(err)
	}
	store := memory.NewStorage()
	commit := func(content string, sign bool) plumbing.Hash {
		tree := put(t, store, plumbing.TreeObject, entry("100644", "a", put(t, store, plumbing.BlobObject, content)))
		who := "Ada <ada@example.org> 1700000000 +0000\n"
		head, body := "tree "+tree.String()+"\nauthor "+who+"committer "+who, "\n"+content+"\n"
		if sign {
			head += "gpgsig " + strings.ReplaceAll(strings.TrimSpace(string(ada.Sign([]byte(head+body)))), "\n", "\n ") + "\n"
		}
		return put(t, store, plumbing.CommitObject, head+body)
	}
	meant, evil, old := commit("meant", true), commit("evil", false), commit("old", true)
	payload := "object " + meant.String() + "\ntype commit\ntag v1\ntagger Ada <ada@example.org> 1700000000 +0000\n\none\n"
	tag := put(t, store, plumbing.TagObject, payload+string(ada.Sign([]byte(payload))))
	for _, mode := range []VerifyMode{VerifyTag, VerifyTagAndHEAD, ""} {
		s := Source{URL: "https://git.example.com/x", Tag: "v1", Limits: Limits{}.withDefaults()}
		if mode != "" {
			s.Verify = &Verify{Mode: mode, Keys: keys}
		}
		for _, peeled := range []plumbing.Hash{meant, plumbing.ZeroHash} {
			if snap, err := read(s, store, target{name: "v1", commit: peeled, objects: []plumbing.Hash{tag}, tip: true}); err != nil || snap.Commit != meant.String() {
				t.Errorf("%s: the tag as it is: %+v, %v", mode, snap, err)
			}
		}
		for _, peeled := range []plumbing.Hash{evil, old} {
			snap, err := read(s, store, target{name: "v1", commit: peeled, objects: []plumbing.Hash{tag}, tip: true})
			var e *Error
			if !errors.As(err, &e) || e.Reason != GitProtocol {
				t.Errorf("%s: a signed tag vouches for a commit that it does not name: %+v, %v", mode, snap, err)
			}
		}
	}
}
