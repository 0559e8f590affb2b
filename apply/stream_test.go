package apply_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestStream: whoever reads the stream learns of every step in its order, with what it counted.
func TestStream(t *testing.T) {
	w := embedded(t, 40)
	w.edges.Revision = "7f3c"
	o := w.mustDeliver(w.after, "2.0.0")
	told, err := w.edges.Stores["main"].Changes(t.Context(), "shop", 1000)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(told)
	var got, want []string
	for _, c := range told {
		if c.Kind == keyspace.ChangeBatch {
			continue
		}
		got = append(got, string(c.Kind)+" "+c.Step+" "+c.Component+c.Keyspace+" "+c.To)
		if c.Revision != "7f3c" || c.Plan == "" {
			t.Errorf("%+v", c)
		}
		if c.Kind == keyspace.ChangeEnded && c.Step == "rewrite" && (c.Rewritten != o.Rewritten() || len(c.Counts) == 0) {
			t.Errorf("%d were rewritten: %+v", o.Rewritten(), c)
		}
	}
	for _, step := range steps(o) {
		want = append(want, "started "+step, "ended "+step)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the stream tells %q, want %q", got, want)
	}
}

// TestStreamNamesPeople: the stream tells of every step who signed the commit and who approved the plan, and when.
func TestStreamNamesPeople(t *testing.T) {
	w := embedded(t, 40)
	asked := w.approve("")
	w.edges.Approval = state.ApprovalAlways
	if _, err := w.deliver(w.after); !blockedBy(err, apply.AwaitingApproval) {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 9, 0, 0, 123, time.FixedZone("there", 3600))
	w.approve((*asked)[0].Digest)
	w.edges.Signer = "Ada <ada@example.org> (PGP 00)"
	w.edges.Approver = func(step state.Digest) (string, time.Time) {
		if !slices.ContainsFunc((*asked)[0].Steps, func(s plan.Step) bool { return s.Digest == step }) {
			return "", time.Time{}
		}
		return "bob", at
	}
	w.mustDeliver(w.after, "2.0.0")
	told, err := w.edges.Stores["main"].Changes(t.Context(), "shop", 1000)
	if err != nil || len(told) < 2*len(upgrade) {
		t.Fatalf("%d changes, %v", len(told), err)
	}
	for _, c := range told {
		if c.Signer != w.edges.Signer || c.Kind != keyspace.ChangeBatch && (c.Approver != "bob" || !c.Approved.Equal(at.Truncate(time.Second))) {
			t.Errorf("%+v", c)
		}
	}
}

// TestStreamDenied: a user who may not write the stream is told once in each run, and the run goes on.
func TestStreamDenied(t *testing.T) {
	w := onRedis(t, 40)
	if err := w.client.Do(t.Context(), "acl", "setuser", "default", "-xadd").Err(); err != nil {
		t.Fatal(err)
	}
	w.mustDeliver(w.after, "2.0.0")
	unpublished, planned := 0, 0
	for _, e := range w.events {
		switch e.Kind {
		case apply.Planned:
			planned++
		case apply.Unpublished:
			unpublished++
			if refused, ok := errors.AsType[*keyspace.Error](e.Err); !ok || refused.Reason != keyspace.StoreDenied {
				t.Errorf("%v", e.Err)
			}
		}
	}
	if unpublished != 1 {
		t.Errorf("told %d times in %d plans", unpublished, planned)
	}
}
