package remote

import (
	"context"

	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
)

// pausing lets a Delivery rest, or go on.
type pausing struct {
	connection
	suspend bool
}

// paused says how a Delivery is, for programs.
type paused struct {
	Delivery  string `json:"delivery"`
	Suspended bool   `json:"suspended"`
	Changed   bool   `json:"changed"` // it was not so before
}

func suspendCommand() Command {
	o := &pausing{suspend: true}
	return Command{
		Use:   "suspend DELIVERY",
		Short: "Let a Delivery observe and change nothing until it is resumed",
		Long: `Suspend stops a Delivery from observing and changing anything. A run that has begun ends at the next safe point; what
was done stays, and keyshift resume goes on from there.`,
		Example: "  keyshift suspend shop -n shop",
		Args:    1, Flags: func(fs *pflag.FlagSet) { o.bind(fs) }, Run: o.with(o.run),
	}
}

func resumeCommand() Command {
	o := &pausing{}
	return Command{
		Use:   "resume DELIVERY",
		Short: "Let a Delivery follow Git again, after suspend or rollback",
		Long: `Resume takes away what keyshift suspend or keyshift rollback has set: the Delivery goes to what Git says now. After
a rollback, revert in Git first, or what was rolled back is rolled out again.`,
		Example: "  keyshift resume shop -n shop",
		Args:    1, Flags: func(fs *pflag.FlagSet) { o.bind(fs) }, Run: o.with(o.run),
	}
}

func (o *pausing) run(ctx context.Context, p place, s Streams, name string) error {
	d, err := p.delivery(ctx, name)
	if err != nil {
		return err
	}
	before := d.DeepCopy()
	d.Spec.Suspend = o.suspend
	if !o.suspend {
		d.Spec.Rollback = nil
	}
	change := before.Spec.Suspend != d.Spec.Suspend || before.Spec.Rollback != d.Spec.Rollback
	if change {
		if err := p.client.Patch(ctx, d, client.MergeFrom(before)); err != nil {
			return p.explain(err, "patch", deliveriesResource, name)
		}
	}
	o.say(p, s, before, change)
	if s.JSON {
		return s.value(paused{name, o.suspend, change})
	}
	return nil
}

func (o *pausing) say(p place, s Streams, before *v1alpha1.Delivery, change bool) {
	name := before.Name
	switch {
	case o.suspend && !change:
		s.line("Delivery %s was suspended before.", name)
	case o.suspend:
		s.line("Delivery %s is suspended: a run that has begun ends at the next safe point. To go on: %s", name, p.command("resume", name))
	case !change:
		s.line("Delivery %s follows Git: it was neither suspended nor rolled back.", name)
	case before.Spec.Rollback != nil:
		s.line("Delivery %s was kept at %s and follows Git again; look with: %s", name, short(before.Spec.Rollback.To), p.command("status", name))
	default:
		s.line("Delivery %s follows Git again; look with: %s", name, p.command("status", name))
	}
}
