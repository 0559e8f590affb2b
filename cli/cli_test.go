package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/gitsource"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// The starter tells how to change a shape in a comment. What it tells must work.
func TestStarterComment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Shop 2")
	var out bytes.Buffer
	if code := Run(t.Context(), Commands{}, []string{"init", dir}, &out, &out); code != exitDone {
		t.Fatalf("init exits %d: %s", code, &out)
	}
	spec := filepath.Join(dir, "spec.cue")
	b, err := os.ReadFile(spec)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for i, line := range lines {
		if code, ok := strings.CutPrefix(line, "\t// "); ok && !strings.HasPrefix(code, "To change") {
			lines[i] = "\t" + code
		}
	}
	changed := strings.Replace(strings.Join(lines, "\n"), `version: "1.0.0" //`, `version: "2.0.0" //`, 1)
	changed = strings.Replace(changed, `writes: "1.0.0"`, `writes: "2.0.0"`, 1)
	changed = strings.Replace(changed, `reads: ">=1.0.0 <2.0.0"`, `reads: ">=1.0.0 <3.0.0"`, 1)
	if err := os.WriteFile(spec, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	files, err := gitsource.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	desired, err := schema.Evaluate(files, ".")
	if err != nil {
		t.Fatalf("%v\n%s", err, changed)
	}
	if desired.System != "shop2" || len(desired.Keyspaces) != 1 || len(desired.Keyspaces[0].Tests) != 1 {
		t.Fatalf("got %+v", desired)
	}
	if err := transform.RunTest(desired.Keyspaces[0], desired.Keyspaces[0].Tests[0]); err != nil {
		t.Error(err)
	}
}

func TestErrorsAsLinesAndCodes(t *testing.T) {
	ds := state.Diagnostics{{Code: "cycle", Pos: state.Pos{File: "a.cue", Line: 1, Column: 2}, Message: "a cycle"}}
	store := &keyspace.Error{Reason: keyspace.StoreFull, Store: "main", Hint: "free memory", Err: errors.New("it is full")}
	err := errors.Join(
		fmt.Errorf("evaluate: %w", ds),
		fmt.Errorf("rewrite session: %w", store),
		&apply.HoldError{Code: apply.StoreChanged, Reason: "another store", WayOut: "take it as it is with adopt"},
		&plan.BlockedError{Blocked: plan.Blocked{Code: plan.NoSafeOrder}},
		&gitsource.Error{Reason: gitsource.TreeRefused, Where: "x", Message: "is a link"},
		&keyspace.HeldError{Keyspace: "session"},
		context.Canceled,
		errors.New("one\ntwo"),
	)
	want := []string{"cycle", "StoreFull", "StoreChanged", "NoSafeOrder", "TreeRefused", "LeaseHeld", "Interrupted", "error"}
	got := diagnose(err)
	if len(got) != len(want) {
		t.Fatalf("got %d diagnostics: %v", len(got), got)
	}
	for i := range want {
		if got[i].Code != want[i] {
			t.Errorf("%d: code is %s, want %s", i, got[i].Code, want[i])
		}
	}
	for _, d := range got[1:] {
		if strings.Contains(d.Message, d.Code) && d.Code != "error" || d.Hint != "" && strings.Contains(d.Message, d.Hint) {
			t.Errorf("the message repeats the code or the hint: %+v", d)
		}
	}
	if got[1].Message != `rewrite session: store "main": it is full` || got[1].Hint != "free memory" {
		t.Errorf("what wraps an error is lost: %+v", got[1])
	}
	if got[2].Hint != "take it as it is with --adopt" {
		t.Errorf("the way out is no flag: %+v", got[2])
	}
	lines := strings.Split(strings.TrimSuffix(plain(err), "\n"), "\n")
	if lines[0] != "a.cue:1:2: a cycle (cycle)" {
		t.Errorf("a diagnostic prints as %q", lines[0])
	}
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, "keyshift: ") {
			t.Errorf("line without the program's name: %q", line)
		}
	}
	if last := lines[len(lines)-2:]; last[0] != "keyshift: one" || last[1] != "keyshift: two" {
		t.Errorf("lines of one error: %q", last)
	}
}

func TestAddresses(t *testing.T) {
	stores := []state.Store{{Name: "main"}, {Name: "jobs"}}
	c := connection{overrides: []string{"main=redis://:p=w@h/0", "jobs=redis://j"}}
	got, err := c.addresses(stores)
	if err != nil || got["main"] != "redis://:p=w@h/0" || got["jobs"] != "redis://j" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range [][]string{{"main"}, {"=x"}, {"main="}, {"other=x"}, {"main=a", "main=b"}, {"redis://:s3cret@h/0"}} {
		c.overrides = bad
		if _, err := c.addresses(stores); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: error is %v", bad, err)
		}
	}
}

// The copy of the ledgers belongs to a place, whoever logs in there.
func TestScope(t *testing.T) {
	stores := []state.Store{{Name: "main", Address: "redis://h:1/0"}}
	same := scope(stores, map[string]string{"main": "redis://ada:s3cret@h:1/0"})
	if scope(stores, nil) != same || strings.Contains(same, "s3cret") {
		t.Errorf("scope is %q with credentials and %q without", same, scope(stores, nil))
	}
	if scope(stores, map[string]string{"main": "redis://h:1/1"}) == same {
		t.Error("another database has the same scope")
	}
}

func TestStateFolder(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	for _, test := range []struct{ flag, xdg, want string }{
		{"/x", "/y", "/x"}, {"file:///x", "/y", "/x"}, {"s3://bucket", "/y", "/y/keyshift"}, {"", "/y", "/y/keyshift"}, {"", "relative", "/home/ada/.local/state/keyshift"}, {"", "", "/home/ada/.local/state/keyshift"},
	} {
		t.Setenv("XDG_STATE_HOME", test.xdg)
		c := connection{state: test.flag}
		if got, err := c.stateFolder(); err != nil || got != test.want {
			t.Errorf("%+v: got %s, %v", test, got, err)
		}
	}
}

func TestLocate(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"a/cue.mod", "a/b/c"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	for dir, want := range map[string]location{
		"a":         {filepath.Join(root, "a"), ".", "a", "a"},
		"a/b/c":     {filepath.Join(root, "a"), "b/c", "a", "a/b/c"},
		"a/../a/b/": {filepath.Join(root, "a"), "b", "a", "a/../a/b/"},
	} {
		if got, err := locate(dir); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", dir, got, err, want)
		}
	}
	t.Chdir(filepath.Join(root, "a", "b"))
	if got, err := locate("."); err != nil || got.dir != "b" || got.at(state.Pos{File: "b/x.cue"}).File != filepath.Join(root, "a", "b", "x.cue") {
		t.Errorf("from below the root: %+v, %v", got, err)
	}
	if _, err := locate(root); err == nil {
		t.Error("a folder in no module is accepted")
	}
	if _, err := locate("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}

// A terminal sees one line a step, written over; the last state of each line stays.
func TestProgressOnATerminal(t *testing.T) {
	var out bytes.Buffer
	p := &progress{output: &output{format: "text", out: &out}, live: true}
	for _, e := range delivery() {
		p.event(e)
	}
	p.end()
	var seen []string
	for line := range strings.Lines(out.String()) {
		parts := strings.Split(strings.TrimRight(line, "\n"), "\r\x1b[K")
		seen = append(seen, parts[len(parts)-1])
	}
	want := []string{
		"1/2 rewrite session 1.0.0 → 2.0.0  done: 20 units at 2.0.0, 1 that fit no version; 20 rewritten, 2 conflicts retried",
		"2/2 verify session 2.0.0  failed",
	}
	if tail := seen[len(seen)-2:]; tail[0] != want[0] || tail[1] != want[1] {
		t.Errorf("got %q, want %q", tail, want)
	}
	if !strings.Contains(out.String(), "12 of about 20 units, 11 rewritten, 1 conflict retried") {
		t.Errorf("no progress in %q", out.String())
	}
}

// Programs get one JSON object an event.
func TestProgressAsJSON(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&output{format: "json", out: &out})
	for _, e := range delivery() {
		p.event(e)
	}
	p.end()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(delivery()) {
		t.Fatalf("%d lines for %d events: %s", len(lines), len(delivery()), &out)
	}
	for i, line := range lines {
		var e struct {
			Kind  apply.EventKind
			Index *int
			Error string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Kind != delivery()[i].Kind {
			t.Errorf("line %d is %s (%v)", i, line, err)
		}
		if e.Kind == apply.Failed && (e.Error == "" || *e.Index != 1) {
			t.Errorf("line %d is %s", i, line)
		}
	}
}

// delivery is the events of a delivery whose second step fails.
func delivery() []apply.Event {
	rewrite := plan.Step{Kind: plan.Rewrite, Object: "session", From: []string{"1.0.0"}, To: "2.0.0", Digest: "sha256:2"}
	verify := plan.Step{Kind: plan.Verify, Object: "session", To: "2.0.0", Digest: "sha256:1"}
	p := plan.Plan{System: "shop", Digest: "sha256:2", Steps: []plan.Step{rewrite, verify}}
	done := &keyspace.Outcome{Rewritten: 20, Conflicts: 2, Counts: []state.Count{{Class: "2.0.0", Units: 20}, {Class: state.Unfit, Units: 1}}}
	return []apply.Event{
		{Kind: apply.Planned, Plan: p},
		{Kind: apply.Started, Plan: p, Step: rewrite},
		{Kind: apply.Progressed, Plan: p, Step: rewrite, Rewrite: &keyspace.Progress{Scanned: 12, Rewritten: 11, Conflicts: 1, Estimate: 20}},
		{Kind: apply.Ended, Plan: p, Step: rewrite, Outcome: done},
		{Kind: apply.Started, Plan: p, Index: 1, Step: verify},
		{Kind: apply.Failed, Plan: p, Index: 1, Step: verify, Err: errors.New("the store is gone")},
	}
}
