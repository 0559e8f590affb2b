package keyspace

import (
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// histHash is a hash with fields that are renamed, converted, dropped, new and carried.
func histHash() histKind {
	return histKind{
		name: "hash",
		spec: `{
			versions: "1.0.0": {keys: "session:<id>", type: "hash", #value: {user_id: int, name: string, created_ms: int, note: string, legacy?: string}}
			versions: "2.0.0": {keys: "session:<id>", type: "hash", #value: {user_id: int, full_name: string, created: int, note: string, plan: *"free" | "pro"}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _
				#up: {full_name: #old.name, created: div(#old.created_ms, 1000)}
				#down: {name: #new.full_name, created_ms: #new.created * 1000}
				drop: ["legacy"]}}`,
		key:     func(_, i int) string { return "session:" + strconv.Itoa(i) },
		fresh:   freshSession,
		put:     putHash,
		canon:   canonHash,
		convert: convertSession,
		extra: []histMove{
			{26, fieldOfFound}, {8, noteOfAny}, {2, fieldOfNext}, {6, fieldWatched},
		},
	}
}

func freshSession(m *histMint, v state.Version) string {
	n := m.next()
	d := histDoc{"user_id": strconv.Itoa(m.id), "note": m.name()}
	if v == histNew {
		d["full_name"], d["created"], d["plan"] = m.name(), strconv.Itoa(n), []string{"free", "pro"}[m.rng.IntN(2)]
		return d.String()
	}
	d["name"], d["created_ms"] = m.name(), strconv.Itoa(n*1000+n%1000)
	if m.rng.IntN(2) == 0 {
		d["legacy"] = m.name()
	}
	return d.String()
}

func convertSession(value string, _, to state.Version) []string {
	d := histParse(value)
	switch {
	case to == histNew && d.has([]string{"user_id", "name", "created_ms", "note"}, "legacy"):
		return []string{histDoc{
			"user_id": d["user_id"], "note": d["note"], "full_name": d["name"], "created": scaled(d["created_ms"], thousandth), "plan": "free",
		}.String()}
	case to == histOld && d.has([]string{"user_id", "full_name", "created", "note", "plan"}):
		return []string{histDoc{
			"user_id": d["user_id"], "note": d["note"], "name": d["full_name"], "created_ms": scaled(d["created"], thousandfold),
		}.String()}
	}
	return nil
}

// setFound sets one field or another, by which of two names the hash has: KEYS key; ARGV name, field, value, name, field, value.
var setFound = redis.NewScript(`
for i = 1, 4, 3 do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call('HSET', KEYS[1], ARGV[i + 1], ARGV[i + 2])
    return ARGV[i + 1]
  end
end
return 'none'`)

// sessionField draws a field of each version to change, renamed, converted, dropped or new, and a value of its own.
func sessionField(m *histMint) (v1, v1Value, v2, v2Value string) {
	switch m.rng.IntN(3) {
	case 0:
		name := m.name()
		return "name", name, "full_name", name
	case 1:
		n := m.next()
		return "created_ms", strconv.Itoa(n*1000 + n%1000), "created", strconv.Itoa(n)
	default:
		return "legacy", m.name(), "plan", []string{"free", "pro"}[m.rng.IntN(2)]
	}
}

// fieldOfFound sets one field of whichever version is there, in a script.
func fieldOfFound(c *histClient, i int) {
	v1, value1, v2, value2 := sessionField(&c.mint)
	key := c.kind.key(0, i)
	c.do(i, fmt.Sprintf("HSET %s %s %s, or %s %s", key, v1, value1, v2, value2), func() (string, error) {
		return setFound.Run(histContext, c.redis, []string{key}, "name", v1, value1, "full_name", v2, value2).Text()
	}, func(w histWorld) (histWorld, string) {
		d := histParse(w.items[0].value)
		if _, ok := d["name"]; ok {
			return w.set(0, d.with(v1, value1)), v1
		}
		if _, ok := d["full_name"]; ok {
			return w.set(0, d.with(v2, value2)), v2
		}
		return w, "none"
	})
}

// set returns the world with other contents under a name, and the item's TTL as it was; a new item does not expire.
func (w histWorld) set(slot int, d fmt.Stringer) histWorld {
	i := w.items[slot]
	if !i.exists {
		i.expire = -1
	}
	i.exists, i.value = true, d.String()
	return w.with(slot, i)
}

// hset is a single HSET without a look before.
func hsetBlind(c *histClient, i int, field, value string) {
	key := c.kind.key(0, i)
	c.do(i, fmt.Sprintf("HSET %s %s %s", key, field, value), func() (string, error) {
		n, err := c.redis.HSet(histContext, key, field, value).Result()
		return strconv.FormatInt(n, 10), err
	}, func(w histWorld) (histWorld, string) {
		d := histParse(w.items[0].value)
		answer := "1"
		if _, ok := d[field]; ok {
			answer = "0"
		}
		return w.set(0, d.with(field, value)), answer
	})
}

// noteOfAny sets a field that both versions have.
func noteOfAny(c *histClient, i int) { hsetBlind(c, i, "note", c.mint.name()) }

// fieldOfNext sets a field that only the release's own version has, whatever is there: in a hash of the other version
// it must survive all the same.
func fieldOfNext(c *histClient, i int) {
	if c.release() == histNew {
		hsetBlind(c, i, "plan", "pro")
		return
	}
	hsetBlind(c, i, "legacy", c.mint.name())
}

// fieldWatched sets one field of what it has read, if nothing was written since.
func fieldWatched(c *histClient, i int) {
	c.watch(i, 0, func(p redis.Pipeliner, key string, was histItem) (string, bool) {
		d := histParse(was.value)
		v1, value1, v2, value2 := sessionField(&c.mint)
		if _, ok := d["full_name"]; ok {
			v1, value1 = v2, value2
		} else if _, ok := d["name"]; !ok {
			return "", false
		}
		p.HSet(histContext, key, v1, value1)
		return d.with(v1, value1).String(), true
	})
}

// histTurned is a hash whose every field changes its name, so that none survives: who deletes first loses the key.
func histTurned() histKind {
	return histKind{
		name: "hash, every field renamed",
		spec: `{
			versions: "1.0.0": {keys: "turn:<id>", type: "hash", #value: {old: string, n: int}}
			versions: "2.0.0": {keys: "turn:<id>", type: "hash", #value: {new: string, m: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {new: #old.old, m: #old.n}, #down: {old: #new.new, n: #new.m}}}`,
		key:   func(_, i int) string { return "turn:" + strconv.Itoa(i) },
		exact: true,
		fresh: func(m *histMint, v state.Version) string {
			d := histDoc{"old": m.name(), "n": strconv.Itoa(m.next())}
			if v == histNew {
				d = histDoc{"new": d["old"], "m": d["n"]}
			}
			return d.String()
		},
		put:   putHash,
		canon: canonHash,
		convert: func(value string, _, to state.Version) []string {
			d := histParse(value)
			switch {
			case to == histNew && d.has([]string{"old", "n"}):
				return []string{histDoc{"new": d["old"], "m": d["n"]}.String()}
			case to == histOld && d.has([]string{"new", "m"}):
				return []string{histDoc{"old": d["new"], "n": d["m"]}.String()}
			}
			return nil
		},
		extra: []histMove{{30, turnFound}},
	}
}

// turnFound sets the text of whichever version is there.
func turnFound(c *histClient, i int) {
	key, text := c.kind.key(0, i), c.mint.name()
	c.do(i, "HSET "+key+" old or new "+text, func() (string, error) {
		return setFound.Run(histContext, c.redis, []string{key}, "old", "old", text, "new", "new", text).Text()
	}, func(w histWorld) (histWorld, string) {
		d := histParse(w.items[0].value)
		for _, name := range []string{"old", "new"} {
			if _, ok := d[name]; ok {
				return w.set(0, d.with(name, text)), name
			}
		}
		return w, "none"
	})
}
