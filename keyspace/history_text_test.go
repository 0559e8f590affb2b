package keyspace

import (
	"strconv"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// histJSON is a JSON string with members that are renamed, converted, dropped, new and carried.
func histJSON() histKind {
	return histKind{
		name: "json string",
		spec: `{
			versions: "1.0.0": {keys: "cart:<id>", type: "string", encoding: "json", #value: {owner: int, name: string, cents: int, legacy?: string}}
			versions: "2.0.0": {keys: "cart:<id>", type: "string", encoding: "json", #value: {owner: int, label: string, total: int, v: 2}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _
				#up: {label: #old.name, total: #old.cents * 1000, v: 2}
				#down: {name: #new.label, cents: div(#new.total, 1000)}
				drop: ["legacy"]}}`,
		key: func(_, i int) string { return "cart:" + strconv.Itoa(i) },
		fresh: func(m *histMint, v state.Version) string {
			d := histDoc{"owner": strconv.Itoa(m.id)}
			name, n := strconv.Quote(m.name()), m.next()
			if v == histNew {
				d["label"], d["total"], d["v"] = name, strconv.Itoa(n*1000+n%1000), "2"
				return d.String()
			}
			d["name"], d["cents"] = name, strconv.Itoa(n)
			if m.rng.IntN(2) == 0 {
				d["legacy"] = strconv.Quote(m.name())
			}
			return d.String()
		},
		put:   putJSON,
		canon: canonJSON,
		convert: func(value string, _, to state.Version) []string {
			d := histParse(value)
			switch {
			case to == histNew && d.has([]string{"owner", "name", "cents"}, "legacy"):
				return []string{histDoc{"owner": d["owner"], "label": d["name"], "total": scaled(d["cents"], thousandfold), "v": "2"}.String()}
			case to == histOld && d.has([]string{"owner", "label", "total", "v"}):
				return []string{histDoc{"owner": d["owner"], "name": d["label"], "cents": scaled(d["total"], thousandth)}.String()}
			}
			return nil
		},
		extra: []histMove{{20, memberWatched}, {10, textBlind}},
	}
}

// memberWatched changes one member of what it has read, if nothing was written since.
func memberWatched(c *histClient, i int) {
	c.watch(i, 0, func(p redis.Pipeliner, key string, was histItem) (string, bool) {
		d := histParse(was.value)
		for _, name := range []string{"name", "label"} {
			if _, ok := d[name]; ok {
				next := d.with(name, strconv.Quote(c.mint.name())).String()
				p.Set(histContext, key, spellJSON(next), redis.KeepTTL)
				return next, true
			}
		}
		return "", false
	})
}

// textBlind writes a whole value over whatever is there and keeps its TTL.
func textBlind(c *histClient, i int) {
	v := c.release()
	slot := c.kind.slot(v)
	key, value := c.kind.key(slot, i), c.kind.fresh(&c.mint, v)
	c.do(i, "SET "+key+" "+value+" KEEPTTL", func() (string, error) {
		p := c.redis.TxPipeline()
		p.SetArgs(histContext, key, spellJSON(value), redis.SetArgs{KeepTTL: true})
		_, err := p.Exec(histContext)
		return "OK", err
	}, func(w histWorld) (histWorld, string) { return w.set(slot, histParse(value)), "OK" })
}
