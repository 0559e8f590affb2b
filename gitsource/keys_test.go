package gitsource

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"keyshift.dev/testbed"
)

func TestReadKeys(t *testing.T) {
	ada, ci := testbed.PGPSigner(t, "Ada", "ada@example.org"), testbed.SSHSigner(t, "ci", "git")
	line := string(ci.Public)
	k, err := ReadKeys(map[string][]byte{"a.asc": slices.Concat(ada.Public, ada.Public), "ci.pub": []byte("# ci\n\n" + line + line)})
	if err != nil || len(k.pgp) != 2 || len(k.ssh) != 2 || k.ssh[0].name != "ci" || !strings.Contains(k.some(), "a.asc (PGP "+ada.ID+")") {
		t.Errorf("%+v, %v", k, err)
	}
	for want, files := range map[string]map[string][]byte{
		"there is no public key":             {},
		"x: it holds no public key":          {"x": []byte("# nothing\n")},
		"x: line 2 is no public key":         {"x": []byte("\ncorrect horse battery staple\n")},
		"x: line 1 has options":              {"x": []byte(`cert-authority ` + line)},
		"x: line 1 has options before":       {"x": []byte(`valid-before="20200101",ada@example.org ` + line)},
		"x: line 1 has options before the":   {"x": []byte(`*@example.org ` + line)},
		"x: the PGP key block 2 cannot":      {"x": slices.Concat(ada.Public, []byte(ringStart+"\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"))},
		"x: it holds a private key":          {"x": []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n")},
		"x: it holds a private key; put the": {"x": slices.Concat(ada.Public, []byte(secretRing))},
		"x: it has more than":                {"x": make([]byte, maxKeyFile+1)},
	} {
		_, err := ReadKeys(files)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "correct horse") || strings.Contains(err.Error(), "c2VjcmV0")) {
			t.Errorf("the error shows what is in the file: %v", err)
		}
	}
}

// TestSomeKeys: an error names a few of many keys.
func TestSomeKeys(t *testing.T) {
	files := map[string][]byte{}
	for _, name := range strings.Fields("a b c d e f g") {
		files[name] = testbed.SSHSigner(t, name, "git").Public
	}
	k, err := ReadKeys(files)
	if err != nil || !strings.HasSuffix(k.some(), " and 2 more") || strings.Count(k.some(), "SHA256:") != 5 {
		t.Errorf("%s, %v", k.some(), err)
	}
}

// hashedBy returns a PGP signature that says it is made of another hash (RFC 9580, 9.5; the fourth byte of a small packet's body).
func hashedBy(t *testing.T, signature string, hash byte) string {
	t.Helper()
	block, err := armor.Decode(strings.NewReader(signature))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(block.Body)
	if err != nil || len(raw) < 6 || raw[1] >= 192 || raw[2] < 4 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	raw[5] = hash
	var out strings.Builder
	w, err := armor.Encode(&out, openpgp.SignatureType, nil)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestKeysThatMayNotSign: expired and revoked keys, and signatures that were made for something else.
func TestKeysThatMayNotSign(t *testing.T) {
	entity := func(c *packet.Config) *openpgp.Entity {
		c.Algorithm = packet.PubKeyAlgoEdDSA
		e, err := openpgp.NewEntity("Ada\x1b[31m", "", "ada@example.org", c)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	before := func() time.Time { return time.Now().Add(-48 * time.Hour) }
	short := entity(&packet.Config{Time: before, KeyLifetimeSecs: 3600})
	expired := testbed.PGPSignerOf(t, short)
	old := entity(&packet.Config{Time: before})
	good := testbed.PGPSignerOf(t, old)
	payload := []byte("tree 00\n")
	signature, another := string(good.Sign(payload)), string(good.Sign([]byte("tree 11\n")))
	if err := old.RevokeKey(packet.KeyCompromised, "stolen", nil); err != nil {
		t.Fatal(err)
	}
	revoked := testbed.PGPSignerOf(t, old)
	mail := testbed.SSHSigner(t, "ada", "email")
	var then strings.Builder // signed while the key was good
	if err := openpgp.ArmoredDetachSign(&then, short, strings.NewReader(string(payload)), &packet.Config{Time: before}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		public    []byte
		signature string
		want      error
	}{
		{"by SHA-1", good.Public, hashedBy(t, signature, 2), errWeak},
		{"good", good.Public, signature, nil},
		{"revoked", revoked.Public, signature, errRevoked},
		{"expired", expired.Public, then.String(), errExpired},
		{"for mail", mail.Public, string(mail.Sign(payload)), errPurpose},
		{"for another text", good.Public, another, errNoFit},
		{"X.509", good.Public, "-----BEGIN SIGNED MESSAGE-----\n", errUnknown},
		{"a message", good.Public, strings.ReplaceAll(signature, "PGP SIGNATURE", "PGP MESSAGE"), errUnknown},
		{"too long", good.Public, signature + strings.Repeat("x", maxSigned), errMalformed},
		{"not armored", mail.Public, "-----BEGIN SSH SIGNATURE-----\nx\n", errMalformed},
	} {
		k, err := ReadKeys(map[string][]byte{"key": c.public})
		if err != nil {
			t.Fatal(err)
		}
		by, err := k.check(payload, c.signature)
		if !errors.Is(err, c.want) || (err == nil) != (by != "") {
			t.Errorf("%s: by %q, %v; want %v", c.name, by, err, c.want)
		}
		if strings.ContainsRune(by, '\x1b') {
			t.Errorf("%s: by %q", c.name, by)
		}
	}
}

// TestKeysThatExpire: what a key signed is looked at again once it is expired, and not before.
func TestKeysThatExpire(t *testing.T) {
	e, err := openpgp.NewEntity("Ada", "", "ada@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, KeyLifetimeSecs: 3600})
	if err != nil {
		t.Fatal(err)
	}
	k, err := ReadKeys(map[string][]byte{"ada.asc": testbed.PGPSignerOf(t, e).Public, "old.asc": testbed.PGPSigner(t, "Old", "old@example.org").Public})
	if err != nil {
		t.Fatal(err)
	}
	if ids := k.expired(time.Now()); len(ids) > 0 {
		t.Errorf("%v are expired already", ids)
	}
	if ids := k.expired(time.Now().Add(2 * time.Hour)); !slices.Contains(ids, e.PrimaryKey.KeyIdString()) {
		t.Errorf("two hours later %v are expired, want %s among them", ids, e.PrimaryKey.KeyIdString())
	}
	gone, err := openpgp.NewEntity("Ada", "", "ada@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, KeyLifetimeSecs: 3600,
		Time: func() time.Time { return time.Now().Add(-48 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	text := testbed.PGPSignerOf(t, gone).Public
	late, err := ReadKeys(map[string][]byte{"ada.asc": text})
	if plain := sha256.Sum256(fmt.Appendf(nil, "%q %d\n%s\n", "ada.asc", len(text), text)); err != nil || late.digest == hex.EncodeToString(plain[:]) {
		t.Errorf("the digest does not tell that a key is expired: %v", err)
	}
}
