package keyspace

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// lifetime is how long a key lives from now on to which a rule gives a time to live, in milliseconds; 0 if it gives none.
func lifetime(rule *state.TTL) int64 {
	switch {
	case rule == nil:
		return 0
	case rule.Set > 0:
		return rule.Set
	}
	return rule.Max
}

// agree fixes, before the pre-images of what is about to be written are appended, when the keys expire to which those
// writes give a time to live: by the server's clock, so that the undo log knows it to the millisecond and Undo can tell
// it from a time that the application set. It returns that time in Unix milliseconds, 0 if nothing is given.
func (r *rewrite) agree(ctx context.Context) (int64, error) {
	life := lifetime(r.rule)
	if life == 0 {
		return 0, nil
	}
	var at int64
	err := r.store.retry(ctx, func() error {
		now, err := r.store.client.Time(ctx).Result()
		at = now.UnixMilli() + life
		return err
	})
	return at, classify(ctx, r.store.name, "asking for the time", err)
}

// complete adds to the pre-images of a batch what only the server knows, and remembers the units.
func (r *rewrite) complete(ctx context.Context, batch []change, images []Preimage) error {
	at, err := r.agree(ctx)
	if err != nil {
		return err
	}
	for i := range batch {
		batch[i].given = at
	}
	for i := range images {
		images[i].GivenAt = at
	}
	r.remember(images)
	return r.askFades(ctx, images)
}

// stamped is a header (see rewrite.header) that says when keys expire that are given a time to live, where that is fixed.
func stamped(header []any, at int64) []any {
	flags, _ := header[1].(string)
	if at == 0 || !strings.Contains(flags, "T") {
		return header
	}
	header = slices.Clone(header)
	header[1] = flags + "G"
	return append(header, strconv.FormatInt(at, 10))
}

// lent tells when a key expires by what one of its rewrites gave it, and when it expired before, 0 if never then; both are
// 0 if it does not expire by that. Of a server that does not tell when a key expires the script finds that out.
func (x *undoing) lent(tells bool) (given, back int64) {
	if x.now.TTL <= 0 {
		return 0, 0
	}
	for _, p := range append([]Preimage{x.image}, x.older...) {
		switch {
		case p.GivenAt == 0:
		case given == 0 && (p.GivenAt == x.now.expireAt || !tells):
			given, back = p.GivenAt, p.expiredAt()
		case given != 0 && p.GivenAt == back:
			back = p.expiredAt()
		}
	}
	return given, back
}

// expiredAt is when the key is to expire once a time to live that was given is taken back, 0 if it is not. Where the
// write was not to give one, the application had taken its own away meanwhile.
func (p *Preimage) expiredAt() int64 {
	if p.SetTTL {
		return p.ExpireAt
	}
	return 0
}
