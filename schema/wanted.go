package schema

import (
	"fmt"
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
	{regexp.MustCompile(`^system\..+\.(writes|version|from)$`), versionRule},
	{regexp.MustCompile(`^system\..*policy\.maxInvalid$`), `write a percentage: "1%"`},
	{regexp.MustCompile(`^system\..*policy\.(canary|soak\.[^.]+|throttle\.[^.]+)$`), "remove it: this policy is not supported yet"},
	{regexp.MustCompile(`^system\..*\.ttl\.[^.]+$`), "remove it: a TTL rule is not supported yet"},
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

// misnamed says of a name that CUE does not allow what is wrong with it: where any name may stand, its form.
func misnamed(d *state.Diagnostic, path []string) {
	if len(path) < 3 || path[0] != "system" {
		return
	}
	n := path[len(path)-1]
	under := path[len(path)-2]
	switch {
	case path[1] == "keyspaces" && len(path) == 5 && slices.Contains([]string{"versions", "migrations", "tests"}, under) && !state.Version(n).Valid():
		d.Message, d.Hint = strconv.Quote(n)+" is not a version", versionRule
	case slices.Contains([]string{"stores", "keyspaces", "components", "releases", "uses", "images", "env"}, under) && len(path)%2 == 1 && !nameForm.MatchString(n):
		d.Message, d.Hint = strconv.Quote(n)+" is not a name", nameRule
	}
}

// words are the values of other fields than a policy's that work now.
var words = []struct {
	path *regexp.Regexp
	work []string
}{
	{regexp.MustCompile(`^system\.keyspaces\..+\.type$`), []string{"hash", "string"}},
	{regexp.MustCompile(`^system\.components\..+\.workload\.kind$`), []string{"Deployment"}},
}

// working returns the words of a field that work now, nil if all do.
func working(path []string) []string {
	if n := len(path); n > 2 && path[n-2] == "policy" {
		if i := slices.IndexFunc(rules, func(x rule) bool { return x.field == path[n-1] }); i >= 0 {
			return rules[i].values
		}
	}
	for _, w := range words {
		if w.path.MatchString(strings.Join(path, ".")) {
			return w.work
		}
	}
	return nil
}

// oneOf words a value that is none of those it may be, and names only those that work now.
func oneOf(path []string, got string, want []string) (message, hint string) {
	slices.Sort(want)
	want = slices.Compact(want)
	hint = "use one of these values"
	var later []string
	if work := working(path); work != nil {
		isLater := func(w string) bool {
			text, err := strconv.Unquote(w)
			return err == nil && !slices.Contains(work, text)
		}
		for _, w := range want {
			if isLater(w) {
				later = append(later, w)
			}
		}
		want = slices.DeleteFunc(want, isLater)
	}
	message = fmt.Sprintf("got %s, want one of %s", got, strings.Join(want, ", "))
	if len(want) == 1 {
		message, hint = fmt.Sprintf("got %s, want %s", got, want[0]), "use this value"
	}
	if len(later) > 0 {
		hint += "; not supported yet: " + strings.Join(later, ", ")
	}
	return message, hint
}
