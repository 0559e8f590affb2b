package schema

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// The rules of names, in words.
const (
	versionRule = `a version is three numbers: "1.0.0"`
	nameRule    = "a name has up to 63 letters, digits, '-', '_' and '.', with a letter or a digit at both ends"
	labelRule   = "use lower case letters, digits and '-', at most 63, with a letter or a digit at both ends"
)

// formats says in words what the regular expression of a field wants.
var formats = []struct {
	path *regexp.Regexp
	hint string
}{
	{regexp.MustCompile(`^system\.stores\..+\.address$`), `write redis://host:port/db, or rediss:// for TLS: "redis://redis.shop.svc:6379/0"`},
	{regexp.MustCompile(`^system\.keyspaces\..+\.keys$`), `begin with a literal prefix of at least two characters: "session:<id>"`},
	{regexp.MustCompile(`^system\.components\..+\.reads$`), `write comparators of versions, separated by spaces: ">=1.0.0 <2.0.0"`},
	{regexp.MustCompile(`^system\..*policy\.(maxInvalid|canary)$`), `write a percentage: "1%"`},
	{regexp.MustCompile(`^system\..*policy\.(soak\.[^.]+|throttle\.maxBlocked)$`), `write a length of time: "90s", "1h30m"`},
	{regexp.MustCompile(`^system\..*policy\.windows\.[0-9]+\.(from|to)$`), `write a time of day: "08:00"`},
	{regexp.MustCompile(`^system\..*policy\.(windows|freeze)\.[0-9]+\.zone$`), `write a time zone: "UTC", "Europe/Berlin"`},
	{regexp.MustCompile(`^system\..*policy\.freeze\.[0-9]+\.(from|to)$`), `write a day: "2026-12-20"`},
	{regexp.MustCompile(`^system\..*policy\.freeze\.[0-9]+\.reason$`), "write one line of at most 200 characters"},
	{regexp.MustCompile(`^system\..*policy\.gates\.[0-9]+\.http$`), `write a URL: "https://host/path"`},
	{regexp.MustCompile(`^system\..*policy\.gates\.[0-9]+\.name$`), nameRule},
	{regexp.MustCompile(`^system\.stores\..+\.addresses\.[0-9]+$`), `write host:port: "redis-0.redis.shop.svc:6379"`},
	{regexp.MustCompile(`^system\..*\.ttl\.[^.]+$`), `write a length of time: "30m", "7d"`},
	{regexp.MustCompile(`^system\..+\.(writes|version|from)$`), versionRule},
	{regexp.MustCompile(`^system\..+\.workload\.namespace$`), labelRule},
	{regexp.MustCompile(`^system\..+\.(workload|secretRef)\.name$|\.policy\.after\.[0-9]+$`), nameRule},
}

var outOfBound = regexp.MustCompile(`^(invalid value .+) \(out of bound =~.*\)$`)

// inWords replaces the regular expression in a message by what it wants.
func inWords(d *state.Diagnostic, path []string) {
	m := outOfBound.FindStringSubmatch(d.Message)
	if m == nil {
		return
	}
	for _, f := range formats {
		if f.path.MatchString(strings.Join(path, ".")) {
			d.Message, d.Hint = m[1], f.hint
			return
		}
	}
	d.Hint = "change the value so that it matches the regular expression"
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)

// misnamed says of a name that CUE does not allow what is wrong with it: where any name may stand, its form, else the
// name that may have been meant.
func (p places) misnamed(d *state.Diagnostic, path []string) {
	if len(path) < 2 {
		return
	}
	n := path[len(path)-1]
	under := path[len(path)-2]
	switch {
	case path[0] != "system":
	case path[1] == "keyspaces" && len(path) == 5 && slices.Contains([]string{"versions", "migrations", "tests"}, under) && !state.Version(n).Valid():
		d.Message, d.Hint = strconv.Quote(n)+" is not a version", versionRule
		return
	case slices.Contains([]string{"stores", "keyspaces", "components", "releases", "uses", "images", "env"}, under) && len(path)%2 == 1 && !nameForm.MatchString(n):
		d.Message, d.Hint = strconv.Quote(n)+" is not a name", nameRule
		return
	}
	if known := p.knownFields(path[:len(path)-1]); len(known) > 0 && !slices.Contains(known, n) {
		d.Hint = cmp.Or(meant(n, known), "what may stand there: "+strings.Join(known, ", "))
	}
}

// carried says of a field that #up or #down may not have whether CUE adds it, or it is none of the version's. CUE closes
// a struct that is written there, also to the fields that the version declares, with a default or not.
func (p places) carried(d *state.Diagnostic, c complaint) (added bool) {
	body := slices.IndexFunc(c.path, func(n string) bool { return n == "#up" || n == "#down" })
	if body < 0 || len(c.path) <= body+2 {
		return false
	}
	around := c.path[:len(c.path)-1]
	at := p.find(around)
	if set := slices.Sorted(maps.Keys(at.fields())); len(set) > 0 && !slices.ContainsFunc(c.pos, at.holds) {
		d.Message = "the struct leaves out " + strconv.Quote(c.path[len(c.path)-1]) + ", which the version declares: CUE adds nothing to a struct that is written here"
		d.Hint = fmt.Sprintf("set it, or end the struct in ...: %s: {%s: …, ...}", printPath(around[len(around)-1:]), printPath(set[:1]))
		return true
	}
	if !strings.HasPrefix(d.Hint, "did you mean") {
		d.Hint = "mend the name, or end the struct around it in ... so that what it does not set is carried"
	}
	return false
}

// oneOf words a value that is none of those it may be.
func oneOf(got string, want []string) (message, hint string) {
	slices.Sort(want)
	want = slices.Compact(want)
	if len(want) == 1 {
		return fmt.Sprintf("got %s, want %s", got, want[0]), "use this value"
	}
	hint = "use one of these values"
	if text, err := strconv.Unquote(got); err == nil {
		var texts []string
		for _, w := range want {
			if t, err := strconv.Unquote(w); err == nil {
				texts = append(texts, t)
			}
		}
		hint = cmp.Or(meant(text, texts), hint)
	}
	return fmt.Sprintf("got %s, want one of %s", got, strings.Join(want, ", ")), hint
}
