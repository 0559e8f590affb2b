package keyspace

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"keyshift.dev/state"
)

// The model of one key for the linearizability check (github.com/anishathalye/porcupine): what it holds under each of its
// names, and which rewrite is running. The rewrite is no operation of a client: while it runs, each unit may turn
// into its converted form once, atomically, at any moment between two operations. So a read of the converted form is legal
// only if the value before was convertible, a value is converted once, and nothing else may happen to it.

// histItem is what one name of a key holds.
type histItem struct {
	exists bool
	value  string // the kind's text of the contents, equal for equal contents
	expire int64  // PEXPIRETIME in milliseconds, -1 if it does not expire
}

var histNothing = histItem{}

func (i histItem) String() string {
	if !i.exists {
		return "nothing"
	}
	if i.expire < 0 {
		return i.value
	}
	return fmt.Sprintf("%s until %d", i.value, i.expire)
}

// histWorld is one state of the model.
type histWorld struct {
	items [2]histItem   // under the key's name in 1.0.0 and, where that differs, in 2.0.0
	to    state.Version // of the rewrite that runs; empty if none does
	undo  bool          // the rewrite that runs is a rollback to that version
}

func (w histWorld) String() string {
	text := w.items[0].String()
	if w.items[1].exists {
		text += " and " + w.items[1].String()
	}
	if w.to != "" {
		text += " (being brought to " + string(w.to) + ")"
	}
	return text
}

// with returns the world with another item under one of the names.
func (w histWorld) with(slot int, i histItem) histWorld {
	w.items[slot] = i
	return w
}

// histOp is one operation of a client on one key, or the begin or the end of a rewrite.
type histOp struct {
	Client int           `json:"client"`
	Key    int           `json:"key"`
	What   string        `json:"what"`
	Answer string        `json:"answer"`
	Lost   bool          `json:"lost,omitempty"` // the answer was lost: it was done or it was not
	Call   time.Duration `json:"call"`           // since the history began
	Return time.Duration `json:"return"`

	effect func(histWorld) (next histWorld, answer string)
}

// histRules is what the model has to know of a kind and of a run.
type histRules struct {
	began   int64                                     // Unix milliseconds of the history's zero
	steps   func(op *histOp, w histWorld) []histWorld // what the rewrite that runs may make of a world at once, one unit at a time
	pending func(w histWorld) bool                    // whether it still has to
}

// impossible is the answer of an effect that the world does not allow; no server gives it.
const impossible = "impossible"

// model returns porcupine's model of one key whose contents at the beginning are known.
func (r histRules) model(start histWorld) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{start} },
		Step: func(s, in, _ any) []any {
			op, next := in.(*histOp), []any(nil)
			for _, w := range r.reach(op, s.(histWorld)) {
				after, answer := op.effect(w)
				if op.Lost {
					next = append(next, w)
				}
				if op.Lost && answer != impossible || answer == op.Answer {
					next = append(next, after)
				}
			}
			return next
		},
		DescribeOperation: func(in, _ any) string { return in.(*histOp).What + " → " + in.(*histOp).Answer },
		DescribeState:     func(s any) string { return fmt.Sprint(s) },
	}
	return m.ToModel()
}

// expirySlack is how far the server's clock may stand behind ours when a command begins there, in milliseconds.
const expirySlack = 3

// reach returns the worlds that may be there when an operation happens: what has expired is gone, and each unit may have
// been converted.
func (r histRules) reach(op *histOp, w histWorld) []histWorld {
	all := []histWorld{w}
	for i := 0; i < len(all); i++ {
		next := r.expired(op, all[i])
		if all[i].to != "" {
			next = append(next, r.steps(op, all[i])...)
		}
		for _, n := range next {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return slices.DeleteFunc(all, func(w histWorld) bool { return r.overdue(op, w) })
}

// expired returns the worlds in which an item is gone that may have expired by the end of an operation.
func (r histRules) expired(op *histOp, w histWorld) (next []histWorld) {
	for slot, i := range w.items {
		if i.exists && i.expire >= 0 && r.began+op.Return.Milliseconds()+expirySlack >= i.expire {
			next = append(next, w.with(slot, histNothing))
		}
	}
	return next
}

// overdue tells whether an item is there that must have expired before an operation began.
func (r histRules) overdue(op *histOp, w histWorld) bool {
	return slices.ContainsFunc(w.items[:], func(i histItem) bool {
		return i.exists && i.expire >= 0 && r.began+op.Call.Milliseconds() > i.expire+expirySlack
	})
}

// begin is the moment from which on a rewrite may convert a key.
func histBegin(to state.Version, undo bool) func(histWorld) (histWorld, string) {
	return func(w histWorld) (histWorld, string) {
		w.to, w.undo = to, undo
		return w, "begun"
	}
}

// end is the moment from which on it may not. A rewrite that says that it is through has left nothing to do.
func (r histRules) end(through bool) func(histWorld) (histWorld, string) {
	return func(w histWorld) (histWorld, string) {
		if through && r.pending(w) {
			return w, impossible
		}
		w.to, w.undo = "", false
		return w, "ended"
	}
}

// check tells whether the operations on one key can have happened one after the other. Unknown is no yes.
func (r histRules) check(start histWorld, ops []*histOp, limit time.Duration) (porcupine.CheckResult, porcupine.Model, porcupine.LinearizationInfo) {
	history := make([]porcupine.Operation, len(ops))
	for i, op := range ops {
		history[i] = porcupine.Operation{
			ClientId: op.Client, Input: op, Output: op.Answer,
			Call: int64(op.Call), Return: int64(max(op.Return, op.Call+1)),
		}
	}
	m := r.model(start)
	result, info := porcupine.CheckOperationsVerbose(m, history, limit)
	return result, m, info
}
