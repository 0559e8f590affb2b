package cluster

import (
	"slices"

	"keyshift.dev/state"
)

// Pull says whether an image can be pulled.
type Pull string

// The answers.
const (
	PullWorks   Pull = "works"   // its registry has it and gives it out
	PullMissing Pull = "missing" // there is no such image
	PullDenied  Pull = "denied"  // its registry refuses the credentials of the workload
	PullUnknown Pull = "unknown" // nobody could tell: the registry does not answer, or nodes may have credentials of their own
)

// Fails tells whether it is certain that the image cannot be pulled.
func (p Pull) Fails() bool { return p == PullMissing || p == PullDenied }

// ImageAnswer is what a registry says of an image.
type ImageAnswer struct {
	Image state.Image
	Pull  Pull
	Why   string // for people; empty if it works
}

// same answers alike of all images.
func same(images []state.Image, p Pull, why string) []ImageAnswer {
	out := make([]ImageAnswer, len(images))
	for i, image := range images {
		out[i] = ImageAnswer{image, p, why}
	}
	return out
}

// distinct returns the names of images, sorted, each once.
func distinct(images []state.Image) []string {
	names := make([]string, len(images))
	for i, image := range images {
		names[i] = image.Image
	}
	slices.Sort(names)
	return slices.Compact(names)
}
