package schema

import (
	"fmt"
	"slices"

	"keyshift.dev/state"
)

func versionPath(k state.Keyspace, v state.Version) []string {
	return []string{"system", "keyspaces", k.Name, "versions", string(v)}
}

// checkLayout refuses versions of one keyspace between which no migration can exist. Where units are parts of a key,
// all versions have one kind and one key pattern, since their units stand side by side in one key.
func (c checker) checkLayout(k state.Keyspace) {
	if len(k.Shapes) == 0 {
		return
	}
	first := k.Shapes[0]
	for _, s := range k.Shapes[1:] {
		path := versionPath(k, s.Version)
		if first.Type.Whole() && s.Type.Whole() {
			continue
		}
		part := first
		if part.Type.Whole() {
			part = s
		}
		units := fmt.Sprintf("the units of a %s are parts of a key", redisType(part.Type))
		switch {
		case s.Type != first.Type:
			c.problem(sub(path, "type"), "retype", fmt.Sprintf("%s is a %s and %s a %s: %s, and cannot become another kind", first.Version, redisType(first.Type), s.Version, redisType(s.Type), units),
				fmt.Sprintf("keep the type of %s, or make a new keyspace for %s", first.Version, s.Version))
		case s.Keys != first.Keys:
			c.problem(sub(path, "keys"), "rekey", fmt.Sprintf("%s has other keys than %s: %s, and cannot move to another", s.Version, first.Version, units),
				fmt.Sprintf("keep the keys %q, or make a new keyspace for %s", first.Keys, s.Version))
		case !sameTTL(first.TTL, s.TTL):
			c.problem(sub(path, "ttl"), "ttl", fmt.Sprintf("%s has another TTL rule than %s: %s, and the TTL is that of the key", s.Version, first.Version, units),
				"give every version of the keyspace the same rule")
		}
	}
}

func sameTTL(a, b *state.TTL) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// redisType names a kind of data as a spec does.
func redisType(t state.Redis) string {
	if t == state.Map {
		return "hash with map: true"
	}
	return string(t)
}

// checkExpiry demands that a migrated key can get the TTL that its new version has.
func (c checker) checkExpiry(k state.Keyspace) {
	for _, m := range k.Migrations {
		for _, pair := range [][2]state.Version{{m.From, m.To}, {m.To, m.From}} {
			from, _ := k.FindShape(pair[0])
			to, _ := k.FindShape(pair[1])
			if from.TTL == nil && to.TTL != nil && to.TTL.Set == 0 && to.TTL.Max == 0 {
				c.problem(sub(versionPath(k, to.Version), "ttl"), "ttl",
					fmt.Sprintf("keys of %s need not expire, those of %s must, and nothing says when a migrated one does", from.Version, to.Version), `add set: "24h", or max`)
			}
		}
	}
}

// rewritten tells whether units of the keyspace are rewritten, not waited for or dropped.
func rewritten(k state.Keyspace) bool {
	return k.Policy.Strategy != state.StrategyDrain && k.Policy.Strategy != state.StrategyDiscard
}

// checkStreams demands another way than rewriting for streams, whose entries cannot be changed.
func (c checker) checkStreams(k state.Keyspace) {
	if len(k.Shapes) < 2 || k.Shapes[0].Type != state.Stream || !rewritten(k) {
		return
	}
	c.problemAt(k.Shapes[1].Pos, versionPath(k, k.Shapes[1].Version), "stream", "the entries of a stream cannot be rewritten in place",
		`write policy: strategy: "drain" to wait until the old ones are consumed or trimmed, or "discard" to drop them`)
}

// checkPaths demands migrations from every version to the desired one and back. Each migration goes both ways.
func (c checker) checkPaths(k state.Keyspace) {
	for _, m := range k.Migrations {
		if m.From.Compare(m.To) > 0 {
			c.problemAt(m.Pos, []string{"system", "keyspaces", k.Name, "migrations", string(m.To), "from"}, "migration-direction",
				fmt.Sprintf("the migration to %s is from the newer %s", m.To, m.From), "write it as the migration to the newer version; #down is its way back")
		}
	}
	if !rewritten(k) {
		return
	}
	reached := []state.Version{k.Version}
	for i := 0; i < len(reached); i++ {
		for _, m := range k.Migrations {
			for _, pair := range [][2]state.Version{{m.From, m.To}, {m.To, m.From}} {
				if pair[0] == reached[i] && !slices.Contains(reached, pair[1]) {
					reached = append(reached, pair[1])
				}
			}
		}
	}
	for _, s := range k.Shapes {
		if !slices.Contains(reached, s.Version) {
			c.problemAt(s.Pos, versionPath(k, s.Version), "no-path",
				fmt.Sprintf("no migrations lead from %s to %s, the desired version", s.Version, k.Version), "add a migration between them, or remove the version")
		}
	}
}

// checkToldApart demands that no stored value fits two versions, unless migrations change nothing on such a value.
func (c checker) checkToldApart(k state.Keyspace) {
	for i, a := range k.Shapes {
		for _, b := range k.Shapes[i+1:] {
			overlap, apart := state.ToldApart(k, a.Version, b.Version)
			if apart {
				continue
			}
			c.problemAt(b.Pos, versionPath(k, b.Version), "not-told-apart",
				fmt.Sprintf("the stored values of %s and %s cannot always be told apart: %s", a.Version, b.Version, overlap),
				apartHint(a, b))
		}
	}
}

// apartHint says what to add so that two versions are told apart.
func apartHint(a, b state.Shape) string {
	newer, isStruct := single(b.Value)
	older, _ := single(a.Value)
	switch {
	case a.Type == state.SortedSet:
		return fmt.Sprintf(`give the members of the two a form of their own, for example member: =~"^v2:" in %s and !~"^v2:" in %s`, b.Version, a.Version)
	case a.Type == state.Map:
		return fmt.Sprintf(`give the values of the two a form of their own, for example value: =~"^v2:" in %s and !~"^v2:" in %s`, b.Version, a.Version)
	case isStruct && older.Open && newer.Open:
		return fmt.Sprintf("add a required field to %s and forbid it in %s: v: 2 here, v?: _|_ there", b.Version, a.Version)
	case isStruct && older.Open:
		return fmt.Sprintf("add a required field to %s, for example a constant v: 2, and forbid it in %s: v?: _|_", b.Version, a.Version)
	case isStruct:
		return fmt.Sprintf("add a required field to %s that %s does not have, for example a constant v: 2", b.Version, a.Version)
	case a.Type.Whole():
		return fmt.Sprintf("give %s other keys, or make the ranges or forms of the two values disjoint", b.Version)
	}
	return "make the ranges or forms of the two values disjoint, or wrap them in a JSON object with a constant v: 2"
}
