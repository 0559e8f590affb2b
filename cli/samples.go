package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// The bounds of what is shown of samples.
const (
	mostSamples = 100 // of one rewrite
	mostChanges = 30  // of one unit
	mostValue   = 80  // bytes of a value, or of a key
)

// redacted stands for a value that nobody is to see.
const redacted = "‹redacted›"

// sampling is which units plan shows, and how much of them.
type sampling struct {
	n      int
	show   bool
	redact []string

	samples []stepSamples
}

// stepSamples are units that one rewrite would convert.
type stepSamples struct {
	Step   int          `json:"step"` // index into the plan's steps
	Values bool         `json:"values"`
	Units  []sampleUnit `json:"units"`
}

// sampleUnit is one unit before and after, fit to be shown: values are quoted and cut, or masked.
type sampleUnit struct {
	Key     string         `json:"key"`
	NewKey  string         `json:"newKey,omitempty"`
	From    state.Version  `json:"from"`
	Changes []sampleChange `json:"changes,omitempty"`
	More    int            `json:"more,omitempty"`   // changes that are left out
	Same    int            `json:"same"`             // parts that stay as they are
	Logged  bool           `json:"logged,omitempty"` // the undo log keeps it
}

// sampleChange is one part of a unit. An empty text stands for what is not there.
type sampleChange struct {
	Field  string `json:"field"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	Lossy  bool   `json:"lossy,omitempty"` // the way back may not restore it
}

func (s *sampling) bind(fs *pflag.FlagSet) {
	fs.IntVar(&s.n, "samples", 0, "show so many units of each rewrite, before and after; the values only on a terminal")
	fs.BoolVar(&s.show, "show-values", false, "with --samples: show values also where standard output is no terminal")
	fs.StringSliceVar(&s.redact, "redact", nil, "with --samples: fields, by name or path (email,address.street), that are never shown, nor what contains their value or is a part of it")
}

// check refuses what means nothing. Blind tells that no store is looked at, or that there is no place for units.
func (s *sampling) check(blind bool) error {
	switch {
	case s.n < 0 || s.n > mostSamples:
		return trouble(misuse, fmt.Sprintf("--samples %d: write a number from 1 to %d", s.n, mostSamples), "", nil)
	case s.n == 0 && (s.show || len(s.redact) > 0):
		return trouble(misuse, "--show-values and --redact are about samples", "say how many: --samples 5", nil)
	case s.n > 0 && blind:
		return trouble(misuse, "--samples: a plan between two commits, or a drawing, has no units to show", "leave --base and the drawing out", nil)
	case slices.Contains(s.redact, ""):
		return trouble(misuse, "--redact: an empty name", "write names of fields: --redact email,address.street", nil)
	}
	return nil
}

// take reads samples and makes them fit to be shown.
func (s *sampling) take(ctx context.Context, e apply.Edges, situation apply.Situation, out io.Writer) error {
	if s.n == 0 {
		return nil
	}
	p := situation.Plan()
	found, err := apply.Samples(ctx, e, situation, p, s.n)
	if err != nil {
		return err
	}
	values := s.show || isTerminal(out)
	for _, x := range found {
		shown := stepSamples{Step: x.Step, Values: values, Units: []sampleUnit{}}
		for _, unit := range x.Examples {
			shown.Units = append(shown.Units, s.unit(unit, p.Steps[x.Step].Losses, values))
		}
		s.samples = append(s.samples, shown)
	}
	return nil
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// unit makes one unit fit to be shown.
func (s *sampling) unit(x keyspace.Example, losses []state.Loss, values bool) sampleUnit {
	secrets := s.secrets(x)
	key := func(text string) string {
		if text == "" || !holds(secrets, text) {
			return cutQuoted(text)
		}
		return redacted
	}
	u := sampleUnit{Key: key(x.Key), From: x.From, Same: len(x.Same), Logged: x.Logged}
	if x.NewKey != "" {
		u.NewKey = key(x.NewKey)
	}
	for _, d := range x.Changes[:min(len(x.Changes), mostChanges)] {
		show := func(v *state.Value) string {
			switch {
			case v == nil:
				return ""
			case s.redacts(d.Path) || holds(secrets, textOf(*v)):
				return redacted
			case values:
				return valueText(*v)
			}
			return keyspace.Masked(*v)
		}
		u.Changes = append(u.Changes, sampleChange{pathText(d.Path), show(d.Before), show(d.After), lossy(d, losses)})
	}
	u.More = len(x.Changes) - len(u.Changes)
	return u
}

// redacts tells whether a part is one that is never shown: it is, or is within, a path that is named, or a name on its way
// is named.
func (s *sampling) redacts(path []string) bool {
	names := named(path)
	return slices.ContainsFunc(s.redact, func(r string) bool {
		want := strings.Split(r, ".")
		if len(want) == 1 {
			return slices.Contains(names, r)
		}
		return slices.Contains(names, r) || len(names) >= len(want) && slices.Equal(names[:len(want)], want)
	})
}

// named leaves places in lists out of a path.
func named(path []string) []string {
	return slices.DeleteFunc(slices.Clone(path), func(p string) bool { return strings.HasPrefix(p, "[") })
}

// secrets are the values of a unit that are never shown, so that no other field shows them under its name.
func (s *sampling) secrets(x keyspace.Example) (out []string) {
	for _, d := range slices.Concat(x.Changes, x.Same) {
		if !s.redacts(d.Path) {
			continue
		}
		for _, v := range []*state.Value{d.Before, d.After} {
			if v != nil && textOf(*v) != "" {
				out = append(out, textOf(*v))
			}
		}
	}
	return out
}

// holds tells whether a text is a secret, contains one of some length or is some length of one, in whatever case: one of a
// letter or two is in nearly everything.
func holds(secrets []string, text string) bool {
	const some = 3
	text = strings.ToLower(text)
	return slices.ContainsFunc(secrets, func(s string) bool {
		s = strings.ToLower(s)
		return text == s || len(s) >= some && strings.Contains(text, s) || len(text) >= some && strings.Contains(s, text)
	})
}

// textOf is what a value holds, empty if it is one of very few.
func textOf(v state.Value) string { return cmp.Or(v.Text, string(v.Bytes)) }

// valueText is a value for people, harmless whatever it is: quoted where it is text or bytes, and cut.
func valueText(v state.Value) string {
	switch v.Kind {
	case state.Str, state.Bytes:
		return cutQuoted(textOf(v))
	case state.Int, state.Number:
		if len(v.Text) > mostValue {
			return v.Text[:mostValue] + fmt.Sprintf("… (%d digits)", len(v.Text))
		}
		return v.Text
	case state.Bool:
		return strconv.FormatBool(v.Bool)
	case state.Array:
		return "[]"
	case state.Struct:
		return "{}"
	}
	return string(v.Kind)
}

// cutQuoted quotes a text as Go does, so that nothing of it moves a cursor or ends a line, and cuts it.
func cutQuoted(text string) string {
	if len(text) <= mostValue {
		return strconv.Quote(text)
	}
	end := mostValue
	for end > mostValue-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return strconv.Quote(text[:end]) + fmt.Sprintf("… (%d bytes)", len(text))
}

// pathText is the path of a part: address.street, lines[0].sku.
func pathText(path []string) string {
	if len(path) == 0 {
		return "value"
	}
	if len(path) == 1 && path[0] == state.LostTTL {
		return "time to live (ms)"
	}
	var b strings.Builder
	for i, p := range path {
		switch {
		case strings.HasPrefix(p, "[") && strings.HasSuffix(p, "]") && len(p) < 12 && strings.Trim(p, "[]0123456789") == "":
			b.WriteString(p)
			continue
		case i > 0:
			b.WriteString(".")
		}
		b.WriteString(keyspace.ShownName(p))
	}
	return b.String()
}

// lossy tells whether a part is one that the way back may not restore.
func lossy(d keyspace.Difference, losses []state.Loss) bool {
	at := strings.Join(named(d.Path), ".")
	return slices.ContainsFunc(losses, func(l state.Loss) bool {
		return d.Before != nil && (at == l.Field || strings.HasPrefix(at, l.Field+".") || strings.HasPrefix(l.Field, at+"."))
	})
}
