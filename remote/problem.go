package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Problem is what went wrong, and what to do. Its texts are harmless on a terminal.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`

	err error // may be nil
}

func problem(code, hint, format string, args ...any) *Problem {
	return &Problem{Code: clean(code), Message: clean(fmt.Sprintf(format, args...)), Hint: clean(hint)}
}

// Error says what happened and what to do.
func (p *Problem) Error() string {
	if p.Hint == "" {
		return p.Message
	}
	return p.Message + "; " + p.Hint
}

// Parts are the code, what happened, and what to do.
func (p *Problem) Parts() (code, message, hint string) { return p.Code, p.Message, p.Hint }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.err }

// reported is an error that stands in the object that was printed.
type reported struct{ error }

// Reported tells that nobody needs to print it.
func (reported) Reported() bool { return true }

// asProblem is an error as programs get it.
func asProblem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return problem("error", "", "%v", err)
}

// The codes of what goes wrong on the way to the cluster.
const (
	codeForbidden   = "Forbidden"
	codeUnreachable = "ClusterUnreachable"
)

// explain says what an error of the API server means to whoever asked for something: a verb of a resource, and the name of
// one, if any.
func (p place) explain(err error, verb, resource, name string) error {
	what := strings.TrimSpace(verb + " " + resource + " " + name)
	var refused apierrors.APIStatus
	var out *Problem
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case apierrors.IsForbidden(err):
		out = p.forbidden(err, verb, resource)
	case apierrors.IsUnauthorized(err):
		out = problem("Unauthorized", "log in again, and look with: kubectl auth whoami", "the API server at %s does not know who asks: %v", p.server, err)
	case undefined(err):
		out = problem("NotInstalled", "install Keyshift: kubectl apply -k config; or name another cluster with --context",
			"the cluster at %s has no %s", p.server, resource)
	case errors.As(err, &refused):
		out = problem("Refused", "", "%s in namespace %s: %v", what, p.namespace, err)
	default:
		out = problem(codeUnreachable, "look with: kubectl cluster-info; or name another cluster with --context", "%s: the API server at %s cannot be reached: %v", what, p.server, err)
		if verb == "patch" {
			out.Hint = "whether it was taken is not known: look before you ask again"
		}
	}
	out.err = err
	return out
}

// undefined tells whether the API server does not know the resource at all.
func undefined(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// forbidden names the right that is missing.
func (p place) forbidden(err error, verb, resource string) *Problem {
	said := err.Error()
	right := fmt.Sprintf("it takes the verb %s on %s in namespace %s", verb, resource, p.namespace)
	if _, why, byPolicy := strings.Cut(said, "denied request: "); byPolicy {
		return problem(codeForbidden, "ask for the role: kubectl create rolebinding -n "+p.namespace+" keyshift-approvers --clusterrole=keyshift-approver --user=NAME", "%s", why)
	}
	if _, why, found := strings.Cut(said, "is forbidden: "); found {
		said = why
	}
	hint := right
	if resource == plansResource {
		hint += ": the ClusterRole keyshift-approver has it"
	}
	return problem(codeForbidden, hint, "%s", said)
}
