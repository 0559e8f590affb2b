package remote

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
)

// arrival is where a Delivery has come to, for programs.
type arrival struct {
	Delivery  string     `json:"delivery"`
	Wanted    string     `json:"wanted,omitempty"` // revision of a rollback
	Attempted string     `json:"attempted,omitempty"`
	Applied   string     `json:"applied,omitempty"`
	Ready     string     `json:"ready"` // True, False or Unknown
	Reason    string     `json:"reason,omitempty"`
	Message   string     `json:"message,omitempty"`
	Errors    []*Problem `json:"errors,omitempty"`
}

func arrivalOf(d *v1alpha1.Delivery) arrival {
	c := ready(d)
	return arrival{Delivery: d.Name, Attempted: d.Status.LastAttemptedRevision, Applied: d.Status.LastAppliedRevision,
		Ready: string(c.Status), Reason: c.Reason, Message: c.Message}
}

// follow looks at a Delivery until it has arrived, and prints what its status says meanwhile. It returns how the Delivery
// was last, if it ever was read.
func (p place) follow(parent context.Context, s Streams, w waiting, d *v1alpha1.Delivery, arrived func(*v1alpha1.Delivery) bool) (*v1alpha1.Delivery, error) {
	ctx, cancel := context.WithTimeout(parent, w.timeout)
	defer cancel()
	said := ""
	for {
		now, err := p.delivery(ctx, d.Name)
		switch {
		case err == nil && arrived(now):
			return now, nil
		case err == nil:
			d = now
			if m := ready(d).Message; m != said && ready(d).Status == metav1.ConditionUnknown {
				s.line("  %s", m)
				said = m
			}
		case ctx.Err() == nil && !unreachable(err):
			return d, err
		}
		select {
		case <-ctx.Done():
			return d, p.left(parent, w, d)
		case <-time.After(p.pause):
		}
	}
}

// unreachable tells whether another look may be answered.
func unreachable(err error) bool {
	e, ok := errors.AsType[*Problem](err)
	return ok && e.Code == codeUnreachable
}

// left says that nobody waits any more.
func (p place) left(parent context.Context, w waiting, d *v1alpha1.Delivery) error {
	hint := "it goes on without you; look with: " + p.command("status", d.Name)
	if parent.Err() != nil {
		return problem("Interrupted", hint, "Delivery %s has not arrived yet: %s", d.Name, ready(d).Message)
	}
	return problem("NotInTime", hint, "Delivery %s has not arrived within %s: %s", d.Name, w.timeout, ready(d).Message)
}

// notReady says why a Delivery is not ready, and what to do.
func (p place) notReady(d *v1alpha1.Delivery) *Problem {
	c := ready(d)
	code := c.Reason
	if code == "" {
		code = "NotReady"
	}
	return problem(code, p.wayOut(c.Reason, d.Name), "Delivery %s is not ready: %s", d.Name, c.Message)
}

// wayOut is the command that goes on from a reason for not being ready, if there is one.
func (p place) wayOut(reason, name string) string {
	switch reason {
	case v1alpha1.ReasonAwaitingApproval:
		return "review and approve the plan: " + p.command("approve", name)
	case v1alpha1.ReasonQuarantined, v1alpha1.ReasonRolledBack:
		return "correct the spec, or try once more: " + p.command("reconcile", name, "--force")
	case v1alpha1.ReasonStoreChanged:
		return "bring the data back, or take the store as it is: " + p.command("reconcile", name, "--adopt")
	case v1alpha1.ReasonWindowClosed:
		return "it goes on by itself when the window opens"
	}
	return "look with: " + p.command("status", name)
}
