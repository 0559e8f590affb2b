package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"keyshift.dev/state"
)

// The journal decides whether an acknowledged write was lost.
//
// Every write intends a successor of the value it read: it has the next number of its key, and a token that
// no other write has. Both stand in the value itself ("Ada r7 w4711"). The intent is recorded before the
// command is sent and its outcome after, so for any read this holds, if nothing was lost:
//
//   - what is read has at least the number of the last write acknowledged before the read began;
//   - it is an intended write that was not refused, and its fields are the written ones, converted if the
//     data was migrated since;
//   - no two writes of a key with one number are acknowledged: the second would have read, and replaced,
//     a value from before the first.
type journal struct {
	tokens atomic.Int64
	turns  atomic.Int64 // how often the direction of migration may have changed
	unread atomic.Int64

	mu       sync.Mutex
	keys     map[string]*history
	seen     map[string]bool // findings by kind, key and number
	findings []Finding
}

// history is all that was done to one key.
type history struct {
	life   sync.Mutex // held over a removal or a creation: those of one key come one at a time
	mu     sync.Mutex
	last   mark // acknowledged
	top    int64
	gone   int64 // the highest number of a removal that happened or may have
	expire int64 // absolute, milliseconds; 0 for none
	writes map[int64]*write
}

// mark names one operation on a key.
type mark struct{ number, token int64 }

// write is one intended value.
type write struct {
	mark
	version state.Version
	content content
	turn    int64
	removal bool
	refused bool
}

// Finding is one thing the application found wrong. It holds no value.
type Finding struct {
	Kind   string // lost, changed, phantom, missing, resurrected, overwritten, expiry
	Key    string
	Detail string
}

// String prints the finding on one line.
func (f Finding) String() string { return fmt.Sprintf("%s %s: %s", f.Kind, f.Key, f.Detail) }

func newJournal() *journal {
	return &journal{keys: map[string]*history{}, seen: map[string]bool{}}
}

func (j *journal) of(key string) *history {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.keys[key]
	if h == nil {
		h = &history{writes: map[int64]*write{}}
		j.keys[key] = h
	}
	return h
}

// find records a finding, one of a kind for each write of a key.
func (j *journal) find(kind, key string, number int64, detail string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	id := kind + " " + key + " " + strconv.FormatInt(number, 10)
	if j.seen[id] {
		return
	}
	j.seen[id] = true
	j.findings = append(j.findings, Finding{kind, key, detail})
}

// found returns the findings so far, sorted.
func (j *journal) found() []Finding {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := slices.Clone(j.findings)
	slices.SortFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Detail, b.Detail))
	})
	return out
}

// floor returns the last operation acknowledged so far: no later read may be older.
func (h *history) floor() mark {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// intend records a write that is about to be sent, as number, or as the next unused one if that is zero.
// The mark of the write is put into the text of its content.
func (j *journal) intend(h *history, number int64, v state.Version, c content, removal bool) *write {
	h.mu.Lock()
	defer h.mu.Unlock()
	if number == 0 {
		number = h.top + 1
	}
	h.top = max(h.top, number)
	w := &write{mark: mark{number, j.tokens.Add(1)}, version: v, turn: j.turns.Load(), removal: removal}
	c[text] = signed(c[text], w.mark)
	w.content = c
	h.writes[w.token] = w
	if removal {
		h.gone = max(h.gone, number)
	}
	return w
}

// acknowledge records that a write was executed.
func (j *journal) acknowledge(h *history, key string, w *write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.number == h.last.number && w.token != h.last.token {
		j.find("overwritten", key, w.number, fmt.Sprintf("two writes with number %d were acknowledged, so one of them is lost", w.number))
	}
	if w.number > h.last.number {
		h.last = w.mark
	}
	if w.removal {
		h.expire = 0
	}
}

// refuse records that a write was not executed, and will never be.
func (j *journal) refuse(h *history, w *write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.refused = true
	if !w.removal {
		return
	}
	h.gone = 0
	for _, x := range h.writes {
		if x.removal && !x.refused {
			h.gone = max(h.gone, x.number)
		}
	}
}

// absent checks a read that found no key.
func (j *journal) absent(h *history, key string, floor mark) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if floor.number == 0 || h.gone >= floor.number {
		return true
	}
	j.find("missing", key, floor.number, fmt.Sprintf("write %d was acknowledged and not removed, and the key is gone", floor.number))
	return false
}

// present checks a read that found a value.
func (j *journal) present(m Model, h *history, key string, floor mark, c content, v state.Version) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := signature(c[text])
	w := h.writes[at.token]
	switch {
	case w == nil || w.mark != at || w.refused || w.removal:
		j.find("phantom", key, at.number, "the value is none that the application wrote")
	case at.number < floor.number && h.writes[floor.token] != nil && h.writes[floor.token].removal:
		j.find("resurrected", key, floor.number, fmt.Sprintf("removed by %d, and write %d is back", floor.number, at.number))
	case at.number < floor.number || (at.number == floor.number && at.token != floor.token):
		j.find("lost", key, floor.number, fmt.Sprintf("write %d was acknowledged, and write %d is there", floor.number, at.number))
	default:
		ok, names := m.later(w.content, w.version, c, v, w.turn < j.turns.Load())
		if !ok {
			j.find("changed", key, at.number, fmt.Sprintf("write %d of version %s reads differently at %s in %s", at.number, w.version, v, names))
		}
		return ok
	}
	return false
}

// signed puts a write's mark behind the words of a text.
func signed(s string, m mark) string {
	base, _, _ := strings.Cut(s, " r")
	return fmt.Sprintf("%s r%d w%d", base, m.number, m.token)
}

// signature reads the mark back; it is zero if there is none.
func signature(s string) mark {
	_, tail, _ := strings.Cut(s, " r")
	number, token, _ := strings.Cut(tail, " w")
	n, err1 := strconv.ParseInt(number, 10, 64)
	t, err2 := strconv.ParseInt(token, 10, 64)
	if err1 != nil || err2 != nil {
		return mark{}
	}
	return mark{n, t}
}
