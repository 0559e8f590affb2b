package archive

import (
	"encoding/binary"
	"errors"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// errPayload tells that a payload is no entry and no pre-image. Its checksum holds, so it was written like that.
var errPayload = errors.New("the record cannot be decoded")

// Flags of an entry and of a pre-image.
const (
	flagContinues = 1 << iota
	flagSetTTL
	flagReplaced
	flagSameKey // After has the key of Before
	flagGivenAt // GivenAt follows ExpireAt
)

func appendString(to []byte, s string) []byte {
	to = binary.AppendUvarint(to, uint64(len(s)))
	return append(to, s...)
}

// appendEntry appends the payload of an entry.
func appendEntry(to []byte, e *keyspace.Entry) []byte {
	flags := byte(0)
	if e.Continues {
		flags |= flagContinues
	}
	to = append(to, flags)
	to = appendString(to, e.Key)
	to = appendString(to, string(e.Type))
	to = binary.AppendVarint(to, e.ExpireAt)
	to = appendString(to, e.Text)
	to = binary.AppendUvarint(to, uint64(len(e.Fields)))
	for i := range e.Fields {
		f := &e.Fields[i]
		to = appendString(to, f.Name)
		to = appendString(to, f.Value)
		to = binary.AppendVarint(to, f.ExpireAt)
	}
	to = appendStrings(to, e.Elements)
	to = binary.AppendUvarint(to, uint64(len(e.Members)))
	for i := range e.Members {
		to = appendString(to, e.Members[i].Member)
		to = appendString(to, e.Members[i].Score)
	}
	to = binary.AppendUvarint(to, uint64(len(e.Messages)))
	for i := range e.Messages {
		to = appendString(to, e.Messages[i].ID)
		to = appendStrings(to, e.Messages[i].Values)
	}
	to = appendString(to, e.LastID)
	to = binary.AppendUvarint(to, uint64(len(e.Groups)))
	for i := range e.Groups {
		to = appendString(to, e.Groups[i].Name)
		to = appendString(to, e.Groups[i].LastID)
	}
	return to
}

func appendStrings(to []byte, list []string) []byte {
	to = binary.AppendUvarint(to, uint64(len(list)))
	for _, s := range list {
		to = appendString(to, s)
	}
	return to
}

// appendPreimage appends the payload of a pre-image.
func appendPreimage(to []byte, p *keyspace.Preimage) []byte {
	flags := byte(0)
	if p.SetTTL {
		flags |= flagSetTTL
	}
	if p.Replaced {
		flags |= flagReplaced
	}
	if p.Before.Key == p.After.Key {
		flags |= flagSameKey
	}
	if p.GivenAt != 0 {
		flags |= flagGivenAt
	}
	to = append(to, flags)
	to = appendString(to, p.Keyspace)
	to = appendString(to, p.Job)
	to = appendString(to, string(p.From))
	to = appendString(to, string(p.To))
	to = appendString(to, p.Before.Key)
	if flags&flagSameKey == 0 {
		to = appendString(to, p.After.Key)
	}
	to = appendUnit(to, &p.Before)
	to = appendUnit(to, &p.After)
	to = binary.AppendVarint(to, p.ExpireAt)
	if p.GivenAt != 0 {
		to = binary.AppendVarint(to, p.GivenAt)
	}
	to = binary.AppendUvarint(to, uint64(len(p.Expires)))
	for i := range p.Expires {
		to = appendString(to, p.Expires[i].Name)
		to = binary.AppendVarint(to, p.Expires[i].At)
	}
	return to
}

// appendUnit appends a unit without its key.
func appendUnit(to []byte, u *transform.Unit) []byte {
	to = appendString(to, string(u.Type))
	to = appendString(to, u.Text)
	to = binary.AppendVarint(to, u.TTL)
	to = binary.AppendUvarint(to, uint64(len(u.Fields)))
	for i := range u.Fields {
		to = appendString(to, u.Fields[i].Name)
		to = appendString(to, u.Fields[i].Value)
	}
	return to
}

// decoder takes a payload apart. After the first thing that is not there it gives zeros, and err says so.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail() {
	d.rest, d.err = nil, errPayload
}

func (d *decoder) flags() byte {
	if len(d.rest) == 0 {
		d.fail()
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) number() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// count reads how many things follow, each of which takes at least so many bytes: no payload can ask for more memory
// than is in proportion to it.
func (d *decoder) count(each int) int {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > uint64((len(d.rest)-size)/each) {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return int(n)
}

func (d *decoder) text() string {
	n := d.count(1)
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) texts() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.text()
	}
	return list
}

// end returns the error of the payload, also if something is left of it.
func (d *decoder) end() error {
	if d.err == nil && len(d.rest) > 0 {
		d.fail()
	}
	return d.err
}

// decodeEntry reads what appendEntry wrote. Nothing of the payload is kept.
func decodeEntry(payload []byte) (keyspace.Entry, error) {
	d := decoder{rest: payload}
	flags := d.flags()
	e := keyspace.Entry{Continues: flags&flagContinues != 0}
	e.Key, e.Type = d.text(), state.Redis(d.text())
	e.ExpireAt, e.Text = d.number(), d.text()
	if n := d.count(3); n > 0 {
		e.Fields = make([]keyspace.EntryField, n)
		for i := range e.Fields {
			e.Fields[i] = keyspace.EntryField{Name: d.text(), Value: d.text(), ExpireAt: d.number()}
		}
	}
	e.Elements = d.texts()
	if n := d.count(2); n > 0 {
		e.Members = make([]keyspace.Member, n)
		for i := range e.Members {
			e.Members[i] = keyspace.Member{Member: d.text(), Score: d.text()}
		}
	}
	if n := d.count(2); n > 0 {
		e.Messages = make([]keyspace.Message, n)
		for i := range e.Messages {
			e.Messages[i] = keyspace.Message{ID: d.text(), Values: d.texts()}
		}
	}
	e.LastID = d.text()
	if n := d.count(2); n > 0 {
		e.Groups = make([]keyspace.Group, n)
		for i := range e.Groups {
			e.Groups[i] = keyspace.Group{Name: d.text(), LastID: d.text()}
		}
	}
	return e, d.end()
}

// decodePreimage reads what appendPreimage wrote. Nothing of the payload is kept.
func decodePreimage(payload []byte) (keyspace.Preimage, error) {
	d := decoder{rest: payload}
	flags := d.flags()
	p := keyspace.Preimage{SetTTL: flags&flagSetTTL != 0, Replaced: flags&flagReplaced != 0}
	p.Keyspace, p.Job = d.text(), d.text()
	p.From, p.To = state.Version(d.text()), state.Version(d.text())
	before := d.text()
	after := before
	if flags&flagSameKey == 0 {
		after = d.text()
	}
	p.Before, p.After = d.unit(before), d.unit(after)
	p.ExpireAt = d.number()
	if flags&flagGivenAt != 0 {
		p.GivenAt = d.number()
	}
	if n := d.count(2); n > 0 {
		p.Expires = make([]keyspace.FieldExpiry, n)
		for i := range p.Expires {
			p.Expires[i] = keyspace.FieldExpiry{Name: d.text(), At: d.number()}
		}
	}
	return p, d.end()
}

func (d *decoder) unit(key string) transform.Unit {
	u := transform.Unit{Key: key, Type: state.Redis(d.text()), Text: d.text(), TTL: d.number()}
	if n := d.count(2); n > 0 {
		u.Fields = make([]transform.Field, n)
		for i := range u.Fields {
			u.Fields[i] = transform.Field{Name: d.text(), Value: d.text()}
		}
	}
	return u
}
