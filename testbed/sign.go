package testbed

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Signer makes signatures as git does, by a key of its own.
type Signer struct {
	Public []byte // what a Secret with the keys of those who may sign holds
	ID     string // of a PGP key, 16 hexadecimal digits; of an SSH key its fingerprint
	Sign   func(payload []byte) []byte
}

// PGPSigner makes a PGP key for somebody.
func PGPSigner(t testing.TB, name, email string) Signer {
	t.Helper()
	e, err := openpgp.NewEntity(name, "", email, &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	return PGPSignerOf(t, e)
}

// PGPSignerOf signs with the key of an entity.
func PGPSignerOf(t testing.TB, e *openpgp.Entity) Signer {
	t.Helper()
	var public bytes.Buffer
	w, err := armor.Encode(&public, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Serialize(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	public.WriteByte('\n')
	return Signer{Public: public.Bytes(), ID: e.PrimaryKey.KeyIdString(), Sign: func(payload []byte) []byte {
		var out bytes.Buffer
		if err := openpgp.ArmoredDetachSign(&out, e, bytes.NewReader(payload), nil); err != nil {
			t.Fatal(err)
		}
		return append(out.Bytes(), '\n')
	}}
}

// SSHSigner makes an SSH key, with a comment, that signs for a purpose: "git" is git's.
func SSHSigner(t testing.TB, comment, purpose string) Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey()))) + " " + comment + "\n"
	return Signer{Public: []byte(line), ID: ssh.FingerprintSHA256(key.PublicKey()), Sign: func(payload []byte) []byte {
		sig, err := sshsig.Sign(bytes.NewReader(payload), key, sshsig.HashSHA512, purpose)
		if err != nil {
			t.Fatal(err)
		}
		return sshsig.Armor(sig)
	}}
}

// SignHead puts a signed commit in the place of the clone's last one, pushes it, and returns its hash.
func (g *GitServer) SignHead(s Signer) string {
	g.t.Helper()
	payload := g.Run("cat-file", "commit", "HEAD")
	head, body, _ := strings.Cut(payload, "\n\n")
	signature := strings.ReplaceAll(strings.TrimSpace(string(s.Sign([]byte(payload)))), "\n", "\n ")
	return g.ReplaceHead(head + "\ngpgsig " + signature + "\n\n" + body)
}

// ReplaceHead puts a commit with this text in the place of the clone's last one, pushes it, and returns its hash.
func (g *GitServer) ReplaceHead(text string) string {
	g.t.Helper()
	g.Run("reset", "--soft", "--quiet", g.object("commit", text))
	g.Push("--force")
	return g.Head()
}

// SignTag makes a signed tag of the clone's last commit, and pushes it under a name that may be another than it has in its
// text.
func (g *GitServer) SignTag(s Signer, name, ref string) {
	g.t.Helper()
	payload := "object " + g.Head() + "\ntype commit\ntag " + name + "\ntagger Ada <ada@example.org> 1700000000 +0000\n\n" + name + "\n"
	g.Run("update-ref", "refs/tags/"+ref, g.object("tag", payload+string(s.Sign([]byte(payload)))))
	g.Push("--force", "refs/tags/"+ref)
}

// object writes a Git object and returns its hash.
func (g *GitServer) object(kind, text string) string {
	g.t.Helper()
	path := filepath.Join(g.home, "object")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return strings.TrimSpace(g.Run("hash-object", "-t", kind, "-w", path))
}
