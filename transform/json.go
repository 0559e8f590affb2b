package transform

import (
	"errors"
	"strings"
	"unicode/utf8"

	"keyshift.dev/state"
)

// document is a JSON text and where its values stand in it. Nothing is decoded but the names of members.
type document struct {
	text  string
	nodes []node // the root first; children after their parent, in order
}

// node is one value of a document.
type node struct {
	kind       state.Kind // Null, Bool, Number, Str, List or Struct
	start, end int        // of the value's text
	nameStart  int        // of a member: of the quote that opens its name; the name's text ends at nameEnd
	nameEnd    int
	name       string // of a member: decoded
	first      int32  // child, 0 if there is none
	next       int32  // sibling, 0 if there is none
}

// maxDepth bounds the nesting of lists and objects.
const maxDepth = 1000

// Reasons why a text is not the JSON that units may hold.
var (
	errNotJSON   = errors.New("is not JSON")
	errTruncated = errors.New("is truncated JSON")
	errDepth     = errors.New("is JSON nested deeper than 1000 levels")
	errUTF8      = errors.New("is JSON that is not UTF-8")
	errDuplicate = errors.New("is JSON with a member name twice in one object")
)

// parseJSON reads a text strictly as RFC 8259 has it, in UTF-8 and with every member name once in its object.
// A lone surrogate in an escape is let through and keeps its spelling.
func parseJSON(text string) (document, error) {
	if !utf8.ValidString(text) {
		return document{}, errUTF8
	}
	p := parser{text: text, nodes: make([]node, 0, 16)}
	p.space()
	if _, err := p.value(0); err != nil {
		return document{}, err
	}
	if p.space(); p.at < len(text) {
		return document{}, errNotJSON
	}
	return document{text: text, nodes: p.nodes}, nil
}

type parser struct {
	text  string
	at    int
	nodes []node
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek returns the byte at the cursor, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// unexpected is the error for what stands at the cursor.
func (p *parser) unexpected() error {
	if p.at >= len(p.text) {
		return errTruncated
	}
	return errNotJSON
}

// value reads one value at the cursor and returns its place.
func (p *parser) value(depth int) (int32, error) {
	if depth > maxDepth {
		return 0, errDepth
	}
	i := int32(len(p.nodes))
	p.nodes = append(p.nodes, node{start: p.at})
	kind, err := p.token(i, depth)
	p.nodes[i].kind, p.nodes[i].end = kind, p.at
	return i, err
}

func (p *parser) token(i int32, depth int) (state.Kind, error) {
	switch c := p.peek(); {
	case c == '{':
		return state.Struct, p.children(i, depth, '}')
	case c == '[':
		return state.Array, p.children(i, depth, ']')
	case c == '"':
		return state.Str, p.string()
	case c == 't':
		return state.Bool, p.word("true")
	case c == 'f':
		return state.Bool, p.word("false")
	case c == 'n':
		return state.Null, p.word("null")
	case c == '-' || c >= '0' && c <= '9':
		return state.Number, p.number()
	}
	return "", p.unexpected()
}

func (p *parser) word(w string) error {
	if rest := p.text[p.at:]; !strings.HasPrefix(rest, w) {
		if strings.HasPrefix(w, rest) {
			return errTruncated
		}
		return errNotJSON
	}
	p.at += len(w)
	return nil
}

func (p *parser) digits() error {
	start := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	if p.at == start {
		return p.unexpected()
	}
	return nil
}

func (p *parser) number() error {
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if err := p.digits(); err != nil {
		return err
	}
	if p.peek() == '.' {
		p.at++
		if err := p.digits(); err != nil {
			return err
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		return p.digits()
	}
	return nil
}

func (p *parser) string() error {
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return nil
		case c < 0x20:
			return errNotJSON
		case c == '\\':
			p.at++
			if p.peek() == 'u' {
				if err := p.hex(); err != nil {
					return err
				}
			} else if p.at >= len(p.text) || strings.IndexByte(`"\/bfnrt`, p.text[p.at]) < 0 {
				return p.unexpected()
			}
		}
	}
	return errTruncated
}

// hex reads the four digits behind \u and leaves the cursor on the last.
func (p *parser) hex() error {
	for range 4 {
		p.at++
		if c := p.peek(); !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return p.unexpected()
		}
	}
	return nil
}

// children reads what stands between the brackets of node i, whose closing one is end.
func (p *parser) children(i int32, depth int, end byte) error {
	p.at++
	if p.space(); p.peek() == end {
		p.at++
		return nil
	}
	for last := int32(0); ; {
		child, err := p.child(depth, end == '}')
		if err != nil {
			return err
		}
		if last == 0 {
			p.nodes[i].first = child
		} else {
			p.nodes[last].next = child
		}
		last = child
		p.space()
		switch p.peek() {
		case end:
			p.at++
			if end == '}' && p.duplicate(i) {
				return errDuplicate
			}
			return nil
		case ',':
			p.at++
			p.space()
		default:
			return p.unexpected()
		}
	}
}

// child reads an element, or a member with its name.
func (p *parser) child(depth int, member bool) (int32, error) {
	if !member {
		return p.value(depth + 1)
	}
	nameStart := p.at
	if p.peek() != '"' {
		return 0, p.unexpected()
	}
	if err := p.string(); err != nil {
		return 0, err
	}
	nameEnd := p.at
	if p.space(); p.peek() != ':' {
		return 0, p.unexpected()
	}
	p.at++
	p.space()
	i, err := p.value(depth + 1)
	n := &p.nodes[i]
	n.nameStart, n.nameEnd, n.name = nameStart, nameEnd, unquote(p.text[nameStart:nameEnd])
	return i, err
}

// few is how many names are compared with each other; more go through a map.
const few = 24

func (p *parser) duplicate(object int32) bool {
	var seen map[string]bool
	n := 0
	for i := p.nodes[object].first; i != 0; i = p.nodes[i].next {
		if n++; n > few && seen == nil {
			seen = make(map[string]bool)
			for j := p.nodes[object].first; j != i; j = p.nodes[j].next {
				seen[p.nodes[j].name] = true
			}
		}
		if seen != nil {
			if seen[p.nodes[i].name] {
				return true
			}
			seen[p.nodes[i].name] = true
			continue
		}
		for j := p.nodes[object].first; j != i; j = p.nodes[j].next {
			if p.nodes[j].name == p.nodes[i].name {
				return true
			}
		}
	}
	return false
}

// raw returns the text of a value.
func (d document) raw(i int32) string { return d.text[d.nodes[i].start:d.nodes[i].end] }

// str returns the decoded text of a string.
func (d document) str(i int32) string { return unquote(d.raw(i)) }

// member returns the member of an object by name.
func (d document) member(object int32, name string) (int32, bool) {
	for i := d.nodes[object].first; i != 0; i = d.nodes[i].next {
		if d.nodes[i].name == name {
			return i, true
		}
	}
	return 0, false
}

// find returns the value at a path below a value.
func (d document) find(from int32, path []string) (int32, bool) {
	for _, name := range path {
		next, ok := d.member(from, name)
		if !ok {
			return 0, false
		}
		from = next
	}
	return from, true
}
