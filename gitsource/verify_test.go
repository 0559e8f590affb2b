package gitsource_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyshift.dev/gitsource"
	"keyshift.dev/testbed"
)

// keysOf reads the public keys of signers, as a Secret has them.
func keysOf(t *testing.T, files map[string][]byte) gitsource.Keys {
	t.Helper()
	keys, err := gitsource.ReadKeys(files)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// team is who may sign, and somebody who may not.
type team struct {
	ada, ci, eve testbed.Signer
	keys         gitsource.Keys
}

func newTeam(t *testing.T) team {
	x := team{ada: testbed.PGPSigner(t, "Ada Lovelace", "ada@example.org"), ci: testbed.SSHSigner(t, "ci@example.org", "git"), eve: testbed.PGPSigner(t, "Eve", "eve@example.org")}
	other := testbed.PGPSigner(t, "Bob", "bob@example.org")
	x.keys = keysOf(t, map[string][]byte{"both.asc": append(append([]byte{}, other.Public...), x.ada.Public...), "ci.pub": x.ci.Public})
	return x
}

func (x team) adas() string { return "Ada Lovelace <ada@example.org> (PGP " + x.ada.ID + ")" }
func (x team) cis() string  { return "ci@example.org (SSH " + x.ci.ID + ")" }

// verified is the source of a repository whose commits, or tags, must be signed.
func (x team) verified(g *testbed.GitServer, mode gitsource.VerifyMode, tag string) gitsource.Source {
	return gitsource.Source{URL: g.URL, Tag: tag, Verify: &gitsource.Verify{Mode: mode, Keys: x.keys}}
}

// wantRefused: what is not signed as it must be is refused, by name of the object and of the keys that may sign.
func (x team) wantRefused(t *testing.T, s gitsource.Source, reason gitsource.Reason, parts ...string) {
	t.Helper()
	e := refusal(t, s, reason)
	for _, part := range append(parts, x.ada.ID, x.ci.ID, "both.asc", "ci.pub") {
		if !strings.Contains(e.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, e)
		}
	}
}

func TestSignedCommits(t *testing.T) {
	g, x := testbed.Git(t), newTeam(t)
	g.Commit("first", map[string]string{"a": "1"})
	s := x.verified(g, gitsource.VerifyHEAD, "")
	x.wantRefused(t, s, gitsource.SignatureMissing, "commit "+g.Head()[:12]+" is not signed", "git commit --gpg-sign")
	if snap := fetch(t, gitsource.Source{URL: g.URL}, ""); snap.Signer != "" {
		t.Errorf("nobody asked, and it is said to be signed by %q", snap.Signer)
	}
	for by, signer := range map[string]testbed.Signer{x.adas(): x.ada, x.cis(): x.ci} {
		g.Commit("more", map[string]string{"a": by})
		signed := g.SignHead(signer)
		snap := fetch(t, s, "")
		if snap.Signer != by || snap.Commit != signed || content(t, snap, "a") != by {
			t.Errorf("got %+v, want it signed by %s", snap, by)
		}
		if snap := fetch(t, gitsource.Source{URL: g.URL}, ""); snap.Signer != "" {
			t.Errorf("nobody asked, and it is said to be signed by %q", snap.Signer)
		}
	}
	if at := (gitsource.Source{URL: g.URL, Commit: g.Head(), Verify: s.Verify}); fetch(t, at, "").Signer == "" {
		t.Error("a commit by its name was not verified")
	}
	g.Commit("eve's", map[string]string{"a": "3"})
	g.SignHead(x.eve)
	x.wantRefused(t, s, gitsource.SignatureInvalid, x.eve.ID)
	g.SignHead(testbed.SSHSigner(t, "ci@example.org", "git")) // signs a commit that is signed: only the last counts
	x.wantRefused(t, s, gitsource.SignatureInvalid, "none of those that may sign")
}

// TestTampered: a signature covers every byte of its commit, and no other commit.
func TestTampered(t *testing.T) {
	g, x := testbed.Git(t), newTeam(t)
	s := x.verified(g, "", "")
	for _, signer := range []testbed.Signer{x.ada, x.ci} {
		g.Commit("first", map[string]string{"a": "1"})
		g.SignHead(signer)
		signed := g.Run("cat-file", "commit", "HEAD")
		tree := strings.TrimSpace(g.Run("rev-parse", "HEAD^{tree}"))
		g.Commit("second", map[string]string{"a": "2"})
		other := strings.TrimSpace(g.Run("rev-parse", "HEAD^{tree}"))
		begin := strings.Index(signed, "gpgsig")
		for name, text := range map[string]string{
			"another tree":            strings.Replace(signed, tree, other, 1),
			"another message":         signed + "and more\n",
			"a header before":         signed[:begin] + "note x\n" + signed[begin:],
			"another author":          strings.Replace(signed, "Ada", "Eve", 1),
			"a second tree":           "tree " + other + "\n" + signed,
			"a cut signature":         signed[:begin+60] + "\n\nfirst\n",
			"a signature of nothing":  signed[:begin] + "gpgsig x\n\nfirst\n",
			"an X.509 signature":      signed[:begin] + "gpgsig -----BEGIN SIGNED MESSAGE-----\n\nfirst\n",
			"what is no armor at all": signed[:begin] + "gpgsig -----BEGIN PGP SIGNATURE-----\n garbage\n -----END PGP SIGNATURE-----\n\nfirst\n",
		} {
			g.ReplaceHead(text)
			_, err := gitsource.Fetch(t.Context(), s, "")
			var e *gitsource.Error
			if !errors.As(err, &e) || e.Reason != gitsource.SignatureInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		g.ReplaceHead(signed)
		if fetch(t, s, "").Signer == "" {
			t.Error("the commit as it was signed is refused")
		}
	}
}

func TestSignedTags(t *testing.T) {
	g, x := testbed.Git(t), newTeam(t)
	g.Commit("first", map[string]string{"a": "1"})
	g.Run("tag", "light")
	g.Run("tag", "--annotate", "plain", "--message", "plain")
	g.Push("light", "plain")
	g.SignTag(x.ada, "v1.0.0", "v1.0.0")
	g.SignTag(x.eve, "v1.0.1", "v1.0.1")
	g.SignTag(x.ada, "v1.0.0", "v9.0.0")
	if got := fetch(t, x.verified(g, gitsource.VerifyTag, "v1.0.0"), ""); got.Signer != x.adas() || got.Revision != "v1.0.0@sha1:"+g.Head() {
		t.Errorf("got %+v", got)
	}
	x.wantRefused(t, x.verified(g, gitsource.VerifyTag, "light"), gitsource.SignatureMissing, "tag light is not an annotated tag", "git tag --sign")
	x.wantRefused(t, x.verified(g, gitsource.VerifyTag, "plain"), gitsource.SignatureMissing, "tag plain is not signed")
	x.wantRefused(t, x.verified(g, gitsource.VerifyTag, "v1.0.1"), gitsource.SignatureInvalid, x.eve.ID)
	x.wantRefused(t, x.verified(g, gitsource.VerifyTagAndHEAD, "v1.0.0"), gitsource.SignatureMissing, "commit "+g.Head()[:12])
	if e := refusal(t, x.verified(g, gitsource.VerifyTag, "v9.0.0"), gitsource.SignatureInvalid); !strings.Contains(e.Error(), "was signed as tag v1.0.0") {
		t.Error(e)
	}
	g.SignHead(x.ci)
	g.SignTag(x.ada, "v2.0.0", "v2.0.0")
	if got, want := fetch(t, x.verified(g, gitsource.VerifyTagAndHEAD, "v2.0.0"), "").Signer, "tag by "+x.adas()+", commit by "+x.cis(); got != want {
		t.Errorf("signed by %s, want %s", got, want)
	}
	g.SignTag(x.ci, "v2.0.1", "v2.0.1")
	if got := fetch(t, x.verified(g, gitsource.VerifyTagAndHEAD, "v2.0.1"), "").Signer; got != x.cis() {
		t.Errorf("signed by %s", got)
	}
	x.wantRefused(t, x.verified(g, gitsource.VerifyHEAD, "light"), gitsource.SignatureMissing, "commit ")
}

// TestVerifyRefused: what cannot be verified whatever the server has is refused without asking it.
func TestVerifyRefused(t *testing.T) {
	x := newTeam(t)
	for name, s := range map[string]gitsource.Source{
		"a tag is needed":   {Branch: "main", Verify: &gitsource.Verify{Mode: gitsource.VerifyTag, Keys: x.keys}},
		"nor for a commit":  {Commit: strings.Repeat("ab", 20), Verify: &gitsource.Verify{Mode: gitsource.VerifyTagAndHEAD, Keys: x.keys}},
		"no such mode":      {Verify: &gitsource.Verify{Mode: "head", Keys: x.keys}},
		"no key, no signer": {Verify: &gitsource.Verify{}},
	} {
		s.URL = "https://git.invalid/repo.git"
		if e := refusal(t, s, gitsource.VerifyRefused); e.Hint == "" {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// TestGitSigns: what git itself signs, by way of ssh-keygen, is verified.
func TestGitSigns(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		testbed.Missing(t, "ssh-keygen", "apt-get install openssh-client")
	}
	g := testbed.Git(t)
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-C", "ada@laptop", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, value := range map[string]string{"gpg.format": "ssh", "user.signingkey": key + ".pub", "commit.gpgsign": "true", "tag.gpgsign": "true"} {
		g.Run("config", name, value)
	}
	g.Commit("first", map[string]string{"a": "1"})
	g.Run("tag", "v1.0.0", "--message", "one\n\nand more")
	g.Push("v1.0.0")
	g.Run("checkout", "--quiet", "-b", "side")
	g.Commit("beside", map[string]string{"b": "1"})
	g.Run("tag", "side-1", "--message", "side")
	g.Run("checkout", "--quiet", "main")
	g.Commit("second", map[string]string{"a": "2"})
	g.Run("merge", "--no-ff", "--no-edit", "side-1") // the merged tag is in the commit, with its signature
	g.Push()
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a .pub file": string(public), "an allowed_signers file": "# the team\n\nada@example.org " + string(public)} {
		v := &gitsource.Verify{Mode: gitsource.VerifyHEAD, Keys: keysOf(t, map[string][]byte{"keys": []byte(text)})}
		snap := fetch(t, gitsource.Source{URL: g.URL, Verify: v}, "")
		if snap.Commit != g.Head() || !strings.HasPrefix(snap.Signer, "ada@") || !strings.Contains(snap.Signer, "(SSH SHA256:") || content(t, snap, "b") != "1" {
			t.Errorf("%s: got %+v", name, snap)
		}
		v.Mode = gitsource.VerifyTagAndHEAD
		if snap := fetch(t, gitsource.Source{URL: g.URL, Tag: "v1.0.0", Verify: v}, ""); !strings.HasPrefix(snap.Signer, "ada@") {
			t.Errorf("%s: got %+v", name, snap)
		}
	}
}
