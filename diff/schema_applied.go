package diff

import "keyshift.dev/state"

// Applied returns what would be observed once a commit is fully applied, in the names of want, a united catalogue
// (state.Union) that knows the commit. Nothing is counted. What the commit does not know is supposed to be there as
// want asks for it, since Keyshift creates no workloads; of a keyspace that it does not know nothing is said.
func Applied(want, commit state.Desired) state.Observed {
	var out state.Observed
	for _, c := range want.Components {
		release := c.Release
		if then, ok := formerly(c, commit); ok {
			release = then.Release
		}
		if !c.External && release != "" {
			out.Components = append(out.Components, state.Running{Component: c.Name, Releases: []string{release}, Template: release})
		}
	}
	for _, k := range want.Keyspaces {
		then, ok := commit.FindKeyspace(k.Name)
		if !ok || then.Version == "" {
			continue
		}
		cs := ClassesOf(k)
		rec := state.Record{Keyspace: k.Name, Present: []state.Class{cs.Written(then.Version)}, Verified: true}
		out.Keyspaces = append(out.Keyspaces, state.Live{Keyspace: k.Name, Record: rec})
	}
	return out
}

// formerly returns the component of a commit that runs the workload of another, or has its name if either has none.
func formerly(c state.Component, commit state.Desired) (state.Component, bool) {
	for _, then := range commit.Components {
		if c.Workload == nil || then.Workload == nil {
			if c.Name == then.Name {
				return then, true
			}
		} else if *c.Workload == *then.Workload {
			return then, true
		}
	}
	return state.Component{}, false
}
