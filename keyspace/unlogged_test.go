package keyspace

import (
	"context"
	"testing"

	"keyshift.dev/state"
)

// TestNothingIsLostWithoutALog: without an undo log a rewrite that may lose something is refused before its first write.
// The ways from the classes that are expected count; a unit of another one is refused when it is met.
func TestNothingIsLostWithoutALog(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx, st := context.Background(), open(t, s)
		fill(t, s.client, 5)
		before := snapshot(t, s.client)
		k := three(sessions())
		l := acquire(t, st, "session")
		job := Job{Keyspace: k, To: "2.0.0", ID: "there"}
		o, err := st.Rewrite(ctx, l, job, nil)
		wantReason(t, err, StateMissing)
		if o.Rewritten != 0 {
			t.Errorf("%+v", o)
		}
		_, err = st.Discard(ctx, l, job, nil)
		wantReason(t, err, StateMissing)
		job.From = []state.Class{"1.5.0"} // the way from there is exact
		_, err = st.Rewrite(ctx, l, job, nil)
		wantReason(t, err, StateMissing)
		compareMaps(t, before, snapshot(t, s.client))
		s.client.Del(ctx, "session:0", "session:1", "session:2", "session:3", "session:4")
		s.client.HSet(ctx, "session:7", "user_id", 1, "title", "Ada", "created", 5, "note", "n", "plan", "pro")
		if o, err = st.Rewrite(ctx, l, job, nil); err != nil || o.Rewritten != 1 || !o.Clean("2.0.0") {
			t.Errorf("an exact way: %+v, %v", o, err)
		}
	})
}

// three is sessions with a version between, from which the way to the newest is exact.
func three(k state.Keyspace) state.Keyspace {
	middle := k.Shapes[1]
	middle.Version = "1.5.0"
	middle.Value = object(append([]state.Field{field("title", text)}, without(middle.Value.Alts[0].Fields, "full_name")...)...)
	k.Shapes = []state.Shape{k.Shapes[0], middle, k.Shapes[1]}
	there, back := k.Migrations[0], state.Migration{From: "1.5.0", To: "2.0.0"}
	kept := []state.FieldExpr{carry("user_id"), carry("note"), carry("created"), carry("plan")}
	back.Up = program(append(kept, set("full_name", path("title")))...)
	back.Down = program(append(kept, set("title", path("full_name")))...)
	k.Migrations = []state.Migration{there, back}
	return k
}

func without(fields []state.Field, name string) (out []state.Field) {
	for _, f := range fields {
		if f.Name != name {
			out = append(out, f)
		}
	}
	return out
}

// TestUnloggedMerge: what Undo would merge and may not come back is left to the rewrite behind it, where there is no log.
func TestUnloggedMerge(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx, st, k := context.Background(), open(t, s), sessions()
		l := acquire(t, st, k.Name)
		s.client.HSet(ctx, "session:1", "user_id", 1, "full_name", "Ada", "created", 5, "note", "n", "plan", "pro")
		log := &memoryLog{}
		if _, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "1.0.0", ID: "back", Journal: log}, nil); err != nil {
			t.Fatal(err)
		}
		s.client.HSet(ctx, "session:1", "name", "Bob", "created_ms", 5123)
		before := snapshot(t, s.client)
		o, err := st.Undo(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "there"}, log, nil)
		if err != nil || o.Conflicts != 1 || len(o.Samples) != 1 || o.Merged+o.Restored != 0 {
			t.Errorf("%+v, %v", o, err)
		}
		compareMaps(t, before, snapshot(t, s.client))
	})
}

// TestSupersededNeedsALog: what gives way to what the application wrote under the new name is not deleted unlogged, even
// where the way is exact.
func TestSupersededNeedsALog(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx, st := context.Background(), open(t, s)
		k := evaluated(t, `{
			versions: "1.0.0": {keys: "k:<id>", type: "string", encoding: "json", #value: {n: int}}
			versions: "2.0.0": {keys: "kk:<id>", type: "string", encoding: "json", #value: {m: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: m: #old.n, #down: n: #new.m}}`)
		s.client.Set(ctx, "k:1", `{"n":1}`, 0)
		s.client.Set(ctx, "kk:1", `{"m":2}`, 0)
		before := everything(t, s.client)
		_, err := st.Rewrite(ctx, acquire(t, st, k.Name), Job{Keyspace: k, To: "2.0.0", ID: "there"}, nil)
		wantReason(t, err, StateMissing)
		compareMaps(t, before, everything(t, s.client))
	})
}
