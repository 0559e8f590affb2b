package demo

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// The versions that the application knows of every model. It was written by hand, without Keyshift's
// transforms, as an application is: that is what makes its findings worth something.
const (
	V1 state.Version = "1.0.0"
	V2 state.Version = "2.0.0"
	V3 state.Version = "3.0.0" // means what V2 means, and calls the text otherwise
)

// versions are all of them, the oldest first.
var versions = []state.Version{V1, V2, V3}

// role is what a field means to the application, whatever it is called in a version.
type role int

const (
	user  role = iota // whose it is, carried
	text              // renamed between the versions; ends in the mark of the write that made it
	clock             // milliseconds at V1, seconds at V2
	old               // only at V1, optional
	added             // only at V2
	lines             // a nested list, carried; JSON only
	roles
)

// content is one value by role, numbers as decimal text; what a version lacks is empty.
type content [roles]string

// kind is how a field's bytes must look.
type kind int

const (
	integer kind = iota
	words
	nested
)

// field is one field of a version as the application declares it.
type field struct {
	role     role
	name     string
	kind     kind
	optional bool
}

// Model is one keyspace as the application knows it: its key prefix, its Redis type, and how it reads and
// writes its versions.
type Model struct {
	Keyspace string
	Prefix   string // a key is Prefix and a decimal number
	Type     state.Redis
	fill     string // what the added field says where nobody said otherwise
	other    string // another value of the added field
	shapes   map[state.Version][]field
}

// Sessions is the model of examples/shop: hashes that rename a field (name, full_name), convert one
// (created_ms, created), drop one (legacy) and gain one (plan). V3 renames full_name once more, to display_name.
func Sessions() Model {
	return Model{Keyspace: "session", Prefix: "session:", Type: state.Hash, fill: "free", other: "pro",
		shapes: map[state.Version][]field{
			V1: {{user, "user_id", integer, false}, {text, "name", words, false},
				{clock, "created_ms", integer, false}, {old, "legacy", words, true}},
			V2: {{user, "user_id", integer, false}, {text, "full_name", words, false},
				{clock, "created", integer, false}, {added, "plan", words, false}},
			V3: {{user, "user_id", integer, false}, {text, "display_name", words, false},
				{clock, "created", integer, false}, {added, "plan", words, false}},
		}}
}

// Carts is the same migration on JSON strings: {user_id, owner, updated_ms, coupon?, items} becomes
// {user_id, customer, updated, currency, items}, with items a list of {sku, qty} that is carried; at V3 the customer is the buyer.
func Carts() Model {
	return Model{Keyspace: "cart", Prefix: "cart:", Type: state.String, fill: "EUR", other: "USD",
		shapes: map[state.Version][]field{
			V1: {{user, "user_id", integer, false}, {text, "owner", words, false},
				{clock, "updated_ms", integer, false}, {old, "coupon", words, true}, {lines, "items", nested, false}},
			V2: {{user, "user_id", integer, false}, {text, "customer", words, false},
				{clock, "updated", integer, false}, {added, "currency", words, false}, {lines, "items", nested, false}},
			V3: {{user, "user_id", integer, false}, {text, "buyer", words, false},
				{clock, "updated", integer, false}, {added, "currency", words, false}, {lines, "items", nested, false}},
		}}
}

// key returns the key of the i-th unit.
func (m Model) key(i int) string { return m.Prefix + strconv.Itoa(i) }

// raw is what one atomic command returned: the fields of a hash, or the bytes of a string.
type raw struct {
	hash   map[string]string
	text   string
	exists bool
}

// encode returns a value in the form of a version.
func (m Model) encode(v state.Version, c content) raw {
	if m.Type == state.Hash {
		h := map[string]string{}
		for _, f := range m.shapes[v] {
			if c[f.role] != "" {
				h[f.name] = c[f.role]
			}
		}
		return raw{hash: h, exists: true}
	}
	var b strings.Builder
	for _, f := range m.shapes[v] {
		if c[f.role] == "" {
			continue
		}
		value := c[f.role]
		if f.kind == words {
			quoted, _ := json.Marshal(value) // a string always encodes
			value = string(quoted)
		}
		b.WriteString(", " + strconv.Quote(f.name) + ": " + value)
	}
	return raw{text: "{" + strings.TrimPrefix(b.String(), ", ") + "}", exists: true}
}

// decode reads a value with the first of the given versions that it fits, and tells which.
func (m Model) decode(r raw, versions []state.Version) (content, state.Version, bool) {
	tokens, ok := m.tokens(r)
	if !ok {
		return content{}, "", false
	}
	for _, v := range versions {
		if c, ok := fit(tokens, m.shapes[v], m.Type == state.Hash); ok {
			return c, v, true
		}
	}
	return content{}, "", false
}

// tokens returns the fields by name: as they stand in a hash, as JSON tokens of a string.
func (m Model) tokens(r raw) (map[string]string, bool) {
	if m.Type == state.Hash {
		return r.hash, r.hash != nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(r.text), &members) != nil || members == nil {
		return nil, false
	}
	tokens := make(map[string]string, len(members))
	for name, token := range members {
		tokens[name] = string(token)
	}
	return tokens, true
}

// fit reads tokens as a closed shape: every declared field, none beside them.
func fit(tokens map[string]string, shape []field, plain bool) (c content, ok bool) {
	found := 0
	for _, f := range shape {
		token, has := tokens[f.name]
		if !has {
			if f.optional {
				continue
			}
			return c, false
		}
		found++
		if c[f.role], ok = value(token, f.kind, plain); !ok {
			return c, false
		}
	}
	return c, found == len(tokens) && len(shape) > 0
}

// value reads one token: of a hash (plain), or of JSON.
func value(token string, k kind, plain bool) (string, bool) {
	switch {
	case k == integer:
		_, err := strconv.ParseInt(token, 10, 64)
		return token, err == nil
	case k == words && plain:
		return token, true
	case k == words:
		var s string
		err := json.Unmarshal([]byte(token), &s)
		return s, err == nil && strings.HasPrefix(token, `"`)
	default:
		var b bytes.Buffer
		err := json.Compact(&b, []byte(token))
		return b.String(), err == nil
	}
}

// convert is the application's own way from one version to the other.
func (m Model) convert(c content, from, to state.Version) content {
	switch {
	case (from == V1) == (to == V1):
		return c
	case from == V1:
		c[clock] = strconv.FormatInt(number(c[clock])/1000, 10)
		c[old], c[added] = "", m.fill
	default:
		c[clock] = strconv.FormatInt(number(c[clock])*1000, 10)
		c[added] = ""
	}
	return c
}

// number reads decimal text that decode has accepted, or that the application wrote.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// later tells whether a value that was written as c at version w may read as d at version v. Turned says
// that data may have moved both ways since it was written. The second result names what differs.
//
// No loss are the declared drop (old), the remainder of the division (clock) and the default (added), and
// only where a migration can have run: within one direction a value of its own version must be equal.
func (m Model) later(c content, w state.Version, d content, v state.Version, turned bool) (bool, string) {
	there := m.convert(c, w, v)
	if there == d {
		return true, ""
	}
	if w != V1 && v == V1 {
		// Taken back from the undo log: what the way back makes coarser is as it was before the upgrade, where nobody wrote it.
		finer := d
		finer[clock] = there[clock]
		if finer == there && m.convert(d, v, w)[clock] == c[clock] {
			return true, ""
		}
	}
	if w == v && turned {
		other := V2
		if v != V1 {
			other = V1
		}
		if m.convert(m.convert(c, v, other), other, v) == d {
			return true, ""
		}
	}
	var names []string
	for _, f := range m.shapes[v] {
		if there[f.role] != d[f.role] {
			names = append(names, f.name)
		}
	}
	return false, strings.Join(names, ", ")
}
