package remote

import (
	"context"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
)

// reconcile asks for an attempt now.
type reconcile struct {
	connection
	waiting
	force, adopt bool
}

func reconcileCommand() Command {
	r := &reconcile{}
	return Command{
		Use:   "reconcile DELIVERY",
		Short: "Let the controller look at a Delivery now",
		Long: `Reconcile asks for an attempt now instead of at the next interval: the repository is fetched, the cluster and the keys
are observed, and what is to be done is done. It waits until that is over.

With --force, steps that failed and are not tried again by themselves are tried once more. With --adopt, stores are taken
as they are now, also if one was emptied or replaced: what is recorded of it is given up.

Exit code 0: the Delivery is ready; 1: it is not.`,
		Example: "  keyshift reconcile shop -n shop\n  keyshift reconcile shop --force",
		Args:    1, Flags: r.bind, Run: r.with(r.run),
	}
}

func (r *reconcile) bind(fs *pflag.FlagSet) {
	r.connection.bind(fs)
	r.waiting.bind(fs)
	fs.BoolVar(&r.force, "force", false, "try once more what failed and is not tried again by itself")
	fs.BoolVar(&r.adopt, "adopt", false, "take stores as they are now, also if one was emptied or replaced")
}

func (r *reconcile) run(ctx context.Context, p place, s Streams, name string) error {
	d, err := p.delivery(ctx, name)
	if err != nil {
		return err
	}
	if d.Spec.Suspend {
		return problem("Suspended", "let it go on first: "+p.command("resume", name), "Delivery %s is suspended: nothing is done", name)
	}
	token := time.Now().UTC().Format(time.RFC3339Nano)
	before := d.DeepCopy()
	r.mark(d, token)
	if err := p.client.Patch(ctx, d, client.MergeFrom(before)); err != nil {
		return p.explain(err, "patch", deliveriesResource, name)
	}
	if !r.wait {
		s.line("Delivery %s will be looked at now.", name)
		out := arrivalOf(d)
		return s.give(&out, &out.Errors, nil)
	}
	d, err = p.follow(ctx, s, r.waiting, d, func(d *v1alpha1.Delivery) bool { return d.Status.LastHandledReconcileAt == token })
	if c := ready(d); err == nil && c.Status == metav1.ConditionTrue {
		s.line("Delivery %s is ready: %s", name, c.Message)
	} else if err == nil {
		err = p.notReady(d)
	}
	out := arrivalOf(d)
	return s.give(&out, &out.Errors, err)
}

// mark writes the token that asks, and the same token where it asks for more.
func (r *reconcile) mark(d *v1alpha1.Delivery, token string) {
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	d.Annotations[meta.ReconcileRequestAnnotation] = token
	if r.force {
		d.Annotations[v1alpha1.ForceAnnotation] = token
	}
	if r.adopt {
		d.Annotations[v1alpha1.AdoptAnnotation] = token
	}
}
