package reconciler

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/gitsource"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestEveryReasonHasAnOutcome reads the constants of the packages below, so that a new one cannot be forgotten.
func TestEveryReasonHasAnOutcome(t *testing.T) {
	for _, source := range []struct{ file, constant string }{
		{"../gitsource/error.go", "Reason"},
		{"../keyspace/errors.go", ""},
		{"../apply/errors.go", ""},
		{"../archive/errors.go", ""},
		{"../cluster/errors.go", ""},
		{"../diff/diff.go", "Code"},
		{"../plan/plan.go", "Code"},
		{"../api/v1alpha1/reasons.go", ""},
	} {
		values := constants(t, source.file, source.constant)
		if len(values) == 0 {
			t.Errorf("%s declares no constants of type %q: the test no longer looks at the right place", source.file, source.constant)
		}
		for name, value := range values {
			if _, ok := outcomes[value]; !ok && !strings.HasPrefix(name, "Event") && !notReasons[name] {
				t.Errorf("%s: %s = %q has no outcome", source.file, name, value)
			}
		}
	}
}

// notReasons are constants of the same files that are no reasons of a condition.
var notReasons = map[string]bool{
	"HandOverAnnotation": true, "HandOverImages": true, "HandOverReplicas": true,
	"GitShallow": true, "NoRepository": true, "NoFolder": true, // of a repository on this machine, which the command line alone reads
	"DeadlineExceeded": true, "Paused": true, "TimedOut": true, // of a StuckError, which is RolloutStuck
}

// TestEveryOutcomeIsDeclared keeps reasons in the API, where users look for them.
func TestEveryOutcomeIsDeclared(t *testing.T) {
	declared := map[string]bool{meta.ReconciliationSucceededReason: true}
	for _, value := range constants(t, "../api/v1alpha1/reasons.go", "") {
		declared[value] = true
	}
	for reason, next := range outcomes {
		if !declared[reason] {
			t.Errorf("reason %s is not declared in the API", reason)
		}
		switch next {
		case settled, retry, wait, stall, again:
		default:
			t.Errorf("reason %s is followed by %q", reason, next)
		}
	}
}

// constants returns the string constants of a file that have the type, or none where it is empty.
func constants(t *testing.T, file, typ string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range f.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, s := range gen.Specs {
			spec := s.(*ast.ValueSpec)
			named, _ := spec.Type.(*ast.Ident)
			if (named == nil) != (typ == "") || named != nil && named.Name != typ {
				continue
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING && ast.IsExported(spec.Names[0].Name) {
				out[spec.Names[0].Name], _ = strconv.Unquote(lit.Value)
			}
		}
	}
	return out
}

func TestJudge(t *testing.T) {
	pos := state.Pos{File: "system.cue", Line: 12, Column: 3}
	for _, c := range []struct {
		name   string
		err    error
		reason string
		then   then
		text   string
	}{
		{"git", &gitsource.Error{Reason: gitsource.GitEmpty, Message: "no commit"}, v1alpha1.ReasonGitEmpty, retry, "no commit"},
		{"git scheme", &gitsource.Error{Reason: gitsource.URLRefused, Where: "file:///etc", Message: "scheme"}, v1alpha1.ReasonURLRefused, stall, "file:///etc"},
		{"secret", &SecretError{Name: "shop/git", Missing: true, Message: "not found"}, v1alpha1.ReasonSecretNotFound, retry, "shop/git"},
		{"secret key", fmt.Errorf("store main: %w", &SecretError{Name: "shop/redis", Message: "holds no password"}), v1alpha1.ReasonSecretInvalid, retry, "store main"},
		{"spec", state.Diagnostics{{Code: "conflict", Pos: pos, Message: "conflicting values 1 and 2"}}, v1alpha1.ReasonSpecInvalid, retry, "system.cue:12:3: conflicting values"},
		{"bomb", state.Diagnostics{{Code: "eval-timeout", Message: "took longer than 30s"}}, v1alpha1.ReasonEvaluationTimeout, retry, "30s"},
		{"memory", state.Diagnostics{{Code: "eval-memory", Message: "took more than 1 GiB"}}, v1alpha1.ReasonEvaluationMemory, retry, "1 GiB"},
		{"output", state.Diagnostics{{Code: "eval-output", Message: "more than 64 MiB"}}, v1alpha1.ReasonEvaluationOutput, retry, "64 MiB"},
		{"store", &keyspace.Error{Reason: keyspace.StoreLoading, Store: "main", Err: errors.New("it is loading")}, v1alpha1.ReasonStoreLoading, retry, "main"},
		{"held", fmt.Errorf("step: %w", &keyspace.HeldError{Keyspace: "session", Holder: "laptop"}), v1alpha1.ReasonKeyspaceHeld, retry, "laptop"},
		{"ledger", fmt.Errorf("step: %w", keyspace.ErrLedgerMoved), v1alpha1.ReasonLedgerMoved, again, "ledger"},
		{"hold", &apply.HoldError{Code: apply.StoreChanged, Reason: "emptied", WayOut: "adopt"}, v1alpha1.ReasonStoreChanged, retry, "adopt"},
		{"blocked", &plan.BlockedError{Blocked: plan.Blocked{Code: plan.NoSafeOrder, Reason: "1.4.0 could meet 2.0.0"}}, v1alpha1.ReasonNoSafeOrder, retry, "could meet"},
		{"unreadable", left(plan.Plan{Broken: []plan.Violation{{Component: "c", Release: "1", Keyspace: "k", Class: "2.0.0"}}}), v1alpha1.ReasonUnreadable, retry, "c 1 reads k"},
		{"interrupted", fmt.Errorf("%w: the Delivery was changed", errInterrupted), v1alpha1.ReasonInterrupted, again, "changed"},
		{"cluster", &cluster.Error{Reason: cluster.Refused, Object: "Deployment shop/checkout"}, v1alpha1.ReasonClusterRefused, retry, "shop/checkout"},
		{"stuck", &cluster.StuckError{Component: "checkout", Reason: cluster.TimedOut}, v1alpha1.ReasonRolloutStuck, retry, "checkout"},
		{"image owned", &cluster.ImageOwnedError{Component: "checkout", Manager: "helm"}, v1alpha1.ReasonImageOwnedBy, retry, "helm"},
		{"forbidden", requestError("Secret shop/git", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no"))), v1alpha1.ReasonClusterDenied, retry, "Secret shop/git"},
		{"api down", requestError("Secret shop/git", apierrors.NewServiceUnavailable("starting")), v1alpha1.ReasonClusterUnreachable, retry, "starting"},
		{"unknown", errors.New("what is this"), v1alpha1.ReasonStepFailed, retry, "what is this"},
		{"a reason that is not in the table", &keyspace.Error{Reason: "Novel", Err: errors.New("x")}, v1alpha1.ReasonInternal, retry, "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := judge(c.err)
			if v.reason != c.reason || v.then != c.then || !strings.Contains(v.message, c.text) {
				t.Errorf("judge(%v) = %+v, want %s, %s and %q in the message", c.err, v, c.reason, c.then, c.text)
			}
		})
	}
}

func TestMessagesAreBoundedAndTidy(t *testing.T) {
	long := make(state.Diagnostics, 40)
	for i := range long {
		long[i] = state.Diagnostic{Code: "conflict", Pos: state.Pos{File: "a.cue", Line: i + 1, Column: 1}, Message: strings.Repeat("é", 40)}
	}
	one := state.Diagnostics{{Code: "conflict", Message: strings.Repeat("€", 4000)}}
	for _, err := range []error{
		long, one, errors.New(strings.Repeat("é", 3000)),
		errors.New("dial redis://user:hunter2@redis:6379\n\x1b[31m: refused \xff"),
	} {
		m := judge(err).message
		if len(m) > maxMessage || !utf8.ValidString(m) || strings.ContainsAny(m, "\n\x1b") || strings.Contains(m, "hunter2") {
			t.Errorf("%d bytes: %q", len(m), m)
		}
	}
	if m := judge(long).message; !strings.HasPrefix(m, "a.cue:1:1: ") || !strings.Contains(m, "more: keyshift vet lists them") {
		t.Errorf("want the first diagnostics and how many are left out: %q", m)
	}
}
