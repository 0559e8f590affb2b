package keyspace

import "keyshift.dev/state"

// Unsupported says what of a keyspace this package cannot read or rewrite yet, empty if nothing: such a keyspace can
// be declared, checked and planned offline. It must not be given to Observe, Rewrite or Verify.
func Unsupported(k state.Keyspace) string {
	for _, s := range k.Shapes {
		if s.Type == state.Document {
			return "documents of the JSON module"
		}
	}
	return ""
}
