package schema

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"keyshift.dev/state"
)

// ttl reads the rule of a version, nil if it has none.
func (r *reader) ttl(path []string, raw *rawTTL) *state.TTL {
	if raw == nil || *raw == (rawTTL{}) {
		return nil
	}
	t := &state.TTL{Min: r.duration(sub(path, "min"), raw.Min), Max: r.duration(sub(path, "max"), raw.Max), Set: r.duration(sub(path, "set"), raw.Set)}
	for _, c := range []struct {
		field, other string
		wrong        bool
	}{
		{"min", "max", t.Max > 0 && t.Min > t.Max},
		{"set", "max", t.Max > 0 && t.Set > t.Max},
		{"set", "min", t.Set > 0 && t.Set < t.Min},
	} {
		if c.wrong {
			relation := "longer"
			if c.other == "min" {
				relation = "shorter"
			}
			r.problem(sub(path, c.field), "ttl", fmt.Sprintf("%s is %s than %s", c.field, relation, c.other), "change one of the two")
		}
	}
	return t
}

var durationPart = regexp.MustCompile(`([0-9]+)(ms|s|m|h|d)`)

// milliseconds are those of each unit of a duration.
var milliseconds = map[string]int64{"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

// duration reads "1h30m" in milliseconds; 0 if there is none.
func (r *reader) duration(path []string, text string) int64 {
	var sum int64
	for _, m := range durationPart.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n > math.MaxInt64/10_000/milliseconds[m[2]] {
			r.problem(path, "duration", "the duration "+strconv.Quote(text)+" is too long", `write a shorter one: "24h"`)
			return 0
		}
		sum += n * milliseconds[m[2]]
	}
	if text != "" && sum == 0 {
		r.problem(path, "duration", "the duration "+strconv.Quote(text)+" is no time at all", `write a longer one: "1m", or remove it`)
	}
	return sum
}
