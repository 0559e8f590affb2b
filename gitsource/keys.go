package gitsource

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ProtonMail/go-crypto/openpgp"
	"golang.org/x/crypto/ssh"
)

// Keys are the public keys of those who may sign.
type Keys struct {
	pgp  openpgp.EntityList
	ssh  []sshSigner
	said []string // each, as an error names it

	digest string // of the files, and of what is expired of them
}

// sshSigner is a public key and whose it is, as far as its line says so.
type sshSigner struct {
	key  ssh.PublicKey
	name string
}

const (
	maxKeyFile = 1 << 20 // bytes of a file of keys
	maxSigned  = 1 << 16 // bytes of a signature; those of RSA keys have about a thousand
	maxSaid    = 5       // keys that an error names
	maxName    = 128     // bytes of a signer's name

	ringStart  = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	secretRing = "-----BEGIN PGP PRIVATE KEY BLOCK-----"
	privateKey = "PRIVATE KEY-----"
)

// ReadKeys reads files of public keys, by their names: armored PGP keys ("gpg --export --armor"), any number in a file,
// or SSH keys, a line each, as in a .pub, an authorized_keys or an allowed_signers file.
//
// The error names the file that is neither, and what stands there never: somebody may have put a private key there.
func ReadKeys(files map[string][]byte) (Keys, error) {
	var k Keys
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%q %d\n%s\n", name, len(files[name]), files[name])
		if err := k.add(name, files[name]); err != nil {
			return Keys{}, fmt.Errorf("%s: %w", printable(name), err)
		}
	}
	if len(k.said) == 0 {
		return Keys{}, errors.New("there is no public key; add files of armored PGP keys or of SSH keys")
	}
	for _, id := range k.expired(time.Now()) {
		fmt.Fprintf(sum, "expired %s\n", id)
	}
	k.digest = hex.EncodeToString(sum.Sum(nil))
	return k, nil
}

// expired returns the ids of the keys of rings that are expired at a time: what one of them signed does not count from then
// on, so that it has to be looked at again.
func (k *Keys) expired(now time.Time) (ids []string) {
	for _, e := range k.pgp {
		if self, _ := e.PrimarySelfSignature(); self != nil && e.PrimaryKey.KeyExpired(self, now) {
			ids = append(ids, e.PrimaryKey.KeyIdString())
		}
		for _, sub := range e.Subkeys {
			if sub.Sig != nil && sub.PublicKey.KeyExpired(sub.Sig, now) {
				ids = append(ids, sub.PublicKey.KeyIdString())
			}
		}
	}
	return ids
}

func (k *Keys) add(file string, text []byte) error {
	switch {
	case len(text) > maxKeyFile:
		return fmt.Errorf("it has more than %d bytes; add the keys of those who may sign, and no others", maxKeyFile)
	case bytes.Contains(text, []byte(secretRing)), bytes.Contains(text, []byte(privateKey)):
		return errors.New("it holds a private key; put the public key there, and take the private one for known to others")
	case bytes.Contains(text, []byte(ringStart)):
		return k.addRings(file, string(text))
	}
	return k.addLines(file, string(text))
}

// addRings reads every armored block of a file: the library's reader takes the first and passes over the others.
func (k *Keys) addRings(file, text string) error {
	for i, block := range strings.Split(text, ringStart)[1:] {
		ring, err := readRing(ringStart + block)
		if err != nil || len(ring) == 0 {
			return fmt.Errorf("the PGP key block %d cannot be read; write it with gpg --export --armor KEY", i+1)
		}
		for _, e := range ring {
			k.pgp = append(k.pgp, e)
			k.said = append(k.said, fmt.Sprintf("%s (PGP %s)", printable(file), e.PrimaryKey.KeyIdString()))
		}
	}
	return nil
}

// readRing reads one armored block. A malformed one has made decoders panic before; it must not end the process.
func readRing(text string) (ring openpgp.EntityList, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the key is malformed: %v", r)
		}
	}()
	return openpgp.ReadArmoredKeyRing(strings.NewReader(text))
}

func (k *Keys) addLines(file, text string) error {
	number, before := 0, len(k.said)
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return fmt.Errorf("line %d is no public key; write there what gpg --export --armor prints, or an SSH key as in a .pub file", number)
		}
		if slices.ContainsFunc(options, restricts) {
			return fmt.Errorf("line %d has options before the key, which are not heeded; leave them out, but for the address of the signer", number)
		}
		if len(options) > 0 {
			comment = strings.Join(options, ", ")
		}
		k.ssh = append(k.ssh, sshSigner{key, readable(comment)})
		k.said = append(k.said, fmt.Sprintf("%s (SSH %s)", printable(file), ssh.FingerprintSHA256(key)))
	}
	if len(k.said) == before {
		return errors.New("it holds no public key; write there what gpg --export --armor prints, or SSH keys, a line each")
	}
	return nil
}

// restricts tells whether what stands before an SSH key limits its use: anything but an address, as allowed_signers files
// have one there. What is not understood is not passed over: it may say until when the key is good.
func restricts(option string) bool {
	return !strings.Contains(option, "@") || strings.ContainsAny(option, `=" *?!`)
}

// some names a few of the keys, for an error.
func (k Keys) some() string {
	text := strings.Join(k.said[:min(len(k.said), maxSaid)], ", ")
	if more := len(k.said) - maxSaid; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// readable is a name from a file of keys, on one line and short.
func readable(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "")))
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	return name
}
