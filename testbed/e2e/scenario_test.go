package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/rogpeppe/go-internal/testscript"

	"keyshift.dev/reconciler"
	"keyshift.dev/sandbox"
	"keyshift.dev/testbed"
)

func TestMain(m *testing.M) {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("6") // scenarios mostly wait: for pods that terminate, for throttled rewrites, for a window
	}
	os.Exit(m.Run())
}

// TestScenarios plays testdata/scenarios/*.txtar on a real API server, a real Redis and a real Git server, with the rights
// of config/rbac. Pods run the demo application: at the end of every scenario it must have lost no update and met no value
// that it cannot read. A scenario says
//
//	seed N                      N sessions and N carts at 1.0.0
//	deploy checkout R [progress S]  three pods of a release that Keyshift has not delivered; a rollout without progress is
//	                            stuck after S seconds
//	create delivery             of the repository; delete delivery waits until it is gone
//	commit FILE [with PART…]    pushes FILE of the scenario, system.cue and the parts of testdata/scenarios/system;
//	                            OPENS and CLOSES in it are times of the day between which a window is open, soon;
//	                            LATER and LATEST of one that is hours away
//	revert                      git revert of the last commit, pushed
//	reconcile                   asks for a reconciliation, and waits until it is over
//	force                       tries once more what failed
//	rollback to the one before  sets spec.rollback to the revision applied before the last; resume takes it away
//	approve [the superseded] as USER [by OTHER], reject as USER, edit plan as USER
//	helm sets R                 another manager applies the image of a release; helm hands over gives the images to Keyshift
//	mend image IMAGE            makes pods ready whose image has never-ready (it cannot be pulled) or never-healthy (its
//	                            pods run and do not become ready) in its name
//	turns                       the data may go both ways from now on, so that a value may have been through #up and #down
//	retired KEYSPACE            its units are gone, all of them, and stay so
//	await applied               the tip of the branch is applied
//	await ready TEXT            the Delivery is ready, and says TEXT
//	await reason REASON [TEXT]  it is not ready at the tip of the branch for that reason, and says TEXT
//	await middle of rewrite     some of the units, and not all, have been rewritten by a rewrite that goes on
//	await plans …, await release R, await data …   as want, before long
//	want plans 'PHASE [by USER]'…   the phases of all Plans, in any order, and who decided; want no plan
//	want steps FILE             those of FILE were done, in their order; want no step begun, want no step running
//	want release R              all pods run it
//	want data V                 every unit is at one version; mixed: each keyspace has units of several
//
// ada may approve plans, eve may change them but not approve. A verb with ! must be refused, with its last word in the
// refusal.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	plane := testbed.SharedKubernetes(t)
	install(t.Context(), t, plane)
	stages := map[string]string{} // namespaces by scenario
	var namespaces []string
	for _, f := range files {
		namespace := plane.Namespace(t)
		stages[strings.TrimSuffix(filepath.Base(f), ".txtar")] = namespace
		namespaces = append(namespaces, namespace)
		people(t, plane, namespace)
	}
	awaitAdmission(t, plane, namespaces[0])
	runController(t, reconciler.Options{
		Config: asController(plane.Config), Namespaces: namespaces, Concurrent: len(namespaces), State: t.TempDir(),
		Log: logger.Options{LogEncoding: "console", LogLevel: "error"},
	})
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(e *testscript.Env) error {
			tb := e.T().(testing.TB)
			_, name, _ := strings.Cut(tb.Name(), "/")
			s := newScenario(tb, plane, stages[name], e.WorkDir)
			e.Values["scenario"] = s
			e.Defer(s.check)
			return nil
		},
		Cmds: verbs(),
	})
}

// runController runs it until the test ends; it must then end without an error.
func runController(t *testing.T, o reconciler.Options) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reconciler.Run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with %v", err)
		}
	})
}

// words are what stands behind a verb.
type words []string

// cut returns what follows a beginning, if that is there.
func (w words) cut(beginning ...string) (rest words, found bool) {
	if len(w) < len(beginning) {
		return w, false
	}
	for i := range beginning {
		if w[i] != beginning[i] {
			return w, false
		}
	}
	return w[len(beginning):], true
}

// is tells whether these are all the words.
func (w words) is(all ...string) bool {
	rest, found := w.cut(all...)
	return found && len(rest) == 0
}

// first returns the first word, empty if there is none.
func (w words) first() string {
	if len(w) == 0 {
		return ""
	}
	return w[0]
}

// errWords says that a scenario says what no verb understands.
func errWords(w words) error {
	return fmt.Errorf("what is %q? TestScenarios lists what can be said", strings.Join(w, " "))
}

// verbs are the words of scenarios.
func verbs() map[string]func(*testscript.TestScript, bool, []string) {
	out := map[string]func(*testscript.TestScript, bool, []string){}
	for name, do := range map[string]func(*scenario, words) error{
		"seed": (*scenario).seed, "deploy": (*scenario).deploy, "create": (*scenario).create, "delete": (*scenario).delete,
		"commit": (*scenario).commit, "revert": (*scenario).revert, "reconcile": (*scenario).reconcile, "force": (*scenario).force,
		"rollback": (*scenario).rollback, "resume": (*scenario).resume, "approve": (*scenario).approve, "reject": (*scenario).reject,
		"edit": (*scenario).edit, "helm": (*scenario).helm, "mend": (*scenario).mend, "turns": (*scenario).turns, "retired": (*scenario).retired,
		"await": (*scenario).await, "want": (*scenario).want,
	} {
		out[name] = func(ts *testscript.TestScript, refused bool, args []string) {
			s := ts.Value("scenario").(*scenario)
			if !refused {
				if err := do(s, args); err != nil {
					ts.Fatalf("%v\n%s", err, s.describe())
				}
				return
			}
			if len(args) == 0 {
				ts.Fatalf("! takes what the refusal must say as its last word")
			}
			text := args[len(args)-1]
			if err := do(s, args[:len(args)-1]); err == nil || !strings.Contains(err.Error(), text) {
				ts.Fatalf("want a refusal with %q, got %v", text, err)
			}
		}
	}
	return out
}

// patience is how long a scenario waits for anything.
const patience = 3 * time.Minute

// until waits until nothing is wrong.
func until(ctx context.Context, what string, wrong func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := wrong()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not in time: %w", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
