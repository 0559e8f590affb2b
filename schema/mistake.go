package schema

import (
	"cmp"
	stderrors "errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/errors"

	"keyshift.dev/state"
)

// kindOfMistake says how a class of CUE's messages is reported.
type kindOfMistake struct {
	message *regexp.Regexp // of CUE
	code    string
	hint    string
}

// mendOne is the hint at two values of the user's that contradict each other.
const mendOne = "mend one of the values"

// kindsOfMistake is tried in order.
var kindsOfMistake = []kindOfMistake{
	{regexp.MustCompile(`^this system has no keyspace`), "unknown-keyspace", "declare it under system.keyspaces, or mend the name"},
	{regexp.MustCompile(`^field not allowed`), "not-allowed", "mend the name, or remove the field"},
	{regexp.MustCompile(`^field is required but not present`), "missing", "add the field"},
	{regexp.MustCompile(`^undefined field`), "unknown-field", "mend the name; only declared fields can be used"},
	{regexp.MustCompile(`^reference .* not found`), "unknown-reference", "mend the name, or declare it"},
	{regexp.MustCompile(`^incomplete value|^non-concrete value`), "incomplete", "give one concrete value"},
	{regexp.MustCompile(`^unresolved disjunction`), "incomplete", "give one of its values, or mark one as the default with *"},
	{regexp.MustCompile(`structural cycle|^cycle|reference cycle`), "cycle", "break the cycle: a value may not contain itself"},
	{regexp.MustCompile(`invalid regexp`), "regexp", "mend the regular expression: the syntax is RE2's"},
	{regexp.MustCompile(`^incompatible list lengths`), "conflict", "give as many elements as are wanted"},
	{regexp.MustCompile(`^conflicting values|^invalid value|errors in empty disjunction|mismatched|^got `), "conflict", mendOne},
	{regexp.MustCompile(`^cannot use|^invalid operand`), "wrong-kind", "change the expression, or the type in the version"},
	{regexp.MustCompile(`^invalid interpolation`), "interpolation", "what stands between \\( and ) must be one concrete value without a mistake"},
	{regexp.MustCompile(`^(too many|not enough) arguments in call`), "call", "give as many arguments as the function takes"},
	{regexp.MustCompile(`^error in call`), "call", "change the arguments of the call"},
	{regexp.MustCompile(`^cannot call non-function`), "call", "call a function that the package has"},
	{regexp.MustCompile(`^failed arithmetic|division by zero`), "arithmetic", "change the operands"},
	{regexp.MustCompile(`^index out of range`), "index", "use an index that the list has"},
	{regexp.MustCompile(`^builtin package .* undefined`), "unknown-import", "import a package that CUE has, or remove the import"},
	{regexp.MustCompile(`^invalid module file`), "module-file", "mend cue.mod/module.cue there, or write it anew with `keyshift init`"},
	{regexp.MustCompile(`imported and not used`), "unused-import", "remove the import"},
	{regexp.MustCompile(`language version`), "language-version", "lower language.version in cue.mod/module.cue, or upgrade Keyshift"},
}

// named says what an unknown name at the end of a path is.
var named = []struct {
	path *regexp.Regexp
	code string
	hint string
}{
	{regexp.MustCompile(`^system\.keyspaces\.[^.]+\.store$`), "unknown-store", "name one of system.stores"},
	{regexp.MustCompile(`^system\.keyspaces\..+\.(version|from)$`), "unknown-version", "name one of the keyspace's versions"},
	{regexp.MustCompile(`^system\.components\..+\.uses\..+\.writes$`), "unknown-version", "name one of the keyspace's versions"},
	{regexp.MustCompile(`^system\.components\..+\.release$`), "unknown-release", "name one of the component's releases"},
}

// complaint is one of CUE's errors, taken apart.
type complaint struct {
	path    []string
	message string
	args    []any
	pos     []state.Pos // in the order of the message's arguments; zero where it is ours
	raw     string      // as CUE prints it
}

// fromCUE turns CUE's errors into diagnostics without a path index: errors of parsing and building.
func fromCUE(err error, fallback state.Pos) state.Diagnostics {
	return places{}.diagnose(err, fallback)
}

// diagnose turns CUE's errors into one diagnostic a mistake, at places in the user's tree.
func (p places) diagnose(err error, fallback state.Pos) state.Diagnostics {
	return p.describe(takeAllApart(err), fallback)
}

// describe turns complaints into one diagnostic a mistake.
func (p places) describe(all []complaint, fallback state.Pos) state.Diagnostics {
	var groups [][]complaint
	byPath := map[string]int{}
	for _, c := range all {
		if p.isEcho(c) || isOtherForm(c, all) {
			continue
		}
		key := join(c.path)
		i, ok := byPath[key]
		if !ok || len(c.path) == 0 {
			i = len(groups)
			byPath[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	var out state.Diagnostics
	for _, g := range groups {
		out = append(out, p.report(g, fallback)...)
	}
	if len(out) == 0 { // nothing but echoes: say at least one
		for _, c := range all {
			out = append(out, p.diagnostic(c, fallback))
		}
	}
	return withoutEchoes(withoutMisnamed(out.Sorted()))
}

func takeApart(e errors.Error) complaint {
	format, args := e.Msg()
	c := complaint{path: spoken(errors.Path(e)), args: args, message: strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")}
	if cause := stderrors.Unwrap(e); cause != nil || c.message == "" {
		c.message = strings.Join(strings.Fields(strings.TrimPrefix(e.Error(), strings.Join(errors.Path(e), ".")+": ")), " ")
	}
	for _, in := range e.InputPositions() {
		c.pos = append(c.pos, position(in))
	}
	c.raw = strings.TrimSpace(errors.Details(e, nil))
	if own := position(e.Position()); own.File != "" {
		c.pos = append([]state.Pos{own}, c.pos...)
	}
	return c
}

// spoken returns the path as the user wrote it, where CUE names one of our hidden fields.
func spoken(path []string) []string {
	out := slices.Clone(path)
	for i, n := range out {
		if unquoted, err := strconv.Unquote(n); err == nil {
			out[i] = unquoted
		}
		switch n {
		case "_uses", "_tests":
			out[i] = n[1:]
		case "_up", "_down":
			out[i] = "#" + n[1:]
		}
	}
	if i := slices.Index(out, "tests"); i >= 0 && i+3 < len(out) {
		out[i+3] = cmp.Or(map[string]string{"up": "new", "down": "old"}[out[i+3]], out[i+3])
	}
	if i := slices.Index(out, "uses"); i >= 0 && i+3 == len(out)-1+1 && len(out) > i+2 && out[i+2] == "keyspace" {
		out = out[:i+2]
	}
	return out
}

// report makes diagnostics of the complaints about one path: one if they are the branches of a disjunction.
func (p places) report(g []complaint, fallback state.Pos) state.Diagnostics {
	one, ok := p.selfReference(g)
	if !ok {
		one, ok = p.choice(g)
	}
	if ok {
		var raw []string
		for _, c := range g {
			raw = append(raw, c.raw)
		}
		one.Raw = strings.Join(raw, "\n")
		return state.Diagnostics{one}
	}
	var out state.Diagnostics
	for _, c := range leading(g) {
		out = append(out, p.diagnostic(c, fallback))
	}
	return out
}

// leading leaves out of the complaints about one path those that follow from another of them.
func leading(g []complaint) []complaint {
	first := slices.DeleteFunc(slices.Clone(g), func(c complaint) bool {
		return strings.Contains(c.message, "errors in empty disjunction") || strings.Contains(c.message, "(type _|_)")
	})
	if len(first) == 0 {
		return g
	}
	return first
}

func (p places) diagnostic(c complaint, fallback state.Pos) state.Diagnostic {
	d := state.Diagnostic{Code: "invalid", Path: printPath(c.path), Message: shortened(c.message), Raw: c.raw,
		Hint: "change or remove what stands there; `keyshift vet -v` says it in CUE's own words"}
	for _, k := range kindsOfMistake {
		if k.message.MatchString(c.message) {
			d.Code, d.Hint = k.code, k.hint
			break
		}
	}
	switch d.Code {
	case "conflict":
		inWords(&d, c.path)
	case "not-allowed":
		p.misnamed(&d, c.path)
	case "unknown-keyspace":
		p.nearestOf(&d, []string{"system", "keyspaces"})
	case "unknown-reference":
		p.nearestOf(&d, nil)
	}
	fromLibrary(&d)
	added := d.Code == "not-allowed" && p.carried(&d, c)
	if strings.HasPrefix(c.message, "error in call to or") { // over the names of something that has none
		d.Message = "there is nothing declared that it could name"
		d.Code, d.Hint = "conflict", "declare one"
		p.rename(&d, c.path)
	}
	d.Pos = p.best(c)
	if added { // by the declaration, which is right
		d.Pos = p.at(c.path)
	}
	if d.Pos.File == "" {
		d.Pos = fallback
	}
	if d.Code == "conflict" && len(c.pos) > 1 {
		for _, other := range c.pos[:2] {
			if other.File != "" && other != d.Pos {
				d.Other = other
				break
			}
		}
	}
	if d.Hint == mendOne && d.Other.File == "" { // the other is a declaration of ours
		d.Hint = "change the value"
	}
	return d
}

// longest is how many bytes of a message are told: it may hold a whole value.
const longest = 400

func shortened(message string) string {
	if len(message) <= longest {
		return message
	}
	return strings.ToValidUTF8(message[:longest], "") + " …"
}

var lastName = regexp.MustCompile(`[^\s"]+`)

// nearestOf gives a diagnostic about an unknown name the nearest that is declared below a path as its hint.
func (p places) nearestOf(d *state.Diagnostic, path []string) {
	at := p.find(path)
	name := lastName.FindString(strings.TrimPrefix(strings.TrimPrefix(d.Message, "this system has no keyspace "), "reference "))
	if at != nil {
		d.Hint = cmp.Or(meant(name, slices.Sorted(maps.Keys(at.fields()))), d.Hint)
	}
}

// rename gives a diagnostic the code and the hint of an unknown name, if its path is that of a name.
func (p places) rename(d *state.Diagnostic, path []string) {
	for _, n := range named {
		if n.path.MatchString(strings.Join(path, ".")) {
			d.Code = n.code
			if !strings.HasPrefix(d.Hint, "did you mean") {
				d.Hint = n.hint
			}
		}
	}
}

// best chooses the place to show: the nearest written path if CUE names none of the user's; of two values that
// conflict the second, which is the one that meets the declared.
func (p places) best(c complaint) state.Pos {
	var users []state.Pos
	for _, pos := range c.pos {
		if pos.File != "" {
			users = append(users, pos)
		}
	}
	switch {
	case p.declared(c.path) && slices.Contains(c.path, "migrations") && len(users) > 1:
		return p.at(c.path)
	case len(users) == 0:
		return p.at(c.path)
	case strings.HasPrefix(c.message, "conflicting values") && len(c.pos) > 1 && c.pos[1].File != "":
		return c.pos[1]
	}
	return users[0]
}

// choice reports a value that is none of the literals it may be: got "hsh", want one of "hash", "string".
func (p places) choice(g []complaint) (state.Diagnostic, bool) {
	var got string
	var want []string
	var at state.Pos
	if len(g) > 1 && !slices.ContainsFunc(g, func(c complaint) bool { return strings.Contains(c.message, "errors in empty disjunction") }) {
		return state.Diagnostic{}, false
	}
	for _, c := range g {
		if strings.Contains(c.message, "errors in empty disjunction") {
			continue
		}
		if !strings.HasPrefix(c.message, "conflicting values") || len(c.args) < 2 || len(c.pos) < 2 {
			return state.Diagnostic{}, false
		}
		w, v := scalarText(c.args[0]), scalarText(c.args[1])
		pos := c.pos[1]
		if c.pos[1].File == "" && c.pos[0].File != "" {
			w, v, pos = v, w, c.pos[0]
		}
		if w == "" && v != "" && len(g) > 1 {
			continue // a form with fields, which this is not meant to be
		}
		if w == "" || v == "" || got != "" && v != got || c.pos[0].File != "" && c.pos[1].File != "" && len(g) == 1 {
			return state.Diagnostic{}, false
		}
		got, at, want = v, pos, append(want, w)
	}
	if len(want) == 0 {
		return state.Diagnostic{}, false
	}
	message, hint := oneOf(got, want)
	d := state.Diagnostic{Code: "conflict", Pos: at, Path: printPath(g[0].path), Message: message, Hint: hint}
	p.rename(&d, g[0].path)
	return d, true
}

// scalarText returns the text of a concrete scalar, empty for anything else.
func scalarText(arg any) string {
	text := fmt.Sprint(arg)
	if _, err := strconv.Unquote(text); err == nil {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil || text == "true" || text == "false" || text == "null" {
		return text
	}
	return ""
}
