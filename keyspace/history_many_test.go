package keyspace

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// The kinds whose keys hold many units, each of which is converted on its own.

// oneByOne returns every value with one of its parts converted, where some are to be.
func oneByOne(d histDoc, convert func(name, value string) (string, string, bool)) (next []string) {
	for _, name := range slices.Sorted(maps.Keys(d)) {
		n, v, ok := convert(name, d[name])
		if !ok {
			continue
		}
		c := maps.Clone(d)
		delete(c, name)
		c[n] = v
		next = append(next, c.String())
	}
	return next
}

// keep returns the world with a doc under a name; a key without parts is gone, and its TTL with it.
func (w histWorld) keep(slot int, d histDoc) histWorld {
	if len(d) == 0 {
		return w.with(slot, histNothing)
	}
	return w.set(slot, d)
}

// without returns a copy with one part less.
func (d histDoc) without(name string) histDoc {
	c := maps.Clone(d)
	delete(c, name)
	return c
}

// histMap is a hash whose entries are the units.
func histMap() histKind {
	entry := func(m *histMint, v state.Version) string {
		if v == histNew {
			return "2:" + m.name()
		}
		return m.name()
	}
	return histKind{
		name: "map", exact: true,
		spec: `{
			versions: "1.0.0": {keys: "flags:<id>", type: "hash", map: true, #value: {field: string, value: =~"^c"}}
			versions: "2.0.0": {keys: "flags:<id>", type: "hash", map: true, #value: {field: string, value: =~"^2:c"}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: value: "2:\(#old.value)", #down: value: strings.TrimPrefix(#new.value, "2:")}}`,
		key: func(_, i int) string { return "flags:" + strconv.Itoa(i) },
		fresh: func(m *histMint, v state.Version) string {
			d := histDoc{}
			for range 1 + m.rng.IntN(3) {
				d["f"+strconv.Itoa(m.rng.IntN(4))] = entry(m, v)
			}
			return d.String()
		},
		put: putHash, canon: canonHash,
		convert: func(value string, _, to state.Version) []string {
			return oneByOne(histParse(value), func(name, v string) (string, string, bool) { return prefixed(name, v, "2:", to) })
		},
		extra: []histMove{
			{24, func(c *histClient, i int) {
				hsetBlind(c, i, "f"+strconv.Itoa(c.rng.IntN(4)), entry(&c.mint, c.release()))
			}},
			{8, func(c *histClient, i int) { removePart(c, i, "HDEL", "f"+strconv.Itoa(c.rng.IntN(4))) }},
		},
	}
}

// prefixed adds or takes away the prefix of the newer version from a text.
func prefixed(name, text, prefix string, to state.Version) (string, string, bool) {
	rest, has := strings.CutPrefix(text, prefix)
	switch {
	case to == histNew && !has:
		return name, prefix + text, true
	case to == histOld && has:
		return name, rest, true
	}
	return "", "", false
}

// removePart takes one part of a key away by its name.
func removePart(c *histClient, i int, command, name string) {
	key := c.kind.key(0, i)
	c.do(i, command+" "+key+" "+name, func() (string, error) {
		n, err := c.redis.Do(histContext, command, key, name).Int64()
		return strconv.FormatInt(n, 10), err
	}, func(w histWorld) (histWorld, string) {
		d := histParse(w.items[0].value)
		if _, ok := d[name]; !ok {
			return w, "0"
		}
		return w.keep(0, d.without(name)), "1"
	})
}

// histSet is a set whose members are the units. Its text is a doc of members without values.
func histSet() histKind {
	member := func(m *histMint, v state.Version) string {
		if v == histNew {
			return "u:" + strconv.Itoa(m.next())
		}
		return strconv.Itoa(m.next())
	}
	return histKind{
		name: "set", exact: true,
		spec: `{
			versions: "1.0.0": {keys: "tags:<id>", type: "set", #value: =~"^[0-9]+$"}
			versions: "2.0.0": {keys: "tags:<id>", type: "set", #value: =~"^u:[0-9]+$"}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: "u:\(#old)", #down: strings.TrimPrefix(#new, "u:")}}`,
		key: func(_, i int) string { return "tags:" + strconv.Itoa(i) },
		fresh: func(m *histMint, v state.Version) string {
			d := histDoc{}
			for range 1 + m.rng.IntN(2) {
				d[member(m, v)] = ""
			}
			return d.String()
		},
		put: func(p redis.Pipeliner, key, value string) {
			for member := range histParse(value) {
				p.SAdd(histContext, key, member)
			}
		},
		canon: func(raw histRaw) string {
			d := histDoc{}
			for _, member := range raw.parts {
				d[member] = ""
			}
			return d.String()
		},
		convert: func(value string, _, to state.Version) []string {
			return oneByOne(histParse(value), func(name, _ string) (string, string, bool) {
				_, n, ok := prefixed("", name, "u:", to)
				return n, "", ok
			})
		},
		extra: []histMove{
			{10, func(c *histClient, i int) { addMember(c, i, member(&c.mint, c.release())) }},
			{22, removeSeen},
		},
	}
}

func addMember(c *histClient, i int, member string) {
	key := c.kind.key(0, i)
	c.do(i, "SADD "+key+" "+member, func() (string, error) {
		n, err := c.redis.SAdd(histContext, key, member).Result()
		return strconv.FormatInt(n, 10), err
	}, func(w histWorld) (histWorld, string) {
		d := histParse(w.items[0].value)
		if _, ok := d[member]; ok {
			return w, "0"
		}
		return w.keep(0, d.with(member, "")), "1"
	})
}

// removeSeen takes away a member that was there a moment ago, in the form that it had then.
func removeSeen(c *histClient, i int) {
	raws, err := glance(c.redis, c.kind.key(0, i))
	if err != nil || raws[0].kind == "none" {
		return // a read whose answer was lost shows nothing
	}
	d := histParse(c.kind.canon(raws[0]))
	names := slices.Sorted(maps.Keys(d))
	command := map[string]string{"set": "SREM", "zset": "ZREM"}[raws[0].kind]
	removePart(c, i, command, names[c.rng.IntN(len(names))])
}

// histSorted is a sorted set whose members are the units. Its text is a doc of members and their scores.
func histSorted() histKind {
	member := func(m *histMint, v state.Version) string {
		if v == histNew {
			return "u:" + strconv.Itoa(m.next())
		}
		return strconv.Itoa(m.next())
	}
	return histKind{
		name: "sorted set", exact: true,
		spec: `{
			versions: "1.0.0": {keys: "board:<id>", type: "zset", #value: {member: =~"^[0-9]+$", score: number}}
			versions: "2.0.0": {keys: "board:<id>", type: "zset", #value: {member: =~"^u:[0-9]+$", score: number}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: member: "u:\(#old.member)", #down: member: strings.TrimPrefix(#new.member, "u:")}}`,
		key: func(_, i int) string { return "board:" + strconv.Itoa(i) },
		fresh: func(m *histMint, v state.Version) string {
			d := histDoc{}
			for range 1 + m.rng.IntN(3) {
				d[member(m, v)] = strconv.Itoa(m.next())
			}
			return d.String()
		},
		put: func(p redis.Pipeliner, key, value string) {
			for member, score := range histParse(value) {
				p.Do(histContext, "ZADD", key, score, member)
			}
		},
		canon: canonPairs("zset"),
		convert: func(value string, _, to state.Version) []string {
			return oneByOne(histParse(value), func(name, score string) (string, string, bool) {
				_, n, ok := prefixed("", name, "u:", to)
				return n, score, ok
			})
		},
		extra: []histMove{
			{12, func(c *histClient, i int) { setScore(c, i, member(&c.mint, c.release())) }},
			{10, scoreSeen}, {12, removeSeen},
		},
	}
}

// canonPairs is the text of names and values in turn, of a key of one Redis type.
func canonPairs(kind string) func(histRaw) string {
	return func(raw histRaw) string {
		if raw.kind == kind {
			raw.kind = "hash"
		}
		return canonHash(raw)
	}
}

// setScore sets the score of a member, which may be new.
func setScore(c *histClient, i int, member string) {
	key, n := c.kind.key(0, i), strconv.Itoa(c.mint.next())
	c.do(i, fmt.Sprintf("ZADD %s %s %s", key, n, member), func() (string, error) {
		added, err := c.redis.Do(histContext, "ZADD", key, n, member).Int64()
		return strconv.FormatInt(added, 10), err
	}, func(w histWorld) (histWorld, string) {
		d := histParse(w.items[0].value)
		answer := "1"
		if _, ok := d[member]; ok {
			answer = "0"
		}
		return w.keep(0, d.with(member, n)), answer
	})
}

// scoreSeen changes the score of a member that was there a moment ago, only if it still is.
func scoreSeen(c *histClient, i int) {
	c.watch(i, 0, func(p redis.Pipeliner, key string, was histItem) (string, bool) {
		d := histParse(was.value)
		names := slices.Sorted(maps.Keys(d))
		member, n := names[c.rng.IntN(len(names))], strconv.Itoa(c.mint.next())
		p.Do(histContext, "ZADD", key, n, member)
		return d.with(member, n).String(), true
	})
}

// histElements is the text of a list.
type histElements []string

func (e histElements) String() string {
	text, _ := json.Marshal([]string(e)) // of strings alone
	return string(text)
}

func elementsIn(value string) (e histElements) {
	_ = json.Unmarshal([]byte(value), &e) // nothing has no elements
	return e
}

// histList is a list of JSON elements, which are the units.
func histList() histKind {
	element := func(m *histMint, v state.Version) string {
		if v == histNew {
			return fmt.Sprintf(`{"v":2,"kind":%q}`, m.name())
		}
		return fmt.Sprintf(`{"kind":%q}`, m.name())
	}
	return histKind{
		name: "list", exact: true,
		spec: `{
			versions: "1.0.0": {keys: "jobs:<id>", type: "list", encoding: "json", #value: {kind: string}}
			versions: "2.0.0": {keys: "jobs:<id>", type: "list", encoding: "json", #value: {v: 2, kind: string}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: v: 2, #down: {}}}`,
		key: func(_, i int) string { return "jobs:" + strconv.Itoa(i) },
		fresh: func(m *histMint, v state.Version) string {
			e := histElements{}
			for range 1 + m.rng.IntN(3) {
				e = append(e, compactJSON(element(m, v)))
			}
			return e.String()
		},
		put: func(p redis.Pipeliner, key, value string) {
			for _, e := range elementsIn(value) {
				p.RPush(histContext, key, e)
			}
		},
		canon: func(raw histRaw) string {
			e := histElements{}
			for _, text := range raw.parts {
				e = append(e, compactJSON(text))
			}
			return e.String()
		},
		convert: func(value string, _, to state.Version) (next []string) {
			e := elementsIn(value)
			for i, text := range e {
				d := membersOfJSON(text)
				_, is2 := d["v"]
				if is2 == (to == histNew) {
					continue
				}
				c := slices.Clone(e)
				c[i] = fmt.Sprintf(`{"kind":%s}`, d["kind"])
				if to == histNew {
					c[i] = compactJSON(fmt.Sprintf(`{"kind":%s,"v":2}`, d["kind"]))
				}
				next = append(next, c.String())
			}
			return next
		},
		extra: []histMove{
			{12, func(c *histClient, i int) { push(c, i, compactJSON(element(&c.mint, c.release()))) }}, {20, pop},
		},
	}
}

// membersOfJSON reads an object of JSON members.
func membersOfJSON(text string) map[string]string {
	var members map[string]json.RawMessage
	_ = json.Unmarshal([]byte(text), &members) // what is no object has no members
	out := map[string]string{}
	for name, value := range members {
		out[name] = string(value)
	}
	return out
}

// compactJSON is JSON without white space, its members sorted.
func compactJSON(text string) string {
	var v map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	out, _ := json.Marshal(v) // it was JSON
	return string(out)
}

// push appends an element.
func push(c *histClient, i int, element string) {
	key := c.kind.key(0, i)
	c.do(i, "RPUSH "+key+" "+element, func() (string, error) {
		n, err := c.redis.RPush(histContext, key, element).Result()
		return strconv.FormatInt(n, 10), err
	}, func(w histWorld) (histWorld, string) {
		e := append(slices.Clone(elementsIn(w.items[0].value)), element)
		return w.set(0, e), strconv.Itoa(len(e))
	})
}

// pop takes the first element, which moves all the others.
func pop(c *histClient, i int) {
	key := c.kind.key(0, i)
	c.do(i, "LPOP "+key, func() (string, error) {
		text, err := c.redis.LPop(histContext, key).Result()
		if err == redis.Nil {
			return "none", nil
		}
		return compactJSON(text), err
	}, func(w histWorld) (histWorld, string) {
		e := elementsIn(w.items[0].value)
		switch len(e) {
		case 0:
			return w, "none"
		case 1:
			return w.with(0, histNothing), e[0]
		}
		return w.set(0, e[1:]), e[0]
	})
}
