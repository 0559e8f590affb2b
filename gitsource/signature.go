package gitsource

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// sshNamespace is what git signs in (gitformat-signature): a signature that its owner made for something else is none.
const sshNamespace = "git"

var (
	errMalformed = errors.New("its signature is malformed")
	errTwoWays   = errors.New("it can be read in two ways")
	errNoFit     = errors.New("its signature does not fit its content: it was changed after it was signed, or is damaged")
	errWeak      = errors.New("its signature is made by an algorithm that is not safe any more; sign it with an Ed25519 key")
	errPurpose   = errors.New("its signature was made for another purpose than git")
	errUnknown   = errors.New("its signature is neither PGP's nor SSH's, and others (X.509) cannot be verified")
	errExpired   = errors.New("the PGP key that signed it, or its signature, has expired")
	errRevoked   = errors.New("the PGP key that signed it was revoked")
)

// check finds the key that signed a payload, and says whose it is: "Ada <ada@example.org> (PGP 0123456789ABCDEF)". The
// error says what is wrong with the signature, in words of this program alone.
func (k Keys) check(payload []byte, signature string) (by string, err error) {
	defer func() { // a malformed signature has made decoders panic before; it must not end the process
		if recover() != nil {
			by, err = "", errMalformed
		}
	}()
	signature = strings.TrimSpace(signature) + "\n"
	switch {
	case len(signature) > maxSigned:
		return "", errMalformed
	case strings.HasPrefix(signature, "-----BEGIN PGP SIGNATURE-----"):
		return k.checkPGP(payload, signature)
	case strings.HasPrefix(signature, "-----BEGIN SSH SIGNATURE-----"):
		return k.checkSSH(payload, signature)
	}
	return "", errUnknown
}

func (k Keys) checkPGP(payload []byte, signature string) (string, error) {
	block, err := armor.Decode(strings.NewReader(signature))
	if err != nil || block.Type != openpgp.SignatureType {
		return "", errMalformed
	}
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(block.Body); err != nil {
		return "", errMalformed
	}
	e, err := openpgp.CheckDetachedSignature(k.pgp, bytes.NewReader(payload), bytes.NewReader(raw.Bytes()), nil)
	switch {
	case err == nil:
		return named(nameOf(e), "PGP "+e.PrimaryKey.KeyIdString()), nil
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return "", fmt.Errorf("it is signed with %s, which is none of those that may sign", issuer(raw.Bytes()))
	case errors.Is(err, pgperrors.ErrKeyExpired), errors.Is(err, pgperrors.ErrSignatureExpired):
		return "", errExpired
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return "", errRevoked
	}
	if weak(raw.Bytes()) {
		return "", errWeak
	}
	return "", errNoFit
}

// weak tells whether a PGP signature is made of a hash that nobody should believe any more, as the library does not.
func weak(raw []byte) bool {
	p, err := packet.Read(bytes.NewReader(raw))
	s, ok := p.(*packet.Signature)
	return err == nil && ok && (s.Hash == crypto.SHA1 || s.Hash == crypto.MD5 || s.Hash == crypto.RIPEMD160)
}

// issuer names the PGP key that a signature says it is of.
func issuer(raw []byte) string {
	p, err := packet.Read(bytes.NewReader(raw))
	if s, ok := p.(*packet.Signature); err == nil && ok && s.IssuerKeyId != nil {
		return fmt.Sprintf("the PGP key %016X", *s.IssuerKeyId)
	}
	return "a PGP key"
}

// nameOf is what the ring calls the owner of a key.
func nameOf(e *openpgp.Entity) string {
	if id := e.PrimaryIdentity(); id != nil {
		return readable(id.Name)
	}
	return ""
}

func (k Keys) checkSSH(payload []byte, signature string) (string, error) {
	sig, err := sshsig.Unarmor([]byte(signature))
	if err != nil {
		return "", errMalformed
	}
	if format := sig.Signature.Format; format == ssh.KeyAlgoRSA || format == "ssh-dss" { // with SHA-1; OpenSSH refuses them, too
		return "", errWeak
	}
	key := ssh.FingerprintSHA256(sig.PublicKey)
	for _, s := range k.ssh {
		if !bytes.Equal(s.key.Marshal(), sig.PublicKey.Marshal()) {
			continue
		}
		switch err := sshsig.Verify(bytes.NewReader(payload), sig, s.key, sig.HashAlgorithm, sshNamespace); {
		case err == nil:
			return named(s.name, "SSH "+key), nil
		case errors.Is(err, sshsig.ErrNamespaceMismatch):
			return "", errPurpose
		}
		return "", errNoFit
	}
	return "", fmt.Errorf("it is signed with the SSH key %s, which is none of those that may sign", key)
}

// named says whose a key is, and which.
func named(owner, key string) string {
	if owner == "" {
		return key
	}
	return owner + " (" + key + ")"
}
