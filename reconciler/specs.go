package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/gitsource"
	"keyshift.dev/state"
)

// spec is one revision of a repository, evaluated. The same revision is not fetched or evaluated twice; what it
// is compared with is observed every time.
type spec struct {
	source   string // what was asked for
	revision string
	signer   string // empty if nothing had to be signed
	desired  state.Desired
	err      error // state.Diagnostics: the revision's own mistakes, which another attempt would find again
	at       time.Time
}

// doubt is how long an evaluation that was killed is believed to be the spec's fault, and not that of a busy machine.
const doubt = 10 * time.Minute

// current tells whether the spec still holds if its revision does.
func (s spec) current(now time.Time) bool {
	ds, _ := s.err.(state.Diagnostics)
	return len(ds) == 0 || evaluationReason(ds) == v1alpha1.ReasonSpecInvalid || now.Sub(s.at) < doubt
}

// specs holds the last spec of each Delivery.
type specs struct{ memory[spec] }

// get returns the spec of a source, an empty one if there is none that is current.
func (s *specs) get(name types.NamespacedName, source string) spec {
	if held, _ := s.memory.get(name); held.source == source && held.current(time.Now()) {
		return held
	}
	return spec{source: source}
}

// sourceKey names what a Delivery asks for, and what must be signed by whom, credentials aside.
func sourceKey(d *v1alpha1.Delivery, verify *gitsource.Verify) string {
	ref := followed(d)
	return fmt.Sprintf("%q", []string{d.Spec.Git.URL, ref.Branch, ref.Tag, ref.Commit, d.Spec.Path, verify.Digest()})
}

// followed is what a Delivery takes from its repository: what its ref says, or the commit that it was rolled back to.
func followed(d *v1alpha1.Delivery) v1alpha1.GitRef {
	ref := v1alpha1.GitRef{}
	if d.Spec.Git.Ref != nil {
		ref = *d.Spec.Git.Ref
	}
	if d.Spec.Rollback == nil {
		return ref
	}
	branch, _, named := strings.Cut(d.Spec.Rollback.To, "@")
	if named && ref.Branch == "" && ref.Tag == "" {
		ref.Branch = branch // of which the server serves commits, if it does not serve single ones
	}
	ref.Tag, ref.Commit = "", d.Spec.Rollback.To[max(0, len(d.Spec.Rollback.To)-40):]
	return ref
}

// line is the part of the line before the live world: how to fetch and how to evaluate.
type line struct {
	fetch    func(ctx context.Context, s gitsource.Source, last string) (gitsource.Snapshot, error)
	evaluate func(ctx context.Context, files fs.FS, dir string) (state.Desired, error)
}

// read returns the spec of the source's newest revision. It calls arrived before it evaluates a revision that
// is not the held one. A mistake in the revision is in the spec's err; the error is of everything else.
func (l line) read(ctx context.Context, held spec, src gitsource.Source, dir string, arrived func(gitsource.Snapshot)) (spec, error) {
	snap, err := l.fetch(ctx, src, held.revision)
	if errors.Is(err, gitsource.ErrUnchanged) {
		return held, nil
	}
	if err != nil {
		return spec{}, err
	}
	arrived(snap)
	next := spec{source: held.source, revision: snap.Revision, signer: snap.Signer, at: time.Now()}
	next.desired, err = l.evaluate(ctx, snap.Files, dir)
	var mistakes state.Diagnostics
	if errors.As(err, &mistakes) {
		next.err = mistakes
		return next, nil
	}
	return next, err
}
