package state

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Digest names content: "sha256:" and 64 hexadecimal digits.
type Digest string

// DigestOf returns the digest of a value's JSON form. Equal plain sorted data have equal digests. The value
// must be made of what JSON can hold; anything else is a bug in the caller and panics.
func DigestOf(v any) Digest {
	b, err := json.Marshal(v)
	if err != nil {
		panic("state: digest of a value that JSON cannot hold: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}
