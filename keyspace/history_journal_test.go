package keyspace

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// histJournal is an undo log in memory, which knows when each pre-image became durable and is full now and then.
type histJournal struct {
	kind *histKind
	now  func() time.Duration

	late  bool // planted: Append returns before the images are durable
	lossy bool // planted: Append says nothing of a failure

	mu     sync.Mutex
	calls  int
	images []Preimage
	first  map[string]time.Duration // when each value of a unit was logged first
	byKey  map[string][]histImage
}

func newHistJournal(k *histKind, now func() time.Duration) *histJournal {
	return &histJournal{kind: k, now: now, first: map[string]time.Duration{}, byKey: map[string][]histImage{}}
}

var errFullDisk = errors.New("the disk of the undo log is full")

// Append keeps the pre-images; every seventh time there is no room.
func (j *histJournal) Append(_ context.Context, images []Preimage) error {
	images = lasting(images)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls++
	if j.calls%7 == 3 {
		if j.lossy {
			return nil
		}
		return errFullDisk
	}
	if j.late {
		go func() {
			time.Sleep(5 * time.Millisecond)
			j.mu.Lock()
			defer j.mu.Unlock()
			j.keep(images)
		}()
		return nil
	}
	j.keep(images)
	return nil
}

func (j *histJournal) keep(images []Preimage) {
	j.images = append(j.images, images...)
	for _, i := range images {
		value := j.kind.canon(rawOf(i.Before))
		j.byKey[i.Before.Key] = append(j.byKey[i.Before.Key], histImage{value, j.kind.canon(rawOf(i.After))})
		if _, known := j.first[value]; !known {
			j.first[value] = j.now()
		}
	}
}

// histImage is a pre-image in the kind's own text.
type histImage struct{ before, after string }

// of returns the pre-images of one key.
func (j *histJournal) of(key string) (out []histImage) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.byKey[key]
}

// has tells whether a value was in the log by a moment.
func (j *histJournal) has(value string, by time.Duration) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	at, known := j.first[value]
	return known && at <= by
}

// Images gives the pre-images back, the newest first.
func (j *histJournal) Images(_ context.Context, take func([]Preimage) error) error {
	j.mu.Lock()
	images := slices.Clone(j.images)
	j.mu.Unlock()
	slices.Reverse(images)
	for part := range slices.Chunk(images, 100) {
		if err := take(part); err != nil {
			return err
		}
	}
	return nil
}

// rawOf is a unit as a key that holds nothing else would be read.
func rawOf(u transform.Unit) histRaw {
	raw := histRaw{kind: "string", parts: []string{u.Text}}
	if u.IsHash() && (u.Type == "" || u.Type == state.Hash) {
		raw = histRaw{kind: "hash"}
		for _, f := range u.Fields {
			raw.parts = append(raw.parts, f.Name, f.Value)
		}
	}
	return raw
}
