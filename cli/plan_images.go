package cli

import (
	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
)

// withImages lays what is not known to be pullable beside the preflights of a plan, for people.
func withImages(checked []apply.Checked, images []apply.ImageCheck) []apply.Checked {
	for _, i := range images {
		level := keyspace.FindingWarn
		if i.Pull.Fails() {
			level = keyspace.FindingHold
		}
		f := keyspace.Finding{Level: level, Reason: i.String(), WayOut: i.WayOut()}
		checked = append(checked, apply.Checked{Step: i.Step, Preflight: keyspace.Preflight{Findings: []keyspace.Finding{f}}})
	}
	return checked
}
