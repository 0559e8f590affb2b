package state

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pattern tells which keys a version has: "session:<id>", "{user:<tenant>}:cart:<id int>", "blob:<path...>".
//
// A segment <name> stands for one or more bytes without ':', <name...> for any bytes, <name int> for a canonical
// decimal integer. Everything else, braces included, stands for itself. Where a key can be split in several ways,
// earlier segments are the shortest possible.
type Pattern struct {
	text  string
	parts []part
	exp   *regexp.Regexp // nil if there is at most one segment

	columns []string // see columnsOf
}

// part is a literal, or a segment if name is set.
type part struct {
	literal string
	name    string
	kind    segment
}

type segment int

const (
	untilColon segment = iota
	acrossColons
	integer
)

// segments holds the expression of each kind.
var segments = [...]string{
	untilColon:   `([^:]+?)`,
	acrossColons: `((?s:.)+?)`,
	integer:      `(0|-?[1-9][0-9]*)`,
}

var segmentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// minPrefix is how long a literal prefix has to be, so that no pattern takes a whole store.
const minPrefix = 2

// ParsePattern reads a key pattern. The error says what is wrong with it.
func ParsePattern(text string) (Pattern, error) {
	p := Pattern{text: text}
	if !utf8.ValidString(text) {
		return p, fmt.Errorf("key pattern %q is not UTF-8", text)
	}
	for rest := text; rest != ""; {
		literal, after, found := strings.Cut(rest, "<")
		if strings.Contains(literal, ">") {
			return p, fmt.Errorf("key pattern %q has a '>' without a '<'", text)
		}
		if literal != "" {
			p.parts = append(p.parts, part{literal: literal})
		}
		if !found {
			break
		}
		inner, next, closed := strings.Cut(after, ">")
		if !closed {
			return p, fmt.Errorf("key pattern %q has a '<' without a '>'", text)
		}
		s, err := p.segment(inner)
		if err != nil {
			return p, fmt.Errorf("key pattern %q: %w", text, err)
		}
		p.parts, rest = append(p.parts, s), next
	}
	if len(p.Prefix()) < minPrefix {
		return p, fmt.Errorf("key pattern %q starts with fewer than %d characters of literal text", text, minPrefix)
	}
	if len(p.Names()) > 1 {
		p.exp = p.expression()
	}
	p.columns = p.columnsOf()
	return p, nil
}

// segment reads what stands between < and >, given the parts before it.
func (p Pattern) segment(inner string) (part, error) {
	s := part{name: inner}
	if name, ok := strings.CutSuffix(inner, "..."); ok {
		s = part{name: name, kind: acrossColons}
	} else if name, ok := strings.CutSuffix(inner, " int"); ok {
		s = part{name: strings.TrimSpace(name), kind: integer}
	}
	if !segmentName.MatchString(s.name) {
		return s, fmt.Errorf("segment <%s> is not <name>, <name...> or <name int>", inner)
	}
	if n := len(p.parts); n > 0 && p.parts[n-1].name != "" {
		return s, fmt.Errorf("segments <%s> and <%s> have no text between them", p.parts[n-1].name, s.name)
	}
	for _, other := range p.parts {
		if other.name == s.name {
			return s, fmt.Errorf("segment <%s> stands twice", s.name)
		}
	}
	return s, nil
}

func (p Pattern) expression() *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for _, x := range p.parts {
		if x.name == "" {
			b.WriteString(regexp.QuoteMeta(x.literal))
		} else {
			b.WriteString(segments[x.kind])
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// String returns the pattern as the user wrote it.
func (p Pattern) String() string { return p.text }

// Prefix returns the literal text that every key starts with.
func (p Pattern) Prefix() string {
	if len(p.parts) == 0 {
		return ""
	}
	return p.parts[0].literal
}

// Names returns the names of the segments in order.
func (p Pattern) Names() []string {
	var names []string
	for _, x := range p.parts {
		if x.name != "" {
			names = append(names, x.name)
		}
	}
	return names
}

// IsInt tells whether a segment is typed: <name int>.
func (p Pattern) IsInt(name string) bool {
	return slices.ContainsFunc(p.parts, func(x part) bool { return x.name == name && x.kind == integer })
}

// Fill returns the key that has the given segments. ok is false if one is missing, or if the key would not be split
// into these segments again: two keys must never become one.
func (p Pattern) Fill(segments map[string]string) (key string, ok bool) {
	var b strings.Builder
	for _, x := range p.parts {
		b.WriteString(x.literal)
		if x.name == "" {
			continue
		}
		value, given := segments[x.name]
		if !given {
			return "", false
		}
		b.WriteString(value)
	}
	again, ok := p.Match(b.String())
	if !ok || slices.ContainsFunc(p.Names(), func(n string) bool { return again[n] != segments[n] }) {
		return "", false
	}
	return b.String(), true
}

// Match returns the segments of a key by name, and whether the key matches at all.
func (p Pattern) Match(key string) (segments map[string]string, ok bool) {
	if !strings.HasPrefix(key, p.Prefix()) {
		return nil, false
	}
	if p.exp == nil {
		name, value, ok := p.matchOne(key)
		if !ok || name == "" {
			return nil, ok
		}
		return map[string]string{name: value}, true
	}
	m := p.exp.FindStringSubmatch(key)
	if m == nil {
		return nil, false
	}
	names := p.Names()
	segments = make(map[string]string, len(names))
	for i, name := range names {
		segments[name] = m[i+1]
	}
	return segments, true
}

// Covers tells whether the key matches. It allocates nothing for patterns of one segment.
func (p Pattern) Covers(key string) bool {
	if !strings.HasPrefix(key, p.Prefix()) {
		return false
	}
	if p.exp == nil {
		_, _, ok := p.matchOne(key)
		return ok
	}
	return p.exp.MatchString(key)
}

// matchOne matches a pattern of a literal, at most one segment, and at most one literal.
func (p Pattern) matchOne(key string) (name, value string, ok bool) {
	if len(p.parts) < 2 {
		return "", "", len(p.parts) == 1 && key == p.parts[0].literal
	}
	value, ok = strings.CutPrefix(key, p.parts[0].literal)
	if ok && len(p.parts) == 3 {
		value, ok = strings.CutSuffix(value, p.parts[2].literal)
	}
	if !ok || value == "" {
		return "", "", false
	}
	switch s := p.parts[1]; s.kind {
	case untilColon:
		return s.name, value, !strings.Contains(value, ":")
	case integer:
		return s.name, value, IsIntText(value)
	default:
		return s.name, value, true
	}
}
