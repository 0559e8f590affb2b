package reconciler

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/archive"
	"keyshift.dev/cluster"
	"keyshift.dev/gitsource"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// then is what follows an outcome.
type then string

// What may follow.
const (
	settled then = "settled" // Ready; look again after the interval
	retry   then = "retry"   // not Ready; again after the retry interval
	wait    then = "wait"    // not Ready, by no fault of anybody; again after the retry interval, or when what it waits for is there
	stall   then = "stall"   // not Ready, Stalled; again when the Delivery changes
	again   then = "again"   // still reconciling; again at once
)

// outcomes is the one table from reasons to what follows them. A reason that is not in it is a bug.
var outcomes = map[string]then{
	meta.ReconciliationSucceededReason: settled,

	v1alpha1.ReasonURLRefused:      stall,
	v1alpha1.ReasonRefRefused:      stall,
	v1alpha1.ReasonDeliveryInvalid: stall,
	v1alpha1.ReasonVerifyRefused:   stall,

	v1alpha1.ReasonInterrupted: again,
	v1alpha1.ReasonLedgerMoved: again,

	v1alpha1.ReasonGitUnreachable: retry,
	v1alpha1.ReasonGitAuth:        retry,
	v1alpha1.ReasonGitRefNotFound: retry,
	v1alpha1.ReasonGitEmpty:       retry,
	v1alpha1.ReasonGitProtocol:    retry,
	v1alpha1.ReasonTreeRefused:    retry,
	v1alpha1.ReasonTreeTooLarge:   retry,
	v1alpha1.ReasonSecretNotFound: retry,
	v1alpha1.ReasonSecretInvalid:  retry,

	v1alpha1.ReasonSignatureMissing: retry,
	v1alpha1.ReasonSignatureInvalid: retry,

	v1alpha1.ReasonSpecInvalid:       retry,
	v1alpha1.ReasonEvaluationTimeout: retry,
	v1alpha1.ReasonEvaluationMemory:  retry,
	v1alpha1.ReasonEvaluationOutput:  retry,
	v1alpha1.ReasonEvaluationFailed:  retry,
	v1alpha1.ReasonAccessDenied:      retry,

	v1alpha1.ReasonAddressInvalid:   retry,
	v1alpha1.ReasonStoreUnreachable: retry,
	v1alpha1.ReasonStoreLoading:     retry,
	v1alpha1.ReasonStoreReadOnly:    retry,
	v1alpha1.ReasonStoreFull:        retry,
	v1alpha1.ReasonStoreDenied:      retry,
	v1alpha1.ReasonStoreFailing:     retry,
	v1alpha1.ReasonStoreBusy:        retry,
	v1alpha1.ReasonStoreUnsupported: retry,
	v1alpha1.ReasonStoreRestarted:   retry,
	v1alpha1.ReasonStoreChanged:     retry,
	v1alpha1.ReasonStoreOwned:       retry,
	v1alpha1.ReasonStoreRefused:     retry,
	v1alpha1.ReasonKeyspaceHeld:     retry,
	v1alpha1.ReasonLeaseLost:        retry,
	v1alpha1.ReasonLedgerTooNew:     retry,
	v1alpha1.ReasonLedgerUnreadable: retry,
	v1alpha1.ReasonNotConverging:    retry,
	v1alpha1.ReasonReplicasBehind:   retry,
	v1alpha1.ReasonTransformRefused: retry,
	v1alpha1.ReasonMigrationMissing: retry,

	v1alpha1.ReasonStateMissing:      retry,
	v1alpha1.ReasonUnbearable:        retry,
	v1alpha1.ReasonStateInvalid:      retry,
	v1alpha1.ReasonStateUnreachable:  retry,
	v1alpha1.ReasonStateFull:         retry,
	v1alpha1.ReasonJournalFailed:     retry,
	v1alpha1.ReasonArchiveMissing:    retry,
	v1alpha1.ReasonArchiveIncomplete: retry,
	v1alpha1.ReasonArchiveDamaged:    retry,
	v1alpha1.ReasonArchiveTooNew:     retry,
	v1alpha1.ReasonArchiveForeign:    retry,

	v1alpha1.ReasonClusterUnreachable:  retry,
	v1alpha1.ReasonClusterRefused:      retry,
	v1alpha1.ReasonWorkloadUnsupported: retry,
	v1alpha1.ReasonClusterDenied:       retry,
	v1alpha1.ReasonRecordsDamaged:      retry,
	v1alpha1.ReasonRolloutStuck:        retry,
	v1alpha1.ReasonReplicasOwnedBy:     retry,

	v1alpha1.ReasonNoSafeOrder:     retry,
	v1alpha1.ReasonSearchLimit:     retry,
	v1alpha1.ReasonNotBuilt:        retry,
	v1alpha1.ReasonUnfitUnits:      retry,
	v1alpha1.ReasonStillUsed:       retry,
	v1alpha1.ReasonUnknownRelease:  retry,
	v1alpha1.ReasonUnknownImage:    retry,
	v1alpha1.ReasonImageOwnedBy:    retry,
	v1alpha1.ReasonWorkloadMissing: retry,
	v1alpha1.ReasonLeftStopped:     retry,
	v1alpha1.ReasonStoppedByOther:  retry,
	v1alpha1.ReasonStoreUndefined:  retry,
	v1alpha1.ReasonNoProgress:      retry,
	v1alpha1.ReasonNotReady:        retry,
	v1alpha1.ReasonWindowClosed:    wait,
	v1alpha1.ReasonGateClosed:      wait,
	v1alpha1.ReasonImageMissing:    retry,
	v1alpha1.ReasonSoakFailed:      retry,

	v1alpha1.ReasonAwaitingApproval: wait,
	v1alpha1.ReasonQuarantined:      wait,
	v1alpha1.ReasonRolledBack:       wait,

	v1alpha1.ReasonNotDrained: retry,
	v1alpha1.ReasonUnreadable: retry,
	v1alpha1.ReasonStepFailed: retry,
	v1alpha1.ReasonInternal:   retry,
}

// evaluations maps the codes of what is not the spec's own mistake to reasons: the sandbox's, and ours.
var evaluations = map[string]string{
	"eval-timeout": v1alpha1.ReasonEvaluationTimeout,
	"eval-memory":  v1alpha1.ReasonEvaluationMemory,
	"eval-output":  v1alpha1.ReasonEvaluationOutput,
	"eval-crashed": v1alpha1.ReasonEvaluationFailed,
	crossNamespace: v1alpha1.ReasonAccessDenied,
}

// crossNamespace is the code of a workload in a namespace that the Delivery may not touch.
const crossNamespace = "cross-namespace"

// errInterrupted ends a run because what it works for has changed.
var errInterrupted = errors.New("interrupted")

// pathError refuses the path of a Delivery.
type pathError struct{ path string }

// Error names the path.
func (e *pathError) Error() string {
	return fmt.Sprintf("spec.path %q is not a path inside the repository: write one relative to its root", e.path)
}

// errNotConverging says that a delivery ended although a step was left.
var errNotConverging = errors.New("observed again, it is not at what the revision says: something changes as fast as it is put right")

// unreadableError names releases that run and may meet units that they cannot read, where no step mends it.
type unreadableError struct{ broken []plan.Violation }

// Error names each release, keyspace and class.
func (e *unreadableError) Error() string {
	said := make([]string, len(e.broken))
	for i, v := range e.broken {
		said[i] = v.String()
	}
	return strings.Join(said, "; ")
}

// verdict is how an attempt ended.
type verdict struct {
	reason  string // of the conditions
	message string // at most 1 KiB, on one line, without secrets
	then    then
}

// judge turns an error into a verdict.
func judge(err error) verdict {
	reason, text := explain(err)
	next, known := outcomes[reason]
	if !known {
		reason, next = v1alpha1.ReasonInternal, retry
	}
	return verdict{reason: reason, message: tidy(text), then: next}
}

// names is what each error of the line is called, in the order in which they are looked for in an error's tree.
var names = []func(error) (reason string, found bool){
	is(errInterrupted, v1alpha1.ReasonInterrupted),
	as(evaluationReason),
	as(func(e *gitsource.Error) string { return string(e.Reason) }),
	as(secretReason),
	as(func(*pathError) string { return v1alpha1.ReasonDeliveryInvalid }),
	as(func(*unreadableError) string { return v1alpha1.ReasonUnreadable }),
	is(errNotConverging, v1alpha1.ReasonNotConverging),
	is(keyspace.ErrLedgerMoved, v1alpha1.ReasonLedgerMoved),
	as(func(e *keyspace.Error) string { return e.Reason }),
	as(func(e *archive.Error) string { return e.Reason }),
	as(func(*keyspace.HeldError) string { return v1alpha1.ReasonKeyspaceHeld }),
	as(func(e *cluster.Error) string { return e.Reason }),
	as(func(*cluster.StuckError) string { return v1alpha1.ReasonRolloutStuck }),
	as(func(*cluster.ImageOwnedError) string { return v1alpha1.ReasonImageOwnedBy }),
	as(func(*apply.BackError) string { return v1alpha1.ReasonRolledBack }),
	as(func(e *plan.BlockedError) string { return string(e.Blocked.Code) }),
	as(func(e *apply.HoldError) string { return e.Code }),
}

func is(target error, reason string) func(error) (string, bool) {
	return func(err error) (string, bool) { return reason, errors.Is(err, target) }
}

func as[E error](reason func(E) string) func(error) (string, bool) {
	return func(err error) (string, bool) {
		if e, ok := errors.AsType[E](err); ok {
			return reason(e), true
		}
		return "", false
	}
}

// explain names an error and says it.
func explain(err error) (reason, text string) {
	text = err.Error()
	if ds, ok := errors.AsType[state.Diagnostics](err); ok {
		text = sayDiagnostics(ds)
	}
	if held, ok := errors.AsType[*apply.HoldError](err); ok && held.Code == apply.StoreChanged {
		text += ": set the annotations " + v1alpha1.AdoptAnnotation + " and " + meta.ReconcileRequestAnnotation + " to one new value"
	}
	for _, name := range names {
		if reason, found := name(err); found {
			return reason, text
		}
	}
	return v1alpha1.ReasonStepFailed, text
}

func secretReason(e *SecretError) string {
	if e.Missing {
		return v1alpha1.ReasonSecretNotFound
	}
	return v1alpha1.ReasonSecretInvalid
}

func evaluationReason(ds state.Diagnostics) string {
	for _, d := range ds {
		if reason, ok := evaluations[d.Code]; ok {
			return reason
		}
	}
	return v1alpha1.ReasonSpecInvalid
}

// sayDiagnostics prints as many diagnostics as a condition holds, the first always, and how many it left out.
func sayDiagnostics(ds state.Diagnostics) string {
	const between, room = " | ", maxMessage - 64
	var b strings.Builder
	for i, d := range ds {
		s := d.String()
		if i > 0 && b.Len()+len(between)+len(s) > room {
			fmt.Fprintf(&b, " | and %d more: keyshift vet lists them", len(ds)-i)
			break
		}
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(clip(s, room))
	}
	return b.String()
}

// userinfo is the part of a URL that may hold a password. No error should have one; none leaves with one.
var userinfo = regexp.MustCompile(`://[^/@\s]*@`)

// tidy makes a text fit for a condition or an event.
func tidy(text string) string {
	return clip(userinfo.ReplaceAllString(text, "://…@"), maxMessage)
}
