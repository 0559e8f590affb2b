package transform

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

var regexpTable = map[string]function{
	"regexp.Valid": func(a *arguments) (value, error) {
		_, err := a.e.pattern(nil, a.text(0), "")
		return boolean(err == nil), err
	},
	"regexp.QuoteMeta": oneText(func(s string) value { return str(regexp.QuoteMeta(s)) }),
	"regexp.Match": func(a *arguments) (value, error) {
		re, s, err := a.expression(1)
		if err != nil {
			return value{}, err
		}
		return boolean(re.MatchString(s)), nil
	},
	"regexp.Find": func(a *arguments) (value, error) {
		re, s, err := a.expression(1)
		if err != nil {
			return value{}, err
		}
		at := re.FindStringIndex(s)
		if at == nil {
			return value{}, errNoMatch
		}
		return cueText(s[at[0]:at[1]]), nil
	},
	"regexp.FindSubmatch": func(a *arguments) (value, error) {
		re, s, err := a.expression(1)
		if err != nil {
			return value{}, err
		}
		m := re.FindStringSubmatch(s)
		if m == nil {
			return value{}, errNoMatch
		}
		return a.textList(m), nil
	},
	"regexp.FindNamedSubmatch": func(a *arguments) (value, error) {
		re, s, err := a.expression(1)
		if err != nil {
			return value{}, err
		}
		m := re.FindStringSubmatch(s)
		if m == nil {
			return value{}, errNoMatch
		}
		return named(re, m), nil
	},
	"regexp.FindAll": func(a *arguments) (value, error) {
		re, s, err := a.expression(1)
		if err != nil {
			return value{}, err
		}
		places, err := a.e.all(re, s, a.int(2))
		if err == nil && places == nil {
			err = errNoMatch
		}
		if err != nil {
			return value{}, err
		}
		m := make([]string, len(places))
		for i, at := range places {
			m[i] = s[at[0]:at[1]]
		}
		return a.textList(m), nil
	},
	"regexp.FindAllSubmatch": func(a *arguments) (value, error) {
		return findAll(a, func(_ *matcher, m []string) value { return a.textList(m) })
	},
	"regexp.FindAllNamedSubmatch": func(a *arguments) (value, error) { return findAll(a, named) },
	"regexp.ReplaceAll": func(a *arguments) (value, error) {
		re, s, err := a.expression(1)
		if err != nil {
			return value{}, err
		}
		repl := a.text(2)
		places, err := a.e.all(re, s, -1)
		if err != nil {
			return value{}, err
		}
		out := []byte{}
		end := 0
		for _, at := range places {
			size := len(out)
			out = re.ExpandString(append(out, s[end:at[0]]...), repl, s, at)
			if end = at[1]; a.e.spend(len(out)-size) != nil {
				return value{}, errWork
			}
		}
		return cueText(string(append(out, s[end:]...))), nil
	},
	"regexp.ReplaceAllLiteral": func(a *arguments) (value, error) {
		re, s, err := a.expression(1)
		if err != nil {
			return value{}, err
		}
		repl := a.text(2)
		places, err := a.e.all(re, s, -1)
		if err == nil {
			err = a.e.spend(len(places) * len(repl))
		}
		if err != nil {
			return value{}, err
		}
		var out strings.Builder
		end := 0
		for _, at := range places {
			out.WriteString(s[end:at[0]] + repl)
			end = at[1]
		}
		return cueText(out.String() + s[end:]), nil
	},
}

// expression returns the first argument as a regular expression and another as the text that it is for.
func (a *arguments) expression(i int) (*matcher, string, error) {
	source, s := a.text(0), a.text(i)
	if a.err != nil {
		return nil, "", a.err
	}
	re, err := a.e.pattern(a.x.match, source, s)
	return re, s, err
}

// named returns the named groups of a match.
func named(re *matcher, match []string) value {
	t := &tree{}
	for i, name := range re.SubexpNames() {
		if name == "" {
			continue
		}
		if at := t.find(name); at >= 0 {
			t.members[at].value = cueText(match[i])
		} else {
			t.add(member{name: name, value: cueText(match[i])})
		}
	}
	slices.SortFunc(t.members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	t.reindex()
	return value{kind: isStruct, tree: t}
}

func findAll(a *arguments, f func(*matcher, []string) value) (value, error) {
	re, s, err := a.expression(1)
	if err != nil {
		return value{}, err
	}
	matches, err := a.e.all(re, s, a.int(2))
	if err == nil && matches == nil {
		err = errNoMatch
	}
	if err == nil {
		err = a.e.spend(len(matches) * elementCost * (re.NumSubexp() + 1))
	}
	if err != nil {
		return value{}, err
	}
	out := make([]value, len(matches))
	for i, at := range matches {
		groups := make([]string, len(at)/2)
		for j := range groups {
			if at[2*j] >= 0 {
				groups[j] = s[at[2*j]:at[2*j+1]]
			}
		}
		out[i] = f(re, groups)
	}
	return listOf(out), nil
}

var timeTable = map[string]function{
	"time.Duration": func(a *arguments) (value, error) {
		_, err := time.ParseDuration(a.text(0))
		return boolean(true), orWrong(err, "time.Duration")
	},
	"time.FormatDuration": func(a *arguments) (value, error) { return str(time.Duration(a.sized(0, 64)).String()), nil },
	"time.ParseDuration": func(a *arguments) (value, error) {
		d, err := time.ParseDuration(a.text(0))
		return integerOf(int64(d)), orWrong(err, "time.ParseDuration")
	},
	"time.Time": func(a *arguments) (value, error) {
		_, err := time.Parse(time.RFC3339Nano, a.text(0))
		return boolean(true), orWrong(err, "time.Time")
	},
	"time.Format": func(a *arguments) (value, error) {
		_, err := time.ParseInLocation(a.text(1), a.text(0), time.UTC)
		return boolean(true), orWrong(err, "time.Format")
	},
	"time.FormatString": func(a *arguments) (value, error) {
		t, err := time.Parse(time.RFC3339Nano, a.text(1))
		return cueText(t.Format(a.text(0))), orWrong(err, "time.FormatString")
	},
	"time.Parse": func(a *arguments) (value, error) {
		t, err := time.ParseInLocation(a.text(0), a.text(1), time.UTC)
		return str(t.UTC().Format(time.RFC3339Nano)), orWrong(err, "time.Parse")
	},
	"time.Unix": func(a *arguments) (value, error) {
		return str(time.Unix(a.sized(0, 64), a.sized(1, 64)).UTC().Format(time.RFC3339Nano)), nil
	},
	"time.ToUnix": func(a *arguments) (value, error) {
		t, err := time.Parse(time.RFC3339Nano, a.text(0))
		return integerOf(t.Unix()), orWrong(err, "time.ToUnix")
	},
	"time.ToUnixNano": func(a *arguments) (value, error) {
		t, err := time.Parse(time.RFC3339Nano, a.text(0))
		return integerOf(t.UnixNano()), orWrong(err, "time.ToUnixNano")
	},
	"time.Split": func(a *arguments) (value, error) {
		at, err := time.Parse(time.RFC3339Nano, a.text(0))
		t := &tree{}
		for _, p := range []struct {
			name string
			n    int
		}{{"year", at.Year()}, {"month", int(at.Month())}, {"day", at.Day()}, {"hour", at.Hour()}, {"minute", at.Minute()},
			{"second", at.Second()}, {"nanosecond", at.Nanosecond()}} {
			t.add(member{name: p.name, value: integerOf(int64(p.n))})
		}
		return value{kind: isStruct, tree: t}, orWrong(err, "time.Split")
	},
}

// orWrong hides what an error says of a stored value.
func orWrong(err error, name string) error {
	if err == nil {
		return nil
	}
	return wrong(name)
}
