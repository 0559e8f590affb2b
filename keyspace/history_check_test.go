package keyspace

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/anishathalye/porcupine"
)

// finish reads every hot key a last time and checks the histories and what a history does not show.
func (r *histRun) finish(start []histWorld) {
	r.readAll()
	if !maps.Equal(r.strangers(), r.foreign) {
		r.fault("keys outside the keyspace were touched: %v, not %v", r.strangers(), r.foreign)
	}
	histories := make([][]*histOp, r.hot)
	for _, op := range r.marks {
		histories[op.Key] = append(histories[op.Key], op)
	}
	for _, c := range append(r.clients, r.driver) {
		if c.fault != "" {
			r.shows("%s", c.fault)
		}
		for _, op := range c.ops {
			histories[op.Key] = append(histories[op.Key], op)
		}
	}
	for i, ops := range histories {
		if n := len(ops) - 2*r.rewrites; n < histMinimum {
			r.shows("only %d operations on %s", n, r.kind.key(0, i))
		}
	}
	if r.rewritten == 0 || r.met == 0 {
		r.shows("%d units rewritten, %d of the writers' keys met in the other version", r.rewritten, r.met)
	}
	r.linearize(start, histories)
}

// linearize checks the history of every key, two at a time.
func (r *histRun) linearize(start []histWorld, histories [][]*histOp) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	room := make(chan struct{}, 2)
	for i, ops := range histories {
		wg.Go(func() {
			room <- struct{}{}
			result, m, info := r.rules().check(start[i], ops, histCheckTime)
			<-room
			if result == porcupine.Ok {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			kept := "not kept"
			if !r.forget {
				kept = keepHistory(start[i], ops, m, info)
			}
			r.fault("the history of %s is %s (%s)", r.kind.key(0, i), result, kept)
		})
	}
	wg.Wait()
}

// keepHistory writes a history that does not hold where people find it, once a run is over, and returns the folder.
func keepHistory(start histWorld, ops []*histOp, m porcupine.Model, info porcupine.LinearizationInfo) string {
	root := filepath.Join(os.TempDir(), "keyshift-history")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err.Error()
	}
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		return err.Error()
	}
	slices.SortFunc(ops, func(a, b *histOp) int { return int(a.Call - b.Call) })
	text, err := json.MarshalIndent(map[string]any{"start": start.String(), "operations": ops}, "", "\t")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "history.json"), text, 0o644)
	}
	if err == nil {
		err = porcupine.VisualizePath(m, info, filepath.Join(dir, "history.html"))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "stuck.txt"), []byte(stuck(start, m, ops, info)), 0o644)
	}
	if err != nil {
		return err.Error()
	}
	return dir
}

// stuck tells how far a history makes sense: the last operations of the longest order that holds, and those that it
// leaves out, of which none can come next.
func stuck(start histWorld, m porcupine.Model, ops []*histOp, info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, partition := range info.PartialLinearizationsOperations() {
		for _, order := range partition {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	var b strings.Builder
	left, s := map[*histOp]bool{}, m.Init()
	for _, op := range ops {
		left[op] = true
	}
	line := func(op *histOp) {
		fmt.Fprintf(&b, "%12d %12d  %d  %s → %s\n", op.Call, op.Return, op.Client, op.What, op.Answer)
	}
	fmt.Fprintln(&b, "start", start)
	for _, o := range longest {
		op := o.Input.(*histOp)
		delete(left, op)
		_, s = m.Step(s, op, o.Output)
		line(op)
		fmt.Fprintf(&b, "%28s %s\n", "", m.DescribeState(s))
	}
	fmt.Fprintln(&b, "none of these can follow:")
	for _, op := range ops {
		if left[op] {
			line(op)
		}
	}
	return b.String()
}

// count sums up what the writers did.
func (r *histRun) count() (ops, lost int) {
	for _, c := range r.clients {
		ops, lost = ops+len(c.ops), lost+c.lost
	}
	return ops, lost
}
