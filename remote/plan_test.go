package remote

import "testing"

// TestStepText: whoever is asked to approve a step reads what it works on.
func TestStepText(t *testing.T) {
	for want, s := range map[string][4]string{
		"rollout checkout 1.4.0 → 1.5.0": {"rollout", "checkout", "1.4.0", "1.5.0"},
		"rollout checkout 1.5.0":         {"rollout", "checkout", "", "1.5.0"},
		"backup session 1.0.0, 2.0.0":    {"backup", "session", "1.0.0, 2.0.0", "3.0.0"},
		"prune session 1.0.0, 2.0.0":     {"prune", "session", "1.0.0, 2.0.0", ""},
		"verify session":                 {"verify", "session", "", ""},
		"scale checkout to 0":            {"scale", "checkout", "1.4.0", "0"},
		"scale checkout back up":         {"scale", "checkout", "2.0.0", "up"},
	} {
		if got := stepText(s[0], s[1], s[2], s[3]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
