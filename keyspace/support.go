package keyspace

import (
	"fmt"

	"keyshift.dev/state"
)

// Unsupported says what of a keyspace this package cannot read or rewrite yet, empty if nothing: such a keyspace can
// be declared, checked and planned offline. It must not be given to Observe, Rewrite or Verify.
func Unsupported(k state.Keyspace) string {
	for _, s := range k.Shapes {
		first := k.Shapes[0]
		switch {
		case s.Type != state.Hash && s.Type != state.String:
			return fmt.Sprintf("units of type %s", s.Type)
		case s.Type == state.String && s.Encoding != state.JSON:
			return "strings that are not JSON"
		case len(s.Encodings) > 0:
			return "encodings of single fields"
		case s.TTL != nil:
			return "TTL rules"
		case s.Keys != first.Keys:
			return fmt.Sprintf("versions with other keys (%s and %s)", first.Version, s.Version)
		case s.Type != first.Type:
			return fmt.Sprintf("versions of another type (%s and %s)", first.Version, s.Version)
		}
	}
	return ""
}
