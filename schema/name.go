package schema

import (
	"regexp"
	"strconv"

	"keyshift.dev/state"
)

// What Kubernetes admits as names: RFC 1123 labels for namespaces and containers, subdomains for the rest.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
var (
	label     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
)

// maxSubdomain is how many bytes a name of Kubernetes has at most.
const maxSubdomain = 253

func (r *reader) checkLabel(path []string, what, name string) {
	if !label.MatchString(name) {
		r.problem(path, "kubernetes-name", "Kubernetes refuses "+strconv.Quote(name)+" as the name of a "+what, labelRule)
	}
}

func (r *reader) checkSubdomain(path []string, what, name string) {
	if len(name) > maxSubdomain || !subdomain.MatchString(name) {
		r.problem(path, "kubernetes-name", "Kubernetes refuses "+strconv.Quote(name)+" as the name of a "+what,
			"use lower case letters, digits, '-' and '.', with a letter or a digit at both ends")
	}
}

// imageReference is what an image may look like: no more than what makes the pod invalid is refused.
var imageReference = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$`)

func (r *reader) checkImage(path []string, image string) {
	switch {
	case image == "":
		r.problem(path, "image", "the image is empty", `name one: "registry/name:tag"`)
	case !imageReference.MatchString(image):
		r.problem(path, "image", strconv.Quote(image)+" is not the name of an image", `write "registry/name:tag", without spaces and without a scheme`)
	}
}

// reserved matches the keys that Keyshift keeps in a store for itself.
const reserved = "keyshift:<rest...>"

// checkReserved refuses patterns that could take keys of Keyshift's own: a rewrite would change its ledger.
func (c checker) checkReserved(k state.Keyspace) {
	ours, err := c.pattern(reserved)
	if err != nil {
		panic("schema: " + err.Error())
	}
	for _, s := range k.Shapes {
		p, err := c.pattern(s.Keys)
		if err == nil && state.Overlap(p, ours) {
			c.problem([]string{"system", "keyspaces", k.Name, "versions", string(s.Version), "keys"}, "reserved-prefix",
				strconv.Quote(s.Keys)+` can match keys that start with "keyshift:", which Keyshift keeps for itself`, "give the keys another prefix")
		}
	}
}
