package state

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in the user's tree. The zero Pos is unknown.
type Pos struct {
	File   string `json:"file,omitempty"` // slash-separated, relative to the repository's root
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String prints file:line:column, or "-" if the place is unknown.
func (p Pos) String() string {
	if p.File == "" {
		return "-"
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

func (p Pos) compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Diagnostic is one thing a user has to mend: what is wrong, where, and what to do next.
type Diagnostic struct {
	Code    string `json:"code"` // machine-readable, lower case with dashes: "not-told-apart"
	Pos     Pos    `json:"pos,omitzero"`
	Path    string `json:"path,omitempty"` // in the spec: system.keyspaces.session.version
	Message string `json:"message"`        // what happened; never a secret or a value from a store
	Hint    string `json:"hint,omitempty"` // the next action
	Other   Pos    `json:"other,omitzero"` // of two places that contradict each other, the one that Pos is not
	Raw     string `json:"raw,omitempty"`  // what CUE itself said, if it is CUE's; may have several lines, and places of ours
}

// String prints the diagnostic on one line.
func (d Diagnostic) String() string {
	var b strings.Builder
	if d.Pos.File != "" {
		fmt.Fprintf(&b, "%s: ", d.Pos)
	}
	if d.Path != "" {
		fmt.Fprintf(&b, "%s: ", d.Path)
	}
	b.WriteString(d.Message)
	if d.Hint != "" {
		fmt.Fprintf(&b, "; %s", d.Hint)
	}
	if d.Other.File != "" {
		fmt.Fprintf(&b, "; the other is at %s", d.Other)
	}
	fmt.Fprintf(&b, " (%s)", d.Code)
	return b.String()
}

// Diagnostics is a non-empty list of things to mend. It is an error.
type Diagnostics []Diagnostic

// Error prints one diagnostic a line.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Sorted returns the diagnostics by place, path, code and message, equal ones once.
func (ds Diagnostics) Sorted() Diagnostics {
	out := slices.Clone(ds)
	slices.SortFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(a.Pos.compare(b.Pos),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Hint, b.Hint),
			a.Other.compare(b.Other))
	})
	return slices.Compact(out)
}

// Err returns the diagnostics as an error, nil if there are none.
func (ds Diagnostics) Err() error {
	if len(ds) == 0 {
		return nil
	}
	return ds
}
