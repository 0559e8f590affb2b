package schema

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

var (
	noReference = regexp.MustCompile(`^reference "([^"]+)" not found`)
	noFunction  = regexp.MustCompile(`^cannot call non-function ([a-z0-9]+)\.([A-Za-z0-9]+) \(type _\|_\)`)
	stringAlone = regexp.MustCompile(`^invalid operand string \(found string, want list or struct\)`)
)

// fromLibrary gives a diagnostic about a name of CUE's library the way out: the import that is missing, the function
// that may have been meant.
func fromLibrary(d *state.Diagnostic) {
	if m := noReference.FindStringSubmatch(d.Message); m != nil {
		if imports := packagesNamed(m[1]); len(imports) > 0 {
			d.Hint = "import it: import " + strconv.Quote(imports[0])
		}
		return
	}
	if m := noFunction.FindStringSubmatch(d.Message); m != nil {
		d.Message = "the package " + m[1] + " has no function " + m[2]
		d.Hint = cmp.Or(meant(m[2], functionsOf(m[1])), "call a function that the package has")
		return
	}
	if stringAlone.MatchString(d.Message) {
		d.Code, d.Message, d.Hint = "call", "string is a type and has no functions", `the package is strings: import "strings"`
	}
}

// packagesNamed lists the packages of that name with functions that migrations may call.
func packagesNamed(name string) []string {
	var out []string
	for _, b := range state.Builtins {
		i := strings.LastIndexByte(b.Name, '.')
		if i > 0 && path.Base(b.Name[:i]) == name {
			out = append(out, b.Name[:i])
		}
	}
	return slices.Compact(out)
}

// functionsOf lists the functions of a package that migrations may call.
func functionsOf(name string) []string {
	var out []string
	for _, b := range state.Builtins {
		i := strings.LastIndexByte(b.Name, '.')
		if i > 0 && path.Base(b.Name[:i]) == name {
			out = append(out, b.Name[i+1:])
		}
	}
	return out
}
