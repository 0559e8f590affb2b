package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// rule is one field of a policy: the values that work now, from lax to strict, and where it goes.
type rule struct {
	field  string
	values []string
	at     func(*state.Policy) *string
}

// rules lists the fields of a policy that work now. maxInvalid has any percentage.
var rules = []rule{
	{"backup", []string{"never"}, func(p *state.Policy) *string { return (*string)(&p.Backup) }},
	{"approval", []string{"never"}, func(p *state.Policy) *string { return (*string)(&p.Approval) }},
	{"strategy", []string{"online"}, func(p *state.Policy) *string { return (*string)(&p.Strategy) }},
	{"invalid", []string{"skip", "fail"}, func(p *state.Policy) *string { return (*string)(&p.Invalid) }},
	{"maxInvalid", nil, func(p *state.Policy) *string { return &p.MaxInvalid }},
	{"onFailure", []string{"hold"}, func(p *state.Policy) *string { return (*string)(&p.OnFailure) }},
	{"throttle", []string{"fast", "balanced", "gentle"}, func(p *state.Policy) *string { return (*string)(&p.Throttle) }},
}

// readPolicy reads the policy at a path, the zero Policy if there is none.
func (r *reader) readPolicy(path []string) state.Policy {
	var p state.Policy
	v := r.lookup(path)
	if !v.Exists() {
		return p
	}
	it, err := v.Fields()
	if err != nil {
		return p
	}
	for it.Next() {
		field := name(it.Selector())
		at := sub(path, field)
		i := slices.IndexFunc(rules, func(x rule) bool { return x.field == field })
		if i < 0 {
			r.unsupported(at, "the policy "+field, "remove it")
			continue
		}
		text, err := it.Value().String()
		if err != nil {
			r.unsupported(at, "this form of "+field, "use one of "+strings.Join(rules[i].values, ", "))
			continue
		}
		if rules[i].values != nil && !slices.Contains(rules[i].values, text) {
			r.refuseValue(at, rules[i], text)
			continue
		}
		*rules[i].at(&p) = text
	}
	return p
}

func (r *reader) refuseValue(path []string, x rule, text string) {
	hint := fmt.Sprintf("use %s, or remove the field", strconv.Quote(x.values[0]))
	if x.field == "backup" {
		hint = `use "never", or remove the field: until backups exist, the way back of a lossy rewrite is #down alone`
	}
	r.unsupported(path, fmt.Sprintf("%s: %s", x.field, strconv.Quote(text)), hint)
}

// stricter merges two policies field by field. A field that only one of them names is that one's; of two the
// stricter wins: the later in its rule, or the smaller percentage.
func stricter(a, b state.Policy) state.Policy {
	out := a
	for _, x := range rules {
		mine, theirs := x.at(&out), *x.at(&b)
		switch {
		case theirs == "":
		case *mine == "":
			*mine = theirs
		case x.values == nil && percent(theirs) < percent(*mine):
			*mine = theirs
		case slices.Index(x.values, theirs) > slices.Index(x.values, *mine):
			*mine = theirs
		}
	}
	return out
}

func percent(text string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil {
		return 100
	}
	return f
}
