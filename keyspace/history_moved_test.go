package keyspace

import (
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// The kinds whose keys get another name or another Redis type, and strings in other encodings than JSON.

// canonText is the text of a string as it is, of bytes too.
func canonText(raw histRaw) string {
	if raw.kind != "string" {
		return raw.String()
	}
	return histDoc{"text": strconv.Quote(raw.parts[0])}.String()
}

// textOf reads canonText back.
func textOf(value string) string {
	text, _ := strconv.Unquote(histParse(value)["text"])
	return text
}

func textValue(text string) string { return histDoc{"text": strconv.Quote(text)}.String() }

func putText(p redis.Pipeliner, key, value string) { p.Set(histContext, key, textOf(value), 0) }

// carried is the conversion of what keeps its value.
func carried(value string, _, _ state.Version) []string { return []string{value} }

// histText is a string whose text changes.
func histText() histKind {
	return histKind{
		name: "text", exact: true,
		spec: `{
			versions: "1.0.0": {keys: "lang:<id>", type: "string", encoding: "text", #value: =~"^[0-9]+$"}
			versions: "2.0.0": {keys: "lang:<id>", type: "string", encoding: "text", #value: =~"^n[0-9]+$"}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: "n\(#old)", #down: strings.TrimPrefix(#new, "n")}}`,
		key: func(_, i int) string { return "lang:" + strconv.Itoa(i) },
		fresh: func(m *histMint, v state.Version) string {
			if v == histNew {
				return textValue("n" + strconv.Itoa(m.next()))
			}
			return textValue(strconv.Itoa(m.next()))
		},
		put: putText, canon: canonText,
		convert: func(value string, _, to state.Version) []string {
			if _, text, ok := prefixed("", textOf(value), "n", to); ok {
				return []string{textValue(text)}
			}
			return nil
		},
		extra: []histMove{{20, replaceKey}},
	}
}

// histMsgpack is a msgpack map whose one member is renamed.
func histMsgpack() histKind {
	pack := func(name, text string) string {
		return "\x81" + string([]byte{0xa0 | byte(len(name))}) + name + string([]byte{0xa0 | byte(len(text))}) + text
	}
	return histKind{
		name: "msgpack", exact: true,
		spec: `{
			versions: "1.0.0": {keys: "blob:<id>", type: "string", encoding: "msgpack", #value: {name: string}}
			versions: "2.0.0": {keys: "blob:<id>", type: "string", encoding: "msgpack", #value: {full: string}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: full: #old.name, #down: name: #new.full}}`,
		key: func(_, i int) string { return "blob:" + strconv.Itoa(i) },
		fresh: func(m *histMint, v state.Version) string {
			return textValue(pack(map[state.Version]string{histOld: "name", histNew: "full"}[v], m.name()))
		},
		put: putText, canon: canonText,
		convert: func(value string, _, to state.Version) []string {
			from, into := "\x81\xa4name", "\x81\xa4full"
			if to == histOld {
				from, into = into, from
			}
			if rest, ok := strings.CutPrefix(textOf(value), from); ok {
				return []string{textValue(into + rest)}
			}
			return nil
		},
		extra: []histMove{{20, replaceKey}},
	}
}

// histRekeyed is a counter that gets another name. Its sum is a second check: every answer is the number before plus one.
func histRekeyed() histKind {
	return histKind{
		name: "counter with another name", exact: true, rekeyed: true,
		spec: `{
			versions: "1.0.0": {keys: "hits:<id>", type: "string", encoding: "text", #value: int}
			versions: "2.0.0": {keys: "count:<id>", type: "string", encoding: "text", #value: int}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: #old, #down: #new}}`,
		key:   func(slot, i int) string { return []string{"hits:", "count:"}[slot] + strconv.Itoa(i) },
		fresh: func(m *histMint, _ state.Version) string { return textValue(strconv.Itoa(m.next())) },
		put:   putText, canon: canonText, convert: carried,
		extra: []histMove{{30, increment}},
	}
}

// increment counts under the name of the release's version.
func increment(c *histClient, i int) {
	slot := c.kind.slot(c.release())
	key := c.kind.key(slot, i)
	c.do(i, "INCR "+key, func() (string, error) {
		n, err := c.redis.Incr(histContext, key).Result()
		return strconv.FormatInt(n, 10), err
	}, func(w histWorld) (histWorld, string) {
		n, _ := strconv.Atoi(textOf(w.items[slot].value)) // nothing counts as 0
		item := w.items[slot]
		if !item.exists {
			item.expire = -1
		}
		item.exists, item.value = true, textValue(strconv.Itoa(n+1))
		return w.with(slot, item), strconv.Itoa(n + 1)
	})
}

// histBytes is a string of bytes that gets another name.
func histBytes() histKind {
	return histKind{
		name: "raw with another name", exact: true, rekeyed: true,
		spec: `{
			versions: "1.0.0": {keys: "sealed:<id>", type: "string", encoding: "raw", #value: bytes}
			versions: "2.0.0": {keys: "vault:<id>", type: "string", encoding: "raw", #value: bytes}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: #old, #down: #new}}`,
		key:   func(slot, i int) string { return []string{"sealed:", "vault:"}[slot] + strconv.Itoa(i) },
		fresh: func(m *histMint, _ state.Version) string { return textValue("\x00\xff" + m.name()) },
		put:   putText, canon: canonText, convert: carried,
		extra: []histMove{{20, replaceKey}},
	}
}

// histRetyped is a JSON string that becomes a hash under another name of the same slot.
func histRetyped() histKind {
	return histKind{
		name: "json to hash", exact: true, rekeyed: true, retyped: true,
		spec: `{
			versions: "1.0.0": {keys: "{shop:<tenant>}:<id>", type: "string", encoding: "json", #value: {name: string, n: int}}
			versions: "2.0.0": {keys: "{shop:<tenant>}:h:<id>", type: "hash", #value: {name: string, m: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: m: #old.n, #down: n: #new.m}}`,
		key: func(slot, i int) string { return "{shop:acme}" + []string{":", ":h:"}[slot] + strconv.Itoa(i) },
		fresh: func(m *histMint, v state.Version) string {
			if v == histNew {
				return histDoc{"name": m.name(), "m": strconv.Itoa(m.next())}.String()
			}
			return histDoc{"name": strconv.Quote(m.name()), "n": strconv.Itoa(m.next())}.String()
		},
		put: func(p redis.Pipeliner, key, value string) {
			if strings.Contains(key, ":h:") {
				putHash(p, key, value)
				return
			}
			putJSON(p, key, value)
		},
		canon: func(raw histRaw) string {
			if raw.kind == "string" {
				return canonJSON(raw)
			}
			return canonHash(raw)
		},
		convert: func(value string, _, to state.Version) []string {
			d := histParse(value)
			switch {
			case to == histNew && d.has([]string{"name", "n"}):
				name, _ := strconv.Unquote(d["name"])
				return []string{histDoc{"name": name, "m": d["n"]}.String()}
			case to == histOld && d.has([]string{"name", "m"}):
				return []string{histDoc{"name": strconv.Quote(d["name"]), "n": d["m"]}.String()}
			}
			return nil
		},
		extra: []histMove{{20, replaceKey}},
	}
}
