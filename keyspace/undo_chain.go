package keyspace

import (
	"context"
	"time"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

const (
	undoBatch = 200      // pre-images that are read and written at once
	chainRoom = 64 << 20 // bytes of pre-images that are held while the older ones of their units are looked for
)

// UndoLogs are the undo logs of several rewrites of a keyspace as one, the newest first.
type UndoLogs []UndoLog

// Images calls take with the pre-images of all of them, the newest first.
func (u UndoLogs) Images(ctx context.Context, take func([]Preimage) error) error {
	for _, log := range u {
		if err := log.Images(ctx, take); err != nil {
			return err
		}
	}
	return nil
}

// scans takes back a log: in one scan, where every pre-image is of the job's version. The others wait for the older ones
// of their units, as many as there is room for; those for which there was none are taken up by the next scan.
func (u *undo) scans(ctx context.Context, log UndoLog, room int) error {
	for start := int64(0); start >= 0; {
		c := &chains{undo: u, room: room, start: start, next: -1, near: map[string]bool{}, met: map[string]bool{}, open: map[string][]*undoing{}}
		if err := log.Images(ctx, func(images []Preimage) error { return c.take(ctx, images) }); err != nil {
			return err
		}
		if err := c.flush(ctx); err != nil {
			return err
		}
		for len(c.heads) > 0 {
			var batch []undoing
			for _, x := range c.heads[:min(undoBatch, len(c.heads))] {
				batch = append(batch, *x)
			}
			c.heads = c.heads[len(batch):]
			if err := u.rounds(ctx, batch); err != nil {
				return err
			}
		}
		start = c.next
	}
	return nil
}

// chains is one scan of an undo log. It puts each pre-image behind the newer one that found what it had made.
type chains struct {
	*undo
	room  int   // bytes that may be held
	start int64 // the pre-images before this one were taken up by earlier scans
	next  int64 // where the next scan starts, -1 if none is needed
	at    int64 // of the next pre-image

	direct []undoing             // to be taken back by themselves
	near   map[string]bool       // units of these
	heads  []*undoing            // the newest of each chain
	met    map[string]bool       // units of the heads
	open   map[string][]*undoing // chains that do not reach the job's version yet, by what their oldest was made of
}

// take takes some pre-images, the newest first.
func (c *chains) take(ctx context.Context, images []Preimage) error {
	for i := range images {
		at := c.at
		c.at++
		image := &images[i]
		if image.Keyspace != c.job.Keyspace.Name {
			continue
		}
		if _, ok := c.goal.programs.Path(image.From, c.job.To); !ok {
			continue
		}
		id := unitID(image.After)
		if c.extend(id, image, at) || at < c.start || c.next >= 0 || c.met[id] {
			continue
		}
		if c.near[id] { // the newer one goes first: it would be the older value that is written last
			if err := c.flush(ctx); err != nil {
				return err
			}
		}
		switch {
		case image.Replaced:
			c.out.Superseded++ // seen once: the second time it is of the version
		case image.From == c.job.To:
			c.near[id] = kindIn(image.After) != state.List // equal elements are so many pre-images
			if c.direct = append(c.direct, undoing{image: *image}); len(c.direct) == undoBatch {
				if err := c.flush(ctx); err != nil {
					return err
				}
			}
		default:
			c.begin(id, image, at)
		}
	}
	c.tellSeen(int64(len(images)))
	return nil
}

// begin holds a pre-image until the older ones of its unit are found.
func (c *chains) begin(id string, image *Preimage, at int64) {
	x := &undoing{image: *image}
	c.heads = append(c.heads, x)
	c.met[id] = kindIn(image.After) != state.List
	made := unitID(image.Before)
	c.open[made] = append(c.open[made], x)
	c.hold(image, at)
}

// hold notes that a pre-image is kept in memory, and ends the taking up of others where there is no more room.
func (c *chains) hold(image *Preimage, at int64) {
	if c.room -= 256 + imageBytes(&image.Before) + imageBytes(&image.After); c.room <= 0 && c.next < 0 {
		c.next = at + 1
	}
}

func imageBytes(u *transform.Unit) int { return len(u.Key) + textBytes(*u) + 48*len(u.Fields) }

// extend puts a pre-image behind the newer one that found what it had made, and tells whether there is one.
func (c *chains) extend(id string, image *Preimage, at int64) bool {
	waiting := c.open[id]
	if len(waiting) == 0 {
		return false
	}
	x := waiting[0]
	last := &x.image
	if n := len(x.older); n > 0 {
		last = &x.older[n-1]
	}
	if last.From != image.To {
		return false
	}
	if c.open[id] = waiting[1:]; len(waiting) == 1 {
		delete(c.open, id)
	}
	if image.Replaced { // what the newer one found the application had written itself
		if at >= c.start {
			c.out.Superseded++
		}
		return true
	}
	x.older = append(x.older, *image)
	if image.From != c.job.To {
		made := unitID(image.Before)
		c.open[made] = append(c.open[made], x)
	}
	c.hold(image, at)
	return true
}

// flush takes back what was collected.
func (c *chains) flush(ctx context.Context) error {
	err := c.rounds(ctx, c.direct)
	c.direct = c.direct[:0]
	clear(c.near)
	return err
}

// tellSeen reports how far the reading is, now and then.
func (u *undo) tellSeen(n int64) {
	u.seen += n
	if u.report != nil && time.Since(u.reported) >= reportEvery {
		u.reported = time.Now()
		u.report(Progress{Scanned: u.seen, Rewritten: u.out.Restored + u.out.Merged, Conflicts: u.out.Conflicts})
	}
}
