package state

import (
	"bytes"
	"encoding/json"
)

// sameDefinition compares two definitions without the places they stand at.
func sameDefinition(a, b any) bool { return bytes.Equal(definition(a), definition(b)) }

// DefinitionDigest names a definition by its content without the places it stands at: reformatting a spec
// changes no digest.
func DefinitionDigest(v any) Digest { return DigestOf(json.RawMessage(definition(v))) }

func definition(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("state: a definition that JSON cannot hold: " + err.Error())
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		panic("state: a definition that JSON cannot read back: " + err.Error())
	}
	dropPositions(tree)
	out, err := json.Marshal(tree)
	if err != nil {
		panic("state: a definition that JSON cannot hold: " + err.Error())
	}
	return out
}

// dropPositions deletes every "pos" of a decoded definition. Names that users choose are values in it, never keys
// (but for Test.Key, which no catalogue compares).
func dropPositions(tree any) {
	switch t := tree.(type) {
	case map[string]any:
		delete(t, "pos")
		for _, v := range t {
			dropPositions(v)
		}
	case []any:
		for _, v := range t {
			dropPositions(v)
		}
	}
}
