package transform

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Reasons why a text is not the JSON that units may hold.
var (
	errNotJSON   = errors.New("is not JSON")
	errTruncated = errors.New("is truncated JSON")
	errDepth     = errors.New("is JSON nested deeper than 1000 levels")
	errUTF8      = errors.New("is JSON that is not UTF-8")
	errTooLong   = errors.New("is longer than Redis holds")
	errDuplicate = errors.New("is JSON with a member name twice in one object")
)

// parseJSON reads a text strictly as RFC 8259 has it, in UTF-8 and with every member name once in its object.
// A surrogate alone in an escape is read, since undeclared fields are carried as they are; it fits no string.
// Its nodes are in room, if that is enough.
func parseJSON(text string, room []node) (document, error) {
	if len(text) > maxDocument {
		return document{}, errTooLong
	}
	if !utf8.ValidString(text) {
		return document{}, errUTF8
	}
	p := parser{text: text, nodes: roomFor(room)}
	p.space()
	if _, err := p.value(0); err != nil {
		return document{nodes: p.nodes[:0]}, err
	}
	if p.space(); p.at < len(text) {
		return document{nodes: p.nodes[:0]}, errNotJSON
	}
	return document{text: text, nodes: p.nodes, deep: p.deep, escapes: p.escapes}, nil
}

// roomFor returns an empty list of nodes, in room if there is any.
func roomFor(room []node) []node {
	if cap(room) == 0 {
		return make([]node, 0, 16)
	}
	return room[:0]
}

type parser struct {
	text  string
	at    int
	deep  int
	nodes []node

	escapes bool
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
	p.deep = max(p.deep, depth)
	i := int32(len(p.nodes))
	p.nodes = append(p.nodes, node{start: int32(p.at)})
	kind, err := p.token(i, depth)
	p.nodes[i].kind, p.nodes[i].end = kind, int32(p.at)
	return i, err
}

func (p *parser) token(i int32, depth int) (nodeKind, error) {
	switch c := p.peek(); {
	case c == '{':
		return nodeStruct, p.children(i, depth, '}')
	case c == '[':
		return nodeArray, p.children(i, depth, ']')
	case c == '"':
		return nodeStr, p.string()
	case c == 't':
		return nodeBool, p.word("true")
	case c == 'f':
		return nodeBool, p.word("false")
	case c == 'n':
		return nodeNull, p.word("null")
	case c == '-' || c >= '0' && c <= '9':
		return nodeNumber, p.number()
	}
	return nodeOther, p.unexpected()
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
	p.escapes = true
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
			if end == '}' && duplicate(p.nodes, i) {
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
	n.nameStart, n.nameEnd, n.name = int32(nameStart), int32(nameEnd), unquote(p.text[nameStart:nameEnd])
	return i, err
}
