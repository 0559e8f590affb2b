package schema

import (
	"slices"

	"keyshift.dev/state"
)

// checker makes the checks that CUE cannot. What follows from another problem it leaves out: it asks nothing of a
// keyspace that could not be read whole.
type checker struct {
	*reader
	broken map[string]bool // keyspaces that have a problem
}

func (c checker) check() {
	c.checkOneStore()
	for _, k := range c.desired.Keyspaces {
		if before := len(c.problems); !c.broken[k.Name] {
			c.checkKeyspace(k)
			c.broken[k.Name] = len(c.problems) > before
		}
	}
	c.checkOverlap()
	c.checkWorkloads()
	c.checkAfter()
	for _, x := range c.desired.Components {
		c.checkComponent(x)
		c.checkUses(x)
	}
	c.checkMixes()
	c.warn()
}

// checkKeyspace goes from what a keyspace is to what follows from that, and stops at a problem.
func (c checker) checkKeyspace(k state.Keyspace) {
	for _, check := range []func(state.Keyspace){c.checkReserved, c.checkLayout, c.checkExpiry, c.checkStreams, c.checkPaths, c.checkToldApart, c.checkNumbers} {
		before := len(c.problems)
		if check(k); len(c.problems) > before {
			return
		}
	}
}

// warn says what should be mended and need not.
func (c checker) warn() {
	used := map[string]bool{}
	for _, k := range c.desired.Keyspaces {
		used[k.Store] = true
		if k.Policy.Retire.Deletes() && slices.ContainsFunc(k.Shapes, func(s state.Shape) bool { return s.Type == state.Stream }) {
			c.warning(k.Pos, []string{"system", "keyspaces", k.Name, "policy", "retire"}, "retire-stream", "the keyspace "+k.Name+" has streams, which cannot be deleted yet: once it is taken out of the spec, it is held",
				"write retire: \"keep\", and delete them by hand then")
		}
	}
	for _, s := range c.desired.Stores {
		if !used[s.Name] {
			c.warning(s.Pos, []string{"system", "stores", s.Name}, "unused-store", "no keyspace is in the store "+s.Name, "remove it, or put a keyspace into it")
		}
	}
	for _, x := range c.desired.Components {
		if x.External && !slices.ContainsFunc(x.Releases, func(r state.Release) bool { return len(r.Uses) > 0 }) {
			c.warning(x.Pos, []string{"system", "components", x.Name}, "unused-component", "the external component "+x.Name+" uses no keyspace, so that it makes no difference",
				"say in uses what it reads and writes, or remove it")
		}
	}
}

func (c checker) warning(pos state.Pos, path []string, code, message, hint string) {
	c.desired.Warnings = append(c.desired.Warnings, state.Diagnostic{Code: code, Pos: pos, Path: printPath(path), Message: message, Hint: hint})
}
