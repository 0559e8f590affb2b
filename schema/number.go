package schema

import (
	"fmt"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// checkNumbers demands that the name of a version says what it breaks: under one major number a newer version takes
// every unit of the older ones, so that its readers read them. Under 0 that holds for the patches of one minor number.
func (c checker) checkNumbers(k state.Keyspace) {
	for i, newer := range k.Shapes {
		if i == 0 || !promises(k.Shapes[i-1].Version, newer.Version) {
			continue
		}
		older := k.Shapes[i-1]
		if state.Subsumes(newer, older) {
			continue
		}
		next := "a new major number"
		if strings.HasPrefix(string(newer.Version), "0.") {
			next = "a new minor number"
		}
		c.problemAt(newer.Pos, versionPath(k, newer.Version), "breaking-minor",
			fmt.Sprintf("%s does not take every unit of %s, which its number promises: %s", newer.Version, older.Version, breaks(newer, older)),
			"give it "+next+", or make it take what "+string(older.Version)+" takes")
	}
}

// promises tells whether the newer version must take the units of the older by its number.
func promises(older, newer state.Version) bool {
	a, b := strings.Split(string(older), "."), strings.Split(string(newer), ".")
	major, err := strconv.Atoi(a[0])
	return a[0] == b[0] && (err != nil || major > 0 || a[1] == b[1])
}

// breaks says what a version does not take of another.
func breaks(newer, older state.Shape) string {
	switch {
	case newer.Keys != older.Keys:
		return "it has other keys"
	case newer.Type != older.Type:
		return "it is a " + redisType(newer.Type) + ", not a " + redisType(older.Type)
	case newer.Encoding != older.Encoding:
		return "it has another encoding"
	}
	withoutTTL := newer
	withoutTTL.TTL = older.TTL
	if state.Subsumes(withoutTTL, older) {
		return "its TTL rule is stricter"
	}
	a, okA := single(newer.Value)
	n, okN := single(older.Value)
	if !okA || !okN {
		return "not every old value is proved to be a new one"
	}
	return breaksFields(newer, older, a, n)
}

func breaksFields(newer, older state.Shape, a, n state.Alt) string {
	for _, f := range a.Fields {
		g, known := find(n, f.Name)
		switch {
		case f.Forbidden && (known || n.Open):
			return f.Name + " is forbidden now"
		case f.Forbidden, f.Optional && !known && !n.Open:
		case !f.Optional && (!known || g.Optional):
			why := " is required now"
			if f.Type.Default != nil {
				why += ": a default fills it in migrations only, stored values lack it"
			}
			return f.Name + why
		case newer.EncodingOf(f.Name) != older.EncodingOf(f.Name):
			return f.Name + " has another encoding now"
		case known && !fits(f.Type, g.Type):
			return "not every old value of " + f.Name + " is proved to be a new one"
		}
	}
	for _, g := range n.Fields {
		if _, known := find(a, g.Name); !known && !g.Forbidden && !a.Open {
			return g.Name + " is gone"
		}
	}
	return "not every old value is proved to be a new one"
}
