package remote

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
)

// rollback keeps a Delivery at an earlier revision.
type rollback struct {
	connection
	waiting
	to string
}

func rollbackCommand() Command {
	r := &rollback{}
	return Command{
		Use:   "rollback DELIVERY",
		Short: "Bring a Delivery back to a revision that was applied before",
		Long: `Rollback keeps the releases and the data at an earlier revision, whatever Git says, until keyshift resume. The way
back is planned as every plan is: observed first, safe at every moment, reviewed where the policies demand it. It says how
that goes, until the revision is applied or something holds it, and how Git must follow.

Of a Delivery that is suspended it ends the suspension: it stays at the revision that is named.

Exit code 0: the revision is applied; 1: it is not, or not yet.`,
		Example: "  keyshift rollback shop -n shop\n  keyshift rollback shop --to 0a1b2c3",
		Args:    1, Flags: r.bind, Run: r.with(r.run),
	}
}

func (r *rollback) bind(fs *pflag.FlagSet) {
	r.connection.bind(fs)
	r.waiting.bind(fs)
	fs.StringVar(&r.to, "to", "", "revision of status.applied, or the first digits of its commit, at least 7; the last one before that of now if empty")
}

func (r *rollback) run(ctx context.Context, p place, s Streams, name string) error {
	d, err := p.delivery(ctx, name)
	if err != nil {
		return err
	}
	to, err := r.target(p, d)
	if err != nil {
		return err
	}
	from := d.Status.LastAttemptedRevision
	s.line("Delivery %s goes from %s to %s.", name, dash(short(from)), short(to))
	if d.Spec.Suspend {
		s.note("its suspension ends: it stays at %s instead", short(to))
	}
	before := d.DeepCopy()
	d.Spec.Suspend, d.Spec.Rollback = false, &v1alpha1.Rollback{To: pin(d, to)}
	if err := p.client.Patch(ctx, d, client.MergeFrom(before)); err != nil {
		return p.explain(err, "patch", deliveriesResource, name)
	}
	if r.wait {
		d, err = r.arrive(ctx, p, s, d, to)
	}
	out := arrivalOf(d)
	out.Wanted = to
	if err == nil && r.wait {
		s.line("Delivery %s is at %s.", name, short(to))
	}
	if err == nil {
		sayGit(p, s, d, to)
	}
	return s.give(&out, &out.Errors, err)
}

// pin is a revision as spec.rollback takes it. What stands before the commit is a branch there, and of a Delivery that follows
// a tag it is none.
func pin(d *v1alpha1.Delivery, to string) string {
	if ref := d.Spec.Git.Ref; ref != nil && ref.Tag != "" {
		return "sha1:" + commitOf(to)
	}
	return to
}

// arrive waits until a revision is applied, or something holds it.
func (r *rollback) arrive(ctx context.Context, p place, s Streams, d *v1alpha1.Delivery, to string) (*v1alpha1.Delivery, error) {
	generation, before := d.Generation, 0
	d, err := p.follow(ctx, s, r.waiting, d, func(d *v1alpha1.Delivery) bool {
		c := ready(d)
		switch {
		case overtaken(d, to):
			return true
		case c.Status == metav1.ConditionUnknown || c.ObservedGeneration < generation:
			before = 0
			return false
		case commitOf(d.Status.LastAttemptedRevision) == commitOf(to):
			return true
		}
		before++ // it may be the end of a run that knew nothing of this yet, or the revision cannot be had
		return c.Status == metav1.ConditionFalse && before > settling
	})
	switch {
	case err != nil:
		return d, err
	case overtaken(d, to):
		return d, problem("Overtaken", "look with: "+p.command("status", d.Name), "Delivery %s is not kept at %s any more: somebody has changed that meanwhile", d.Name, short(to))
	case ready(d).Status != metav1.ConditionTrue:
		return d, p.notReady(d)
	}
	return d, nil
}

// settling is how many looks in a row must find a failure before the revision was tried: the controller begins anew at once
// where a run ends that was of another.
const settling = 3

// overtaken tells whether a Delivery is to be kept somewhere else now.
func overtaken(d *v1alpha1.Delivery, to string) bool {
	return d.Spec.Rollback == nil || commitOf(d.Spec.Rollback.To) != commitOf(to)
}

// sayGit says how Git must follow, so that the Delivery can follow Git again.
func sayGit(p place, s Streams, d *v1alpha1.Delivery, to string) {
	s.line("Git does not know of it. Undo there what is newer, and let the Delivery follow Git again:")
	s.line("  %s", undo(d, commitOf(to)))
	s.line("  %s", p.command("resume", d.Name))
}

// undo is the command that makes what a Delivery follows what it was at a commit.
func undo(d *v1alpha1.Delivery, commit string) string {
	ref, since := d.Spec.Git.Ref, commit[:12]+"..HEAD"
	switch dir := path.Clean(d.Spec.Path); {
	case ref != nil && ref.Commit != "":
		return fmt.Sprintf(`kubectl patch delivery %s -n %s --type merge -p '{"spec":{"git":{"ref":{"commit":"%s"}}}}'`, d.Name, d.Namespace, commit)
	case ref != nil && ref.Tag != "":
		return fmt.Sprintf("git tag --force %s %s && git push --force origin tag %s", quoted(ref.Tag), commit[:12], quoted(ref.Tag))
	case dir == ".":
		return "git revert --no-edit " + since + " && git push    # a merge takes -m 1"
	default: // the repository has other things, too
		return "git revert --no-edit $(git rev-list " + since + " -- " + quoted(dir) + ") && git push    # a merge takes -m 1"
	}
}

// commitStart is the beginning of a commit, or all of it.
var commitStart = regexp.MustCompile(`^[0-9a-f]{7,40}$`)

// target returns the applied revision that is meant.
func (r *rollback) target(p place, d *v1alpha1.Delivery) (string, error) {
	var all []string // of each commit the latest revision
	for _, a := range d.Status.Applied {
		commit := commitOf(a.Revision)
		if commit != "" && !slices.ContainsFunc(all, func(x string) bool { return commitOf(x) == commit }) {
			all = append(all, a.Revision)
		}
	}
	var known []string
	for _, revision := range all {
		known = append(known, short(revision))
	}
	hint := "nothing else was applied: revert in Git"
	if len(known) > 0 {
		hint = "name one with --to: " + strings.Join(known, ", ")
	}
	if r.to == "" {
		return r.last(p, d, all, hint)
	}
	start := r.to[strings.LastIndexByte(r.to, '@')+1:]
	start = strings.TrimPrefix(start, "sha1:")
	if !commitStart.MatchString(start) {
		return "", problem("NoRevision", hint, "--to %s is neither a revision nor the beginning of a commit, at least 7 digits", r.to)
	}
	found := keep(all, func(x string) bool { return strings.HasPrefix(commitOf(x), start) })
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", problem("NoRevision", hint, "--to %s was not applied by Delivery %s, as far as is remembered", r.to, d.Name)
	}
	return "", problem("NoRevision", "give more digits", "--to %s is the beginning of several commits", r.to)
}

// last returns the latest revision that was applied before that of now.
func (r *rollback) last(p place, d *v1alpha1.Delivery, all []string, hint string) (string, error) {
	if d.Spec.Rollback != nil {
		return "", problem("RolledBack", hint+"; or follow Git again: "+p.command("resume", d.Name), "Delivery %s is rolled back already, to %s", d.Name, short(d.Spec.Rollback.To))
	}
	for _, x := range all {
		if commitOf(x) != commitOf(d.Status.LastAttemptedRevision) {
			return x, nil
		}
	}
	return "", problem("NoRevision", "revert in Git", "Delivery %s has applied no other revision than that of now, as far as is remembered", d.Name)
}
