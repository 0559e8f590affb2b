package keyspace

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// fadingKeys is how INFO tells of a database how many of its hashes have fields that expire by themselves (Redis 7.4,
// Valkey 9).
var fadingKeys = []string{"subexpiry", "keys_with_volatile_items"}

// fades tells whether the database has a hash whose fields may expire by themselves. It does where the server does not
// tell. Info is INFO keyspace.
func fades(info string, database int) bool {
	for line := range strings.Lines(info) {
		fields, ours := strings.CutPrefix(strings.TrimSpace(line), "db"+strconv.Itoa(database)+":")
		if !ours {
			continue
		}
		for pair := range strings.SplitSeq(fields, ",") {
			if name, count, _ := strings.Cut(pair, "="); slices.Contains(fadingKeys, name) {
				return count != "0"
			}
		}
	}
	return true
}

// askFades asks for when the fields of pre-images expire by themselves. It is asked for after they were read: what the
// application sets in the meantime is logged, and what it sets after this, on a field that is dropped then, is lost.
func (r *rewrite) askFades(ctx context.Context, images []Preimage) error {
	hashes := slices.ContainsFunc(images, func(p Preimage) bool { return kindIn(p.Before) == state.Hash })
	if !r.store.fading || !hashes {
		return nil
	}
	err := r.store.retry(ctx, func() error {
		info, err := r.store.client.Info(ctx, "keyspace").Result()
		if err != nil || !fades(info, r.store.client.Options().DB) {
			return err
		}
		return r.takeFades(ctx, images)
	})
	return classify(ctx, r.store.name, "asking when fields expire", err)
}

func (r *rewrite) takeFades(ctx context.Context, images []Preimage) error {
	pipe, asked := r.store.client.Pipeline(), make([]*redis.IntSliceCmd, len(images))
	for i := range images {
		if b := &images[i].Before; kindIn(*b) == state.Hash && len(b.Fields) > 0 {
			asked[i] = pipe.HPExpireTime(ctx, b.Key, fieldNames(*b)...)
		}
	}
	if _, err := pipe.Exec(ctx); unknown(err) {
		return err
	}
	for i, cmd := range asked {
		if cmd == nil {
			continue
		}
		times, err := cmd.Result()
		if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") {
			continue // it is another one now, and will not be written
		}
		if err != nil {
			return err
		}
		images[i].Expires = nil
		for n, at := range times {
			if at > 0 && n < len(images[i].Before.Fields) {
				images[i].Expires = append(images[i].Expires, FieldExpiry{Name: images[i].Before.Fields[n].Name, At: at})
			}
		}
	}
	return nil
}

// expires returns when fields of a unit that is restored expired by themselves: those that do not take that over from
// what they are made of now.
func (x *undoing) expires(c *change) (out []FieldExpiry) {
	known := map[string]int64{}
	for _, p := range slices.Backward(append([]Preimage{x.image}, x.older...)) {
		for _, f := range p.Before.Fields {
			delete(known, f.Name)
		}
		for _, e := range p.Expires {
			known[e.Name] = e.At
		}
	}
	if len(known) == 0 || kindIn(c.after) != state.Hash {
		return nil
	}
	written := c.edit.Set
	if kindIn(c.before) != state.Hash { // made anew
		written = c.after.Fields
	}
	for _, f := range written {
		if at := known[f.Name]; at > 0 && c.source(f.Name) == "" {
			out = append(out, FieldExpiry{Name: f.Name, At: at})
		}
	}
	return out
}

// alone is what the script is told of one unit that is taken back by itself.
func (u *undo) alone(x *restoring) []any {
	flags := u.flags()
	if x.given != 0 {
		flags += "R"
	}
	if len(x.expires) > 0 {
		flags += "E"
	}
	header := u.headerOf(flags, x.back, x.given)
	if len(x.expires) == 0 {
		return header
	}
	header = append(header, strconv.Itoa(len(x.expires)))
	for _, e := range x.expires {
		header = append(header, e.Name, strconv.FormatInt(e.At, 10))
	}
	return header
}

// byItself tells whether a unit needs a call of its own, because that says what only this one gets back.
func (x *restoring) byItself() bool { return x.given != 0 || len(x.expires) > 0 }

func fieldNames(u transform.Unit) []string {
	out := make([]string, len(u.Fields))
	for i, f := range u.Fields {
		out[i] = f.Name
	}
	return out
}
