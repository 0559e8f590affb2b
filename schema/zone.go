package schema

import (
	_ "embed" // the list
	"slices"
	"strings"
)

// zoneList has the name of every time zone, sorted, one a line: those of Go's own copy of the IANA database. This package
// asks no file of the host.
//
//go:embed zones.txt
var zoneList string

// zone refuses a time zone that does not exist. None is UTC.
func (r *reader) zone(path []string, name string) {
	names := strings.Fields(zoneList)
	if _, known := slices.BinarySearch(names, name); known || name == "" {
		return
	}
	hint := `write its IANA name: "UTC", "Europe/Berlin"`
	if i := slices.IndexFunc(names, func(n string) bool { return near(n, name) }); i >= 0 {
		hint = `did you mean "` + names[i] + `"?`
	}
	r.problem(path, "zone", "there is no time zone "+name, hint)
}
