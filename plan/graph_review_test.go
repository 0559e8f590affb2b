package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"keyshift.dev/state"
)

// TestNeedsAreLists: a step that waits for none has an empty list, which is what a script that walks it gets.
func TestNeedsAreLists(t *testing.T) {
	p := Plan{Steps: []Step{{Kind: Verify, Object: "session"}, {Kind: Rollout, Object: "gone", To: "1.0.0"}}}
	data, err := json.Marshal(p.Needs(state.Desired{}))
	if err != nil || strings.Contains(string(data), "null") {
		t.Errorf("%s, %v", data, err)
	}
}
